"""Confirming, from a new shell, a step that can lock people out."""

from __future__ import annotations

from runbook_app.domain import guard as guards
from runbook_app.domain.commands import AnswerQuestion, ResolveUnknown
from runbook_app.domain.events import ConfirmationFailed
from runbook_app.domain.state import GuardState, SessionState, StepStatus
from runbook_app.headless.feed import Detached, EngineDied, Feed
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone
from runbook_app.headless.parting import Exit, Parting
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session


class ConfirmDriver:
    """Gives the confirmation when the engine asks for it; `how` says what was seen before."""

    def __init__(
        self, session: Session, printer: Printer, step: str, how: str, interrupts: Interrupts
    ) -> None:
        self._session = session
        self._printer = printer
        self._step = step
        self._how = how
        self._feed = Feed(session, printer, interrupts)
        self._parting = Parting(session, printer)
        self._given: set[str] = set()

    @property
    def _state(self) -> SessionState:
        return self._session.state

    def _guard(self) -> GuardState | None:
        item = self._state.guarded
        guard = item.guard if item else None
        return guard if guard is not None and guard.step == self._step else None

    async def run(self) -> int:
        """Confirm, and return the exit code: 0 only when the step stays.

        Raises:
            LockedError: another driver holds the target.
        """
        ours = not self._session.engine_alive()
        try:
            await self._feed.start_engine()
            code = await self._confirm()
            if ours:
                await self._feed.stop_engine("the confirmation is over")
        except Detached as reason:
            return self._parting.detached(str(reason))
        except EngineDied:
            return self._parting.engine_died()
        return code

    async def _confirm(self) -> int:
        guard = self._guard()
        before = guard.failed if guard else None
        while guard is not None and not self._feed.stop_wanted:
            if self._given and guard.failed is not None and guard.failed is not before:
                return self._refused(guard.failed)
            if self._state.step(self._step).status is StepStatus.FAILED:
                self._printer.say(f"Step {self._step} failed: retry it, then confirm.", Tone.BAD)
                return Exit.FAILED
            await self._give()
            await self._feed.pump()
            guard = self._guard()
        if self._state.step(self._step).confirmed:
            self._printer.say(f"Confirmed: step {self._step} stays.", Tone.GOOD)
            return Exit.DONE
        self._printer.say(f"Not confirmed: step {self._step}.", Tone.BAD)
        return Exit.FAILED if guard is None else Exit.WAITING

    async def _give(self) -> None:
        """Answer what is asked for this step, and say what a crash left unknown."""
        asked, step = self._state.question, self._state.step(self._step)
        if asked is not None and (asked.kind, asked.step) == ("guarded", self._step):
            if asked.id not in self._given:
                self._given.add(asked.id)
                await self._feed.send(
                    AnswerQuestion, question=asked.id, answer="yes", how=self._how
                )
        elif step.status is StepStatus.UNKNOWN and step.examined and step.id not in self._given:
            self._given.add(step.id)
            await self._feed.send(ResolveUnknown, step=step.id, answer="done")

    def _refused(self, failed: ConfirmationFailed) -> int:
        self._printer.say(f"Not confirmed: the engine's check says {failed.evidence}", Tone.BAD)
        self._printer.say(guards.words(self._state, self._session.reverts_in()))
        return Exit.FAILED
