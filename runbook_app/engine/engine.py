"""The engine: takes commands from the journal, decides, and drives one piece of work at a time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime

from runbook_app.domain import commands as cmd
from runbook_app.domain import decisions
from runbook_app.domain import events as ev
from runbook_app.domain import guard as guards
from runbook_app.domain.clock import parse_time
from runbook_app.domain.errors import ActionError, EnvironmentLacks, RunbookError
from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, ItemStatus, StepStatus
from runbook_app.engine.calling import Calling
from runbook_app.engine.captures import Captures
from runbook_app.engine.checkpoint import Gate
from runbook_app.engine.conditions import Conditions
from runbook_app.engine.confirming import Confirming
from runbook_app.engine.hands import Hands
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.recheck import Recheck
from runbook_app.engine.recovery import EndSurvivor, end_actors, examine
from runbook_app.engine.redaction import Redactor, StreamRedactor
from runbook_app.engine.rehearsed import Rehearsed
from runbook_app.engine.reports import Reports
from runbook_app.engine.rollback import Rollback, warnings
from runbook_app.engine.scoring import Scoring
from runbook_app.engine.series import Series
from runbook_app.engine.steps import Steps
from runbook_app.ports.clock import Clock
from runbook_app.ports.journal import LogWriter
from runbook_app.ports.target import Target

POLL = 1.0
"""Seconds between looks at the journal when no doorbell rings."""


class Engine:
    def __init__(
        self,
        *,
        plan: Plan,
        ledger: Ledger,
        steps: Steps,
        gate: Gate,
        rollback: Rollback,
        confirming: Confirming,
        captures: Captures,
        scoring: Scoring,
        recheck: Recheck,
        series: Series,
        rehearsed: Rehearsed,
        calling: Calling,
        conditions: Conditions,
        hands: Hands,
        reports: Reports,
        target: Target,
        logs: LogWriter,
        redactor: Redactor,
        clock: Clock,
        end_survivor: EndSurvivor,
        canary: str,
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._steps = steps
        self._gate = gate
        self._rollback = rollback
        self._confirming = confirming
        self._captures = captures
        self.scoring = scoring
        self._recheck = recheck
        self._rehearsed = rehearsed
        self._calling = calling
        self._conditions = conditions
        self._hands = hands
        self._reports = reports
        self._target = target
        self._logs = logs
        self._redactor = redactor
        self._clock = clock
        self._end_survivor = end_survivor
        self._canary = canary
        self._work: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[bool] | None = None
        """The end of what an older engine left at work, which no command cuts short."""
        self._recovered = False
        self._stopping = ""
        self._asked: list[cmd.MeasureScore | cmd.Recheck] = []
        """What is to be measured as soon as nothing else is under way."""
        steps.stop_wanted = series.stop_wanted = lambda: bool(self._stopping)
        self._streams: dict[tuple[str, int], StreamRedactor] = {}
        """Of the containers' logs, by service and draining thread."""
        self._wake = asyncio.Event()
        self._beat: Callable[[], None] = lambda: None

    def stop(self, reason: str) -> None:
        """Ask the engine to end at the next safe point."""
        self._stopping = self._stopping or reason
        self._wake.set()

    async def run(
        self,
        started: ev.EngineStarted,
        begun: Callable[[], None],
        *,
        beat: Callable[[], None] = lambda: None,
        taken: Sequence[ev.LockTaken] = (),
    ) -> None:
        """Drive the session until it is stopped; `begun` is called once that is on record.

        `beat` is called at each turn of this loop, so that a loop that hangs is seen to.

        Raises:
            JournalError: nothing can be recorded any more, so nothing more is done.
        """
        self._beat = beat
        await self._ledger.emit(started, *taken)
        begun()
        self._calling.start()
        self._follow_logs(begins=started.epoch == 1)
        self._ending = asyncio.create_task(self._end_actors())
        self._begin(self._recover())
        listening = asyncio.create_task(self._listen())
        try:
            while True:
                self._beat()
                self._ledger.catch_up()
                await self._answer_commands()
                await self._hands.attend()
                await self._ask_nothing_more()
                self._collect_work()
                await self._keep_guard()
                resting = self._work is None and not self._ledger.state.intent.active
                await self._reports.write_if_due(resting=resting)
                if self._work is None:
                    if self._stopping:
                        break
                    await self._start_work()
                await self._pause()
        finally:
            listening.cancel()
            await self._end_work("the engine ends")
            await self._calling.stop()
        await self._ledger.settle()
        await self._reports.write_if_due(resting=True)
        await self._ledger.emit(
            *await self._stop_logs(),
            ev.EngineStopped(epoch=started.epoch, reason=self._stopping),
        )

    def _follow_logs(self, *, begins: bool) -> None:
        """Store what the target's containers write, each in a redacted stream of its own.

        The canary is the first thing that a session sends that way: whatever else it does, a
        fault of the redaction shows when a signal is exported.
        """

        def write(service: str, data: bytes) -> None:
            # Two containers of a service overlap while it is recreated, each in its own thread.
            stream = self._streams.setdefault(
                (service, threading.get_ident()), self._redactor.stream()
            )
            if clean := stream.feed(data):
                self._logs.write(service, "", clean)

        if begins:
            write("engine", f"Known secrets are masked here: {self._canary}\n".encode())
        self._target.follow_logs(write)

    async def _stop_logs(self) -> Sequence[ev.LogLost]:
        """End the draining, and store what the streams held back."""
        lost = await self._target.stop_logs()
        for (service, _), stream in self._streams.items():
            if rest := stream.close():
                self._logs.write(service, "", rest)
        return lost

    async def _listen(self) -> None:
        """Wake the engine at each doorbell, and at the poll."""
        while True:
            await self._ledger.wait(POLL)
            self._wake.set()

    async def _pause(self) -> None:
        """Wait for a doorbell, the end of the work, a stop, or the poll."""
        await self._wake.wait()
        self._wake.clear()

    async def _end_actors(self) -> bool:
        """End what an older engine left at work; false when it can't be had."""
        displaced = {taken.session for taken, _ in self._ledger.state.locks_taken}
        try:
            await self._target.end_survivors(sorted(displaced - {self._ledger.state.id}))
        except EnvironmentLacks:
            pass  # without a Docker engine nothing of it runs there either
        except ActionError as error:
            self.stop(f"a second actor may be at work on the target: {error}")
            return False
        await end_actors(self._ledger, self._end_survivor)
        return True

    async def _keep_guard(self) -> None:
        """Have a guard stand where one has to; revert where that comes too late."""
        if self._recovered and not self._stopping:
            item = await self._confirming.attend()
            if item is not None:
                await self._give_up(f"item {item.id} is being rolled back")
                await self._start_reverting(item)

    async def _start_reverting(self, item: ItemState) -> None:
        within = item.guard.armed.within if item.guard else 0.0
        reason = f"{guards.reason(within)}, and no guard left"
        await self._ledger.emit(
            *warnings(item), ev.RollbackStarted(item=item.id, by="engine", reason=reason)
        )

    async def _recover(self) -> None:
        if self._ending is None or not await asyncio.shield(self._ending):
            return
        try:
            late = await self._confirming.attend()
        finally:
            self._recovered = True
        if late is not None:
            await self._start_reverting(late)
        await examine(self._ledger, self._steps, self._plan)
        await self._rehearsed.note()
        if await self._target.git.state() != "no repository":
            await self._target.git.exclude(self._plan.record_documents())

    # Commands

    async def _answer_commands(self) -> None:
        inbox, self._ledger.inbox = self._ledger.inbox, []
        for command in inbox:
            if command.id not in self._ledger.state.commands:
                continue
            await self._answer(command)

    async def _answer(self, command: cmd.Command) -> None:
        state = self._ledger.state
        try:
            if command.epoch != state.epoch:
                raise decisions.Rejected(
                    "It was meant for an engine that has ended; send it again."
                )
            if parse_time(command.expires) < self._now():
                raise decisions.Rejected("It expired before the engine could take it.")
            events = decisions.judge(state, self._plan, command)  # type: ignore[arg-type]  # the base class of the union
        except decisions.Rejected as reason:
            await self._ledger.emit(ev.CommandRejected(command=command.id, reason=str(reason)))
            return
        if isinstance(command, cmd.ComeOut):
            events = (*events, self._hands.came_out(command))
        await self._ledger.emit(ev.CommandAccepted(command=command.id), *events)
        if isinstance(command, cmd.ComeOut):
            self._hands.forget(command.hands)
        await self._act(command)

    async def _act(self, command: cmd.Command) -> None:
        match command:
            case cmd.CancelStep():
                reason = f"cancelled by {command.by}"
                await self._give_up(reason)
            case cmd.Stop():
                self.stop(command.reason or f"stopped by {command.by}")
            case cmd.RollBackItem():
                reason = f"item {command.item} is being rolled back"
                await self._give_up(reason)
                self._begin(self._roll_back(command))
            case cmd.MeasureScore() | cmd.Recheck():
                self._asked.append(command)
            case _:
                pass

    def _now(self) -> datetime:
        return self._clock.now()

    async def _ask_nothing_more(self) -> None:
        """End work that waits for an answer while the engine is to stop: none may ever come."""
        state = self._ledger.state
        if self._stopping and (state.question or (state.guarded and state.guarded.to_confirm)):
            reason = "the session is being stopped"
            await self._end_work(reason)
            await self._recheck.abandon(reason)

    # Work

    async def _give_up(self, reason: str) -> None:
        """End the work, and say of what was being measured that it does not count."""
        await self._end_work(reason)
        await self.scoring.abandon(reason)
        await self._recheck.abandon(reason)

    def _begin(self, work: Coroutine[None, None, None]) -> None:
        self._work = asyncio.create_task(work)
        self._work.add_done_callback(lambda _: self._wake.set())

    def _collect_work(self) -> None:
        """Let an error of finished work out."""
        if self._work is not None and self._work.done():
            work, self._work = self._work, None
            if not work.cancelled():
                work.result()

    async def _end_work(self, reason: str) -> None:
        if self._work is None:
            return
        if self._ending is not None:
            await self._ending
        self._steps.cancel_reason = reason
        self._work.cancel()
        while not self._work.done():
            self._beat()
            await asyncio.wait({self._work}, timeout=POLL)
        self._steps.cancel_reason = ""
        self._collect_work()

    async def _start_work(self) -> None:
        """Begin what was asked for or is due, if anything is."""
        state = self._ledger.state
        if self._asked:
            self._begin(self._measure(self._asked.pop(0)))
            return
        work = decisions.due(state, self._plan)
        unasked = isinstance(
            work, decisions.RollBack | decisions.UndoStep | decisions.AwaitConfirmation
        ) or work == decisions.TakeScore("asked")
        if not (state.intent.active or unasked):
            return
        if work is None:
            await self._ledger.emit(ev.NothingLeft())
            return
        following = decisions.next_work(state)
        decides = state.intent.active and not isinstance(work, decisions.GoLive)
        if decides and (found := self._conditions.decided(following)):
            self._begin(self._ledger.emit(found))
        elif reason := await self._rehearsed.held_back(following):
            await self._ledger.emit(ev.RunPaused(reason=reason))
        else:
            self._begin(self._do(work))

    async def _measure(self, asked: cmd.MeasureScore | cmd.Recheck) -> None:
        match asked:
            case cmd.MeasureScore():
                await self._take_score("asked", asked.by)
            case cmd.Recheck():
                await self._recheck.take(asked.id, by=asked.by, probes=asked.probes)

    async def _take_score(self, moment: str, by: str) -> None:
        await self.scoring.take(moment, by=by)

    async def _do(self, work: decisions.Work) -> None:
        if isinstance(work, decisions.TakeScore):
            cut_short = self._ledger.state.scoring
            by = cut_short.started.by if cut_short else "the plan"
            await self._take_score(work.moment, by)
            return
        if isinstance(work, decisions.GoLive):
            await self._gate.go_live()
            return
        item = self._plan.item(work.item)
        match work:
            case decisions.OpenCheckpoint():
                await self._gate.open(item)
            case decisions.RunStep(step=step_id):
                await self._steps.run(item, self._plan.step(step_id)[1])
            case decisions.AwaitConfirmation(step=step_id):
                await self._confirm(item, self._plan.step(step_id)[1])
            case decisions.SettleUnknown(step=step_id):
                await self._settle_unknown(step_id)
            case decisions.UndoStep(step=step_id):
                await self._undo_step(step_id)
            case decisions.VerifyItem():
                await self._gate.verify(item)
            case decisions.CommitItem():
                await self._gate.commit(item)
            case decisions.RollBack():
                await self._rollback.go_on(item)

    async def _confirm(self, item: Item, step: Step) -> None:
        refused = await self._confirming.confirm(item, step)
        if refused is not None:
            reason = f"{guards.NOT_CONFIRMED}: {refused.by} had it reverted"
            await self._rollback.begin(item, by=refused.by, reason=reason, accept_changes=True)

    async def _settle_unknown(self, step_id: str) -> None:
        """Act on a step of unknown outcome as the policy says, or leave it to a person."""
        state = self._ledger.state
        item, step = self._plan.step(step_id)
        found = state.step(step_id).examined
        policy = state.intent.unknown or ("check" if state.intent.unattended else "")
        asked_again = state.intent.one and not policy
        if found is None or found.progress is None or asked_again:
            await self._steps.examine(item, step)
            found = state.step(step_id).examined
            if state.step(step_id).resolved or state.step(step_id).status is not StepStatus.UNKNOWN:
                return  # somebody has answered meanwhile
        progress = found.progress if found else None
        evidence = found.evidence if found else ""
        if policy == "rollback":
            await self._rollback.begin(
                item, by="policy", reason=f"{step_id} was unknown", accept_changes=False
            )
        elif policy == "retry":
            await self._reset(item.id, step_id, "run again, as --unknown retry says")
        elif policy == "check" and progress is Progress.DONE:
            text = f"found done after a crash: {evidence}"
            await self._ledger.emit(ev.StepSucceeded(item=item.id, step=step_id, evidence=text))
        elif policy == "check" and progress is Progress.NOT_DONE:
            await self._reset(item.id, step_id, f"found not done after a crash: {evidence}")
        elif policy == "check" and progress is Progress.PARTLY:
            await self._undo_step(step_id)
        else:
            seen = found.words if found else "its check was not asked"
            reason = f"the outcome of step {step_id} is unknown; {seen}"
            await self._ledger.emit(ev.RunPaused(reason=reason))

    async def _undo_step(self, step_id: str) -> None:
        """Restore what the step captured and let it run again; a new engine goes on with that."""
        step = self._ledger.state.step(step_id)
        said = step.resolved.words if step.resolved else "found partly done after a crash"
        try:
            await self._steps.undo(*self._plan.step(step_id))
            await self._captures.restore_step(self._ledger.state.items[step.item], step_id)
        except RunbookError as error:
            reason = f"step {step_id} can't be undone: {error}"
            await self._ledger.emit(
                ev.StepBecameUnknown(item=step.item, step=step_id, reason=reason),
                ev.RunPaused(reason=reason),
            )
            await self._steps.examine(*self._plan.step(step_id))
            return
        await self._reset(step.item, step_id, f"{said}; its captures were restored")

    async def _reset(self, item_id: str, step_id: str, reason: str) -> None:
        await self._ledger.emit(ev.StepReset(item=item_id, step=step_id, reason=reason))

    async def _roll_back(self, command: cmd.RollBackItem) -> None:
        """Roll the item back, and before it, in reverse order, what depends on it."""
        for item_id in [*decisions.dependents(self._ledger.state, command.item), command.item]:
            await self._rollback.begin(
                self._plan.item(item_id),
                by=command.by,
                reason=command.reason,
                accept_changes=command.accept_changes,
            )
            if self._ledger.state.items[item_id].status is not ItemStatus.ROLLED_BACK:
                return
