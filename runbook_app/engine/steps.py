"""Running one step or one check, with its time limit, and telling what came of it."""

from __future__ import annotations

import asyncio
import dataclasses
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from runbook_app.domain import events as ev
from runbook_app.domain.blast import UNKNOWN, Affected
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import (
    ActionError,
    EnvironmentLacks,
    JournalError,
    NotMeasured,
    RunbookError,
)
from runbook_app.domain.measure import Finding, Measurement, Progress, Verdict
from runbook_app.domain.plan import ActionKind, Call, CheckLine, Item, Plan, Step
from runbook_app.domain.references import left_out, ready
from runbook_app.domain.state import StepStatus
from runbook_app.engine.blast import BlastRadius
from runbook_app.engine.captures import Captures
from runbook_app.engine.confirming import APPLIED, Confirming
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.questions import Questions
from runbook_app.engine.recorder import WorkRecorder
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.action import Action, Registry, Run, ScoreMeter
from runbook_app.ports.clock import Clock
from runbook_app.ports.crash import CrashPoint
from runbook_app.ports.journal import LogWriter
from runbook_app.ports.target import Prior, Target

T = TypeVar("T")

LINE_TIMEOUT = timedelta(minutes=15)
"""Time limit of a checkpoint line or success criterion, which state none of their own."""


RADIUS_TIMEOUT = timedelta(minutes=2)
"""Time limit of telling what a step will touch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of calling an action."""

    verdict: Verdict
    measurements: tuple[Measurement, ...]
    error: str = ""
    hint: str = ""
    evidence: str = ""


class Steps:
    def __init__(
        self,
        *,
        plan: Plan,
        ledger: Ledger,
        questions: Questions,
        target: Target,
        registry: Registry,
        captures: Captures,
        confirming: Confirming,
        radius: BlastRadius,
        logs: LogWriter,
        redactor: Redactor,
        clock: Clock,
        crash: CrashPoint,
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._questions = questions
        self._target = target
        self._registry = registry
        self._captures = captures
        self._confirming = confirming
        self._radius = radius
        self._logs = logs
        self._redactor = redactor
        self._clock = clock
        self._crash = crash
        self.score: ScoreMeter | None = None
        """What measures the score, for the step that asks for it."""
        self.cancel_reason = ""
        """Why the running work is being cancelled, for its record."""
        self.stop_wanted: Callable[[], bool] = lambda: False
        """Asked before a step is tried again."""

    async def run(self, item: Item, step: Step) -> None:
        """Run a step with its retries to an outcome that is in the journal.

        It does not begin while what it touches is not confirmed.
        """
        for left in reversed(range(step.retries + 1)):
            _, lacks = self._ready(item.id, step)
            if (
                step.blast_radius
                and not lacks
                and not await self._radius.confirmed(item, step, lambda: self._affected(item, step))
            ):
                return
            await self._attempt(item, step, retries_left=left)
            if self._ledger.state.step(step.id).status is not StepStatus.PENDING:
                return

    async def _attempt(self, item: Item, step: Step, *, retries_left: int) -> Outcome:
        state = self._ledger.state.step(step.id)
        call, lacks = self._ready(item.id, step)
        recorder = self._recorder(item.id, step.id, live=True)
        await self._ledger.emit(
            ev.StepStarted(
                item=item.id,
                step=step.id,
                attempt=state.attempt + 1,
                parameters=dict(call.parameters),
            )
        )
        began = self._clock.monotonic()
        self._crash(f"started:{step.id}")
        try:
            if lacks is not None:
                retries_left = 0
                raise lacks
            await self._confirming.arm(item, step)
            outcome = await self._limited(
                self._apply_and_check(item.id, step.id, call, recorder), item.id, step
            )
        except ActionError as error:
            outcome = _outcome(Verdict.FAILED, recorder, error.message, error.hint)
        except asyncio.CancelledError:
            recorder.close()
            await self._ledger.settle()
            reason = self.cancel_reason or "cancelled"
            outcome = _outcome(Verdict.FAILED, recorder, f"The step was ended: {reason}.", "")
            await self._finish(item, step, outcome, recorder, began)
            raise
        recorder.close()
        await self._ledger.settle()
        self._crash(f"effect:{step.id}")
        if outcome.verdict is Verdict.PASSED or self.stop_wanted():
            retries_left = 0
        if retries_left:
            reason = f"tried again as the plan says; it failed: {outcome.error}"
            await self._ledger.emit(ev.StepReset(item=item.id, step=step.id, reason=reason))
        else:
            await self._finish(item, step, outcome, recorder, began)
        return outcome

    async def _finish(
        self, item: Item, step: Step, outcome: Outcome, recorder: WorkRecorder, began: float
    ) -> None:
        seconds = self._clock.monotonic() - began
        await self._confirming.count(step.id, APPLIED)
        digest = await asyncio.to_thread(self._logs.digest, step.id)
        if outcome.verdict is Verdict.PASSED:
            event: ev.AnyEvent = ev.StepSucceeded(
                item=item.id,
                step=step.id,
                evidence=outcome.evidence,
                outputs=recorder.outputs,
                log_sha256=digest,
                seconds=seconds,
            )
        else:
            event = ev.StepFailed(
                item=item.id,
                step=step.id,
                error=outcome.error,
                hint=outcome.hint,
                log_sha256=digest,
                seconds=seconds,
            )
        await self._ledger.emit(event)

    async def _apply_and_check(
        self,
        item_id: str,
        step_id: str,
        call: Call,
        recorder: WorkRecorder,
        *,
        captures: bool = True,
    ) -> Outcome:
        action = self._action(call)
        run = self._context(item_id, step_id, recorder, captures=captures)
        parameters = self._parameters(action, call)
        outcome = await _judged(action.function(run, **parameters), recorder)
        await self._confirming.count(step_id, APPLIED)
        if outcome.verdict is not Verdict.PASSED or action.checker is None:
            return outcome
        self._crash(f"applied:{step_id}")
        finding = await self._checked(action, run, parameters)
        if finding.progress is Progress.DONE:
            return Outcome(
                verdict=Verdict.PASSED,
                measurements=tuple(recorder.measurements),
                evidence=finding.evidence,
            )
        return Outcome(
            verdict=Verdict.FAILED,
            measurements=tuple(recorder.measurements),
            error=f"The step ran, but its own check says {finding.progress}: {finding.evidence}",
            hint="Look at the log, then retry the step or roll the item back.",
        )

    async def _affected(self, item: Item, step: Step) -> Sequence[Affected]:
        """Let the action tell what it will touch; that it can't is something to confirm too."""
        call, _ = self._ready(item.id, step)
        recorder = self._recorder(item.id, step.id, live=False)
        try:
            return await self._bounded(self._foreseen(item, step, call, recorder), RADIUS_TIMEOUT)
        except JournalError:
            raise
        except RunbookError as error:
            return [Affected(kind=UNKNOWN, name=str(error), how="")]
        finally:
            recorder.close()
            await self._ledger.settle()

    async def _foreseen(
        self, item: Item, step: Step, call: Call, recorder: WorkRecorder
    ) -> Sequence[Affected]:
        action = self._action(call)
        if action.foresees is None:  # the plan was read with another version of it
            return []
        run = self._target.context(
            item=item.id, step=step.id, capture=_refuse_to_change, recorder=recorder
        )
        parameters = self._parameters(action, call)
        try:
            return await action.foresees(run, **parameters)
        except RunbookError:
            raise
        except Exception as error:  # an action's own mistake must not end the engine
            raise ActionError(f"{type(error).__name__}: {error}") from error

    async def examine(self, item: Item, step: Step) -> Finding | None:
        """Ask the check of a step of unknown outcome; record and return what it finds."""
        call, lacks = self._ready(item.id, step)
        recorder = self._recorder(item.id, step.id, live=False)
        try:
            if lacks is not None:
                raise lacks
            finding: Finding | None = await self._limited(
                self._find(item.id, step.id, call, recorder), item.id, step, announce=False
            )
        except RunbookError as error:
            finding, evidence = None, str(error)
        else:
            evidence = finding.evidence if finding else ""
        finally:
            recorder.close()
        await self._ledger.settle()
        await self._ledger.emit(
            ev.UnknownExamined(
                item=item.id,
                step=step.id,
                progress=finding.progress if finding else None,
                evidence=evidence,
                outputs=recorder.outputs,
            )
        )
        return finding

    async def _find(
        self, item_id: str, step_id: str, call: Call, recorder: WorkRecorder
    ) -> Finding:
        action = self._action(call)
        if action.kind is not ActionKind.EFFECT or action.checker is None:
            return Finding(
                progress=Progress.NOT_DONE, evidence="it only measures, and can run again"
            )
        run = self._context(item_id, step_id, recorder)
        return await self._checked(action, run, self._parameters(action, call))

    async def _checked(self, action: Action, run: Run, parameters: dict[str, object]) -> Finding:
        if action.checker is None:
            raise ActionError(f"The action {action.name} has no check.")
        try:
            return await action.checker(run, **parameters)
        except RunbookError:
            raise
        except Exception as error:  # an action's own mistake must not end the engine
            raise ActionError(f"{type(error).__name__}: {error}") from error

    async def measure_line(self, item_id: str, line: CheckLine, section: str) -> ev.CheckFinished:
        """Run the check of a checkpoint line or criterion; a `recheck` may capture nothing."""
        outcome, seconds = await self.measure(
            item_id, line.id, line.call, captures=section != "recheck"
        )
        return ev.CheckFinished(
            item=item_id,
            section=section,
            line=line.id,
            title=line.title,
            verdict=outcome.verdict,
            measurements=outcome.measurements,
            evidence=outcome.error or outcome.evidence,
            seconds=seconds,
        )

    async def measure(
        self, item_id: str, line_id: str, call: Call, *, captures: bool = True
    ) -> tuple[Outcome, float]:
        """Run a check, or a step of a rollback; returns its seconds."""
        recorder = self._recorder(item_id, f"{item_id}/{line_id}", live=False)
        began = self._clock.monotonic()
        try:
            call = self._with_values(item_id, call)
            outcome = await self._bounded(
                self._apply_and_check(item_id, "", call, recorder, captures=captures),
                LINE_TIMEOUT,
            )
        except NotMeasured as error:
            outcome = _outcome(Verdict.NOT_MEASURED, recorder, error.message, error.hint)
        except ActionError as error:
            outcome = _outcome(Verdict.FAILED, recorder, error.message, error.hint)
        finally:
            recorder.close()
        await self._ledger.settle()
        return outcome, self._clock.monotonic() - began

    async def undo(self, item: Item, step: Step) -> None:
        """Run what the step's action has to take it back itself; it may have nothing.

        Raises:
            ActionError: it failed.
        """
        call = self._call(step)
        action = self._registry.get(call.action)
        if action is None or action.undoes is None:
            return
        await self._target.start_database()
        name = step.id.partition(".")[2]
        recorder = self._recorder(item.id, f"{item.id}/rollback-{name}", live=False)
        run = self._context(item.id, step.id, recorder)
        work = action.undoes(run, **self._parameters(action, call))
        try:
            outcome = await self._bounded(_judged(work, recorder), step.timeout)
        except ActionError as error:
            outcome = _outcome(Verdict.FAILED, recorder, error.message, error.hint)
        finally:
            recorder.close()
            await self._ledger.settle()
        if outcome.verdict is not Verdict.PASSED:
            raise ActionError(
                f"The rollback of step {step.id} failed: {outcome.error}",
                hint=outcome.hint or "Mend the cause, then roll back again.",
            )

    async def _limited(
        self, work: Awaitable[T], item_id: str, step: Step, *, announce: bool = True
    ) -> T:
        return await self._bounded(work, step.timeout, (item_id, step.id) if announce else None)

    async def _bounded(
        self, work: Awaitable[T], limit: timedelta, announce: tuple[str, str] | None = None
    ) -> T:
        """Wait for work within its limit; time spent waiting for an answer does not count.

        Work that is over its time, or cancelled, is ended, and waited for until it really has.
        """
        task = asyncio.ensure_future(work)
        remaining = limit.total_seconds()
        try:
            while not task.done() and remaining > 0:
                began = self._clock.monotonic()
                waiting = self._questions.open
                await asyncio.wait({task}, timeout=min(remaining, 0.5))
                if not waiting:
                    remaining -= self._clock.monotonic() - began
        except asyncio.CancelledError:
            await self._end(task, self.cancel_reason or "cancelled", announce)
            raise
        if not task.done():
            reason = f"over its time limit of {format_duration(limit)}"
            await self._end(task, reason, announce)
            raise ActionError(
                f"It was {reason} and has been ended.",
                hint="Look at the log; raise the step's timeout in the plan if the work needs it.",
            )
        return task.result()

    async def _end(
        self, task: asyncio.Future[T], reason: str, announce: tuple[str, str] | None
    ) -> None:
        if announce:
            item_id, step_id = announce
            await self._ledger.emit(ev.StepStopping(item=item_id, step=step_id, reason=reason))
        task.cancel()
        await asyncio.wait({task})

    def _call(self, step: Step) -> Call:
        return step.call_with(self._ledger.state.step(step.id).parameters)

    def _ready(self, item_id: str, step: Step) -> tuple[Call, ActionError | None]:
        """The step's call with what earlier steps gave, or as planned and why it can't be had."""
        call = self._call(step)
        try:
            left_out(step.when, item_id, self._ledger.state)
            return ready(call, item_id, self._ledger.state), None
        except ActionError as error:
            return call, error

    def _with_values(self, item_id: str, call: Call) -> Call:
        try:
            return ready(call, item_id, self._ledger.state)
        except ActionError as error:
            raise NotMeasured(error.message, hint=error.hint) from error

    def _parameters(self, action: Action, call: Call) -> dict[str, object]:
        try:
            return self._registry.coerce(action, dict(call.parameters))
        except ValueError as error:
            raise ActionError(f"A parameter of {call.action} is wrong: {error}.") from error

    def _action(self, call: Call) -> Action:
        action = self._registry.get(call.action)
        if action is None:
            raise NotMeasured(f"The action {call.action} is not installed.")
        return action

    def _context(
        self, item_id: str, step_id: str, recorder: WorkRecorder, *, captures: bool = True
    ) -> Run:
        if not captures or item_id not in self._ledger.state.items:
            return self._target.context(
                item=item_id, step=step_id, capture=_own_objects_only, recorder=recorder
            )
        run = self._target.context(
            item=item_id,
            step=step_id,
            capture=self._captures.taker(item_id, step_id),
            recorder=recorder,
        )
        return dataclasses.replace(run, score=self.score)

    def _recorder(self, item_id: str, step_id: str, *, live: bool) -> WorkRecorder:
        return WorkRecorder(
            self._ledger,
            self._questions,
            self._logs,
            self._redactor,
            item=item_id,
            step=step_id,
            live=live,
        )


async def _refuse_to_change(prior: Prior) -> None:
    """Stop what would change something while it tells what will be touched."""
    raise ActionError(f"{prior.kind} {prior.name} must not be changed to tell what is touched.")


async def _own_objects_only(_: Prior) -> None:
    """Capture nothing: a check of the score or of a recheck belongs to no work that could be
    rolled back, and a probe takes away what it made by itself."""


async def _judged(work: Awaitable[None], recorder: WorkRecorder) -> Outcome:
    """Turn an action's end into an outcome; its own exceptions never end the engine."""
    try:
        await work
    except JournalError:
        raise
    except (NotMeasured, EnvironmentLacks) as error:
        return _outcome(Verdict.NOT_MEASURED, recorder, error.message, error.hint)
    except RunbookError as error:
        return _outcome(Verdict.FAILED, recorder, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - an action's failure becomes an outcome
        recorder.log(traceback.format_exc())
        message = f"{type(error).__name__}: {error}"
        return _outcome(Verdict.FAILED, recorder, message, "The log has the traceback.")
    bad = [m for m in recorder.measurements if not m.ok]
    if bad:
        text = "; ".join(f"{m.name} is {m.value}, limit {m.limit}" for m in bad[:5])
        return _outcome(Verdict.FAILED, recorder, text, "")
    return _outcome(Verdict.PASSED, recorder, "", "")


def _outcome(verdict: Verdict, recorder: WorkRecorder, error: str, hint: str) -> Outcome:
    return Outcome(
        verdict=verdict, measurements=tuple(recorder.measurements), error=error, hint=hint
    )
