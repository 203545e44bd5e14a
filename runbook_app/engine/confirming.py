"""Steps that can lock people out: a guard before them, and a confirmation after them."""

from __future__ import annotations

import asyncio

from runbook_app.domain import events as ev
from runbook_app.domain import guard as guards
from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.measure import Finding, Progress
from runbook_app.domain.plan import Item, Step
from runbook_app.domain.state import ItemState, StepStatus
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.ports.clock import Clock
from runbook_app.ports.guards import Guards

AGAIN = 5.0
"""Seconds until a check that failed over new connections is run again."""
REARM = 30.0
"""Seconds until another guard is tried where one did not come up."""
APPLIED = "its work has ended"
DIED = "the engine ended while it ran"
LOST = "the guard before it has ended"


class Confirming:
    def __init__(
        self, *, ledger: Ledger, questions: Questions, guards: Guards, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._questions = questions
        self._guards = guards
        self._clock = clock
        self._last_seen = ledger.state.at
        """When the engine before this one is known to have lived."""
        self._not_before = 0.0
        """Seconds since the machine's start; another guard is tried then."""
        self._told = ""
        """Why no guard could be started, as it was said already."""

    async def arm(self, item: Item, step: Step) -> None:
        """Have a guard on record before the step begins, if the plan wants one.

        Raises:
            ActionError: there is none, so the step may not begin.
        """
        if step.confirm_within is not None:
            await self._start(item.id, step.id, step.confirm_within.total_seconds())

    async def _start(self, item: str, step: str, within: float, again: str = "") -> None:
        guard = await self._guards.start()
        try:
            await self._ledger.emit(
                ev.GuardArmed(
                    item=item,
                    step=step,
                    within=within,
                    pid=guard.pid,
                    pid_started=guard.pid_started,
                    again=again,
                )
            )
        finally:
            guard.release()

    async def count(self, step: str, reason: str, over: float = 0.0) -> None:
        """Let the time to confirm the step begin, unless it has; `over` seconds are gone."""
        item = self._ledger.state.guarded
        guard = item.guard if item else None
        if guard is not None and guard.step == step and guard.counting is None:
            await self._ledger.emit(guards.counting(guard, self._clock.moment(), reason, over))

    async def attend(self) -> ItemState | None:
        """Have a guard stand; returns the item for which that comes too late."""
        item = self._ledger.state.guarded
        guard = item.guard if item else None
        if item is None or guard is None:
            return None
        now = to_text(self._clock.now())
        step = item.steps.get(guard.step)
        if step is None or step.status not in (StepStatus.RUNNING, StepStatus.WAITING):
            over = max(guards.gone(self._last_seen, now), 0.0) if self._last_seen else 0.0
            await self.count(guard.step, DIED, over)
        armed = guard.armed
        if item.rolling_back or self._guards.alive(armed.pid, armed.pid_started):
            return None
        moment = self._clock.moment()
        left = guards.left(guard, moment, now)
        if item.rollback_started is None and left is not None and left <= 0:
            return item
        if moment.seconds < self._not_before:
            return None
        try:
            await self._start(item.id, guard.step, armed.within, LOST)
        except RunbookError as error:
            self._not_before = moment.seconds + REARM
            if str(error) != self._told:
                self._told = str(error)
                await self._ledger.emit(
                    ev.NoteAdded(text=self._told, by="engine", item=item.id, step=guard.step)
                )
        return None

    async def confirm(self, item: Item, step: Step) -> ev.QuestionAnswered | None:
        """Ask until the step is confirmed; returns the answer of one who wants it reverted.

        Nobody is asked, and no answer counts, unless the step's check passes in a new process.
        """
        while True:
            found = await self._look(item, step)
            if found is None:
                await asyncio.sleep(AGAIN)
                continue
            answer = await self._questions.ask(
                self._text(item, step, found),
                item=item.id,
                step=step.id,
                kind="guarded",
                choices=("yes", "no"),
            )
            if answer.answer != "yes":
                return answer
            found = await self._look(item, step, by=answer.by)
            if found is not None:
                how = answer.how or ("--yes" if answer.assumed else "answered on a screen")
                await self._ledger.emit(
                    ev.StepConfirmed(
                        item=item.id,
                        step=step.id,
                        by=answer.by,
                        how=how,
                        evidence=found.evidence,
                        assumed=answer.assumed,
                    )
                )
                return None

    def _text(self, item: Item, step: Step, found: Finding) -> str:
        seen = f": {found.evidence}" if found.evidence else ""
        within = guards.spoken(step.confirm_within.total_seconds() if step.confirm_within else 0)
        return (
            f"Keep step {step.id} ({step.title})? Its check passed over new connections{seen}."
            f" Unless this is confirmed, item {item.id} is rolled back {within} after the step's"
            " end; 'no' does it now. From a new shell, which shows that one can be opened: "
            + guards.command(self._ledger.state, step.id)
        )

    async def _look(self, item: Item, step: Step, by: str = "") -> Finding | None:
        """What the check says in a new process; None, and on record, when that is not `done`."""
        try:
            found = await self._guards.check(item.id, step.id, step.timeout)
            evidence = f"{found.progress}: {found.evidence}"
        except RunbookError as error:
            found, evidence = None, f"the check could not run: {error}"
        if found is not None and found.progress is Progress.DONE:
            return found
        guard = self._ledger.state.items[item.id].guard
        told = guard.failed.evidence if guard and guard.failed else ""
        if by or evidence != told:
            await self._ledger.emit(
                ev.ConfirmationFailed(item=item.id, step=step.id, evidence=evidence, by=by)
            )
        return None
