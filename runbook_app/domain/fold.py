"""The fold: what each event does to the state of a session."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from runbook_app.domain import events as ev
from runbook_app.domain.commands import Command, Stop
from runbook_app.domain.entry import Entry
from runbook_app.domain.measure import Verdict
from runbook_app.domain.state import (
    Blocker,
    Child,
    Drift,
    GuardState,
    HandsState,
    Intent,
    ItemState,
    ItemStatus,
    LineState,
    Note,
    RecheckState,
    ScoreState,
    SessionState,
    StepState,
    StepStatus,
)

EFFECTS: dict[type[ev.Event], Callable[[SessionState, Any], None]] = {}
"""What an event does, by its class; the state's `at` is its time."""

Event = TypeVar("Event", bound=ev.Event)
OfSession = Callable[[SessionState, Event], None]
OfItem = Callable[[SessionState, ItemState, Event], None]
OfStep = Callable[[SessionState, ItemState, StepState, Event], None]


def _of_session(kind: type[Event]) -> Callable[[OfSession[Event]], OfSession[Event]]:
    def enter(effect: OfSession[Event]) -> OfSession[Event]:
        EFFECTS[kind] = effect
        return effect

    return enter


def _of_item(kind: type[Event]) -> Callable[[OfItem[Event]], OfItem[Event]]:
    """The event names an item, which is taken in hand; one of an unknown item does nothing."""

    def enter(effect: OfItem[Event]) -> OfItem[Event]:
        def on_item(state: SessionState, event: Any) -> None:
            item = state.take(event.item)
            if item is not None:
                effect(state, item, event)

        EFFECTS[kind] = on_item
        return effect

    return enter


def _of_step(kind: type[Event]) -> Callable[[OfStep[Event]], OfStep[Event]]:
    """The event names a step, whose item is taken in hand; one of an unknown step does nothing."""

    def enter(effect: OfStep[Event]) -> OfStep[Event]:
        def on_step(state: SessionState, event: Any) -> None:
            item, step = _find(state, event.step)
            if item is not None and step is not None:
                effect(state, item, step, event)

        EFFECTS[kind] = on_step
        return effect

    return enter


def fold(entries: Iterable[Entry], state: SessionState | None = None) -> SessionState:
    """Bring a state (a fresh one by default) up to the last of the entries, and return it."""
    state = state or SessionState()
    try:
        for entry in entries:
            seq, body, before = entry.seq, entry.body, state.at
            if seq != state.seq + 1:
                state.left_out += range(state.seq + 1, seq)
            state.seq, state.hash, state.at = seq, entry.hash, entry.at
            if isinstance(body, Command):
                state.commands[body.id] = body
                continue
            kind = type(body)
            EFFECTS[kind](state, body)
            if kind not in MEANWHILE:
                _count_rests(state, kind, before)
    finally:
        state.put_back()
    return state


MEANWHILE = frozenset({ev.StepProgressed, ev.StepMeasured, ev.ScoreChecked, ev.CaptureTaken})
"""The most frequent events, with which no work begins or ends."""


def _count_rests(state: SessionState, kind: type[ev.Event], before: str) -> None:
    """Begin or end a rest; `before` is the time of the entry before."""
    if kind is ev.EngineStarted and not state.resting_since:
        state.resting_since = before  # the engine before this one died without a word
    if not state.at_work:
        state.resting_since = state.resting_since or state.at
    elif state.resting_since:
        state.rests.append((state.resting_since, state.at))
        state.resting_since = ""


# Session


@_of_session(ev.SessionStarted)
def _session_started(state: SessionState, event: ev.SessionStarted) -> None:
    state.started, state.started_at = event, state.at
    state.plan_sha256 = event.plan_sha256
    state.lay_out({outline.id: _new_item(outline) for outline in event.outline})


@_of_session(ev.EngineStarted)
def _engine_started(state: SessionState, event: ev.EngineStarted) -> None:
    state.engine, state.epoch, state.engine_stopped = event, event.epoch, None
    state.actions_from += [a for a in event.actions_from if a not in state.actions_from]
    _let_go(state)
    if state.scoring and state.scoring.started.moment != "asked":
        state.scoring = None  # begun anew by what wanted it


@_of_session(ev.EngineStopped)
def _engine_stopped(state: SessionState, event: ev.EngineStopped) -> None:
    state.engine, state.engine_stopped = None, event
    _let_go(state)


def _let_go(state: SessionState) -> None:
    """What was asked of one engine, and what it asked, is over with it."""
    state.intent = Intent(items=state.intent.items, until=state.intent.until)
    state.stop_requested = False
    state.question = None


@_of_session(ev.LockTaken)
def _lock_taken(state: SessionState, event: ev.LockTaken) -> None:
    state.locks_taken.append((event, state.at))


@_of_session(ev.PlanChangeAccepted)
def _plan_change_accepted(state: SessionState, event: ev.PlanChangeAccepted) -> None:
    """What has run keeps its state, by id."""
    state.plan_changes.append(event)
    state.plan_sha256 = event.sha256
    adopted = {}
    for outline in event.outline:
        fresh, old = _new_item(outline), state.items.get(outline.id)
        if old:
            old.outline = outline
            old.checkpoint = {k: old.checkpoint.get(k, v) for k, v in fresh.checkpoint.items()}
            old.success = {k: old.success.get(k, v) for k, v in fresh.success.items()}
            old.lay_out({k: old.steps.get(k, v) for k, v in fresh.steps.items()})
        adopted[outline.id] = old or fresh
    state.lay_out(adopted)
    latest, undone = state.latest_step, state.latest_rollback
    state.latest_step = _find(state, latest.id)[1] if latest else None
    state.latest_rollback = adopted.get(undone.id) if undone else None
    _decide_anew(state)


@_of_session(ev.CommandAccepted)
def _command_accepted(state: SessionState, event: ev.CommandAccepted) -> None:
    accepted = state.commands.pop(event.command, None)
    state.answered[event.command] = ""
    state.stop_requested = state.stop_requested or isinstance(accepted, Stop)


@_of_session(ev.CommandRejected)
def _command_rejected(state: SessionState, event: ev.CommandRejected) -> None:
    state.commands.pop(event.command, None)
    state.answered[event.command] = event.reason


@_of_session(ev.RunRequested)
def _run_requested(state: SessionState, event: ev.RunRequested) -> None:
    state.intent = Intent(
        auto=event.auto,
        one=not event.auto,
        items=event.items or state.intent.items,
        until=event.until,
        unattended=event.unattended,
        unknown=event.unknown,
        only=event.only,
    )
    state.pause_reason, state.nothing_left = "", False
    for item_id in event.items:
        if item := state.take(item_id):
            _begin_again(state, item)


@_of_session(ev.RunPaused)
def _run_paused(state: SessionState, event: ev.RunPaused) -> None:
    _stand_still(state)
    state.pause_reason = event.reason


@_of_session(ev.NothingLeft)
def _nothing_left(state: SessionState, _: ev.NothingLeft) -> None:
    _stand_still(state)
    state.nothing_left = True


def _stand_still(state: SessionState) -> None:
    state.intent.auto = state.intent.one = False


def _unit_over(state: SessionState) -> None:
    state.intent.one = False


@_of_session(ev.LogLost)
def _log_lost(state: SessionState, event: ev.LogLost) -> None:
    state.log_lost.append(event)


@_of_session(ev.ChildStarted)
def _child_started(state: SessionState, event: ev.ChildStarted) -> None:
    key = (event.pid, event.pid_started)
    state.children[key] = Child(event.pid, event.pid_started, event.argv)


@_of_session(ev.ChildEnded)
def _child_ended(state: SessionState, event: ev.ChildEnded) -> None:
    state.children.pop((event.pid, event.pid_started), None)


@_of_session(ev.StatusReported)
def _status_reported(state: SessionState, event: ev.StatusReported) -> None:
    state.report = event
    state.reports.append((event, state.at))


@_of_session(ev.BriefWritten)
def _brief_written(state: SessionState, event: ev.BriefWritten) -> None:
    state.reports.append((event, state.at))


@_of_session(ev.SignalExported)
def _signal_exported(state: SessionState, event: ev.SignalExported) -> None:
    state.exported, state.exported_at = event, state.at


# Score and recheck


@_of_session(ev.ScoreStarted)
def _score_started(state: SessionState, event: ev.ScoreStarted) -> None:
    state.scoring = ScoreState(event, state.at)


def _scoring(state: SessionState, score: str) -> ScoreState | None:
    """The measurement that goes on, if it is the one of that id."""
    found = state.scoring
    return found if found and found.started.id == score else None


@_of_session(ev.ScoreChecked)
def _score_checked(state: SessionState, event: ev.ScoreChecked) -> None:
    if current := _scoring(state, event.id):
        current.checks.append(event)


@_of_session(ev.ScoreMeasured)
def _score_measured(state: SessionState, event: ev.ScoreMeasured) -> None:
    if current := _scoring(state, event.id):
        current.measured, current.measured_at = event, state.at
        state.scores.append(current)
        state.scoring = None


@_of_session(ev.ScoreAbandoned)
def _score_abandoned(state: SessionState, event: ev.ScoreAbandoned) -> None:
    if current := _scoring(state, event.id):
        if current.started.moment == "before":
            state.score_declined = event.reason
        state.scoring = None


def _score_anew(state: SessionState, step: StepState) -> None:
    """A step that ends or begins anew leaves no measurement half done."""
    if state.scoring and state.scoring.started.step == step.id:
        state.scoring = None


@_of_session(ev.RecheckStarted)
def _recheck_started(state: SessionState, event: ev.RecheckStarted) -> None:
    state.rechecks.append(RecheckState(event, state.at))


def _rechecking(state: SessionState, recheck: str) -> RecheckState | None:
    """The recheck that goes on, if it is the one of that id."""
    found = state.recheck
    return found if found and not found.over and found.started.id == recheck else None


@_of_session(ev.RecheckFinished)
def _recheck_finished(state: SessionState, event: ev.RecheckFinished) -> None:
    if current := _rechecking(state, event.id):
        current.finished = event
        for result, at in current.lines:
            _line_rechecked(state, result, at)


@_of_session(ev.RecheckAbandoned)
def _recheck_abandoned(state: SessionState, event: ev.RecheckAbandoned) -> None:
    if current := _rechecking(state, event.id):
        current.abandoned = event


def _line_rechecked(state: SessionState, result: ev.CheckFinished, at: str) -> None:
    item = state.take(result.item)
    line = item.success.get(result.line) if item else None
    if item is None or line is None or item.status is not ItemStatus.SUCCEEDED:
        return
    match result.verdict:
        case Verdict.PASSED:
            line.held_at, line.drift = at, None
        case Verdict.FAILED:
            line.drift = Drift(line.drift.since if line.drift else at, result, at)
        case Verdict.NOT_MEASURED:
            pass  # nobody knows: what was found before stands


# People


@_of_session(ev.QuestionAsked)
def _question_asked(state: SessionState, event: ev.QuestionAsked) -> None:
    state.question = event
    item, step = _find(state, event.step)
    if item and step and step.status is StepStatus.RUNNING:
        item.move(step, StepStatus.WAITING)


@_of_session(ev.QuestionAnswered)
def _question_answered(state: SessionState, event: ev.QuestionAnswered) -> None:
    if state.question and state.question.id == event.id:
        state.questions_answered.append((state.question, event))
        state.question_times[event.id] = state.at
        _close_question(state, state.question)


@_of_session(ev.QuestionWithdrawn)
def _question_withdrawn(state: SessionState, event: ev.QuestionWithdrawn) -> None:
    if state.question and state.question.id == event.id:
        _close_question(state, state.question)


def _close_question(state: SessionState, asked: ev.QuestionAsked) -> None:
    state.question = None
    item, step = _find(state, asked.step)
    if item and step and step.status is StepStatus.WAITING:
        item.move(step, StepStatus.RUNNING)


@_of_session(ev.HandsWentIn)
def _hands_went_in(state: SessionState, event: ev.HandsWentIn) -> None:
    state.hands[event.id] = HandsState(event, state.at)
    if item := state.take(event.item):
        item.hands.append(state.hands[event.id])


@_of_session(ev.HandsCameOut)
def _hands_came_out(state: SessionState, event: ev.HandsCameOut) -> None:
    if found := state.hands.get(event.id):
        found.came_out, found.out_at = event, state.at


@_of_session(ev.NoteAdded)
def _note_added(state: SessionState, event: ev.NoteAdded) -> None:
    state.notes.append(Note(state.at, event.by, event.text, event.item, event.step))


@_of_session(ev.BlockerRaised)
def _blocker_raised(state: SessionState, event: ev.BlockerRaised) -> None:
    state.blockers[event.id] = Blocker(
        event.id, state.at, event.by, event.text, event.item, event.step
    )


@_of_session(ev.BlockerCleared)
def _blocker_cleared(state: SessionState, event: ev.BlockerCleared) -> None:
    if found := state.blockers.get(event.id):
        found.cleared_at = state.at


# Steps


@_of_session(ev.StepStarted)
def _step_started(state: SessionState, event: ev.StepStarted) -> None:
    if begun := state.take(event.item):
        _begin_again(state, begun)
        _decide_anew(state, event.step)
    item, step = _find(state, event.step)
    if item is None or step is None:
        return
    _score_anew(state, step)
    state.latest_step = step
    item.start(step, event.attempt)
    step.begun = True
    step.started_at, step.ended_at, step.measured_seconds = state.at, "", None
    step.stopping = step.progress = step.error = step.hint = step.evidence = ""
    step.measurements, step.outputs = [], {}
    step.examined = step.resolved = step.confirmed = None


@_of_step(ev.StepMeasured)
def _step_measured(_: SessionState, __: ItemState, step: StepState, event: ev.StepMeasured) -> None:
    step.measurements.append(event.measurement)


@_of_step(ev.StepProgressed)
def _step_progressed(
    _: SessionState, __: ItemState, step: StepState, event: ev.StepProgressed
) -> None:
    step.progress = event.text


@_of_step(ev.StepStopping)
def _step_stopping(_: SessionState, __: ItemState, step: StepState, event: ev.StepStopping) -> None:
    step.stopping = event.reason


@_of_step(ev.StepSucceeded)
def _step_succeeded(
    state: SessionState, item: ItemState, step: StepState, event: ev.StepSucceeded
) -> None:
    item.move(step, StepStatus.SUCCEEDED)
    step.ended_at, step.stopping = state.at, ""
    step.evidence, step.log_sha256 = event.evidence, event.log_sha256
    step.measured_seconds = event.seconds
    step.outputs.update(event.outputs)
    step.error = step.hint = ""
    _unit_over(state)


@_of_step(ev.StepFailed)
def _step_failed(
    state: SessionState, item: ItemState, step: StepState, event: ev.StepFailed
) -> None:
    _score_anew(state, step)
    item.move(step, StepStatus.FAILED)
    step.ended_at, step.stopping = state.at, ""
    step.error, step.hint, step.log_sha256 = event.error, event.hint, event.log_sha256
    step.measured_seconds = event.seconds
    _stand_still(state)


@_of_step(ev.StepSkipped)
def _step_skipped(
    state: SessionState, item: ItemState, step: StepState, event: ev.StepSkipped
) -> None:
    item.move(step, StepStatus.SKIPPED)
    step.waiver, step.ended_at = event, state.at


@_of_step(ev.StepNotApplicable)
def _step_not_applicable(
    state: SessionState, item: ItemState, step: StepState, event: ev.StepNotApplicable
) -> None:
    item.move(step, StepStatus.SKIPPED)
    step.not_applicable = event
    state.passed_over(item.id, event)
    _unit_over(state)


@_of_step(ev.StepBecameUnknown)
def _step_became_unknown(
    state: SessionState, item: ItemState, step: StepState, event: ev.StepBecameUnknown
) -> None:
    _score_anew(state, step)
    item.move(step, StepStatus.UNKNOWN)
    step.ended_at, step.stopping = state.at, ""
    step.error, step.examined, step.resolved = event.reason, None, None


@_of_step(ev.UnknownExamined)
def _unknown_examined(
    _: SessionState, __: ItemState, step: StepState, event: ev.UnknownExamined
) -> None:
    step.examined = event
    step.outputs.update(event.outputs)


@_of_step(ev.UnknownResolved)
def _unknown_resolved(
    _: SessionState, __: ItemState, step: StepState, event: ev.UnknownResolved
) -> None:
    step.resolved = event


@_of_step(ev.StepReset)
def _step_reset(state: SessionState, item: ItemState, step: StepState, _: ev.StepReset) -> None:
    _score_anew(state, step)
    item.move(step, StepStatus.PENDING)
    step.ended_at = step.started_at = ""
    step.error = step.hint = step.stopping = ""
    step.examined = step.resolved = None


@_of_step(ev.ParametersEdited)
def _parameters_edited(
    _: SessionState, __: ItemState, step: StepState, event: ev.ParametersEdited
) -> None:
    step.parameters, step.radius = event.after, None


@_of_step(ev.BlastRadiusConfirmed)
def _blast_radius_confirmed(
    _: SessionState, __: ItemState, step: StepState, event: ev.BlastRadiusConfirmed
) -> None:
    step.radius = event


# Guards


@_of_item(ev.GuardArmed)
def _guard_armed(_: SessionState, item: ItemState, event: ev.GuardArmed) -> None:
    if event.step not in item.steps:
        return
    if event.again and item.guard:
        item.guard.armed = event
    else:
        item.guard = GuardState(event)


@_of_item(ev.GuardCounting)
def _guard_counting(state: SessionState, item: ItemState, event: ev.GuardCounting) -> None:
    guard = item.guard
    if guard and guard.counting is None and event.step in item.steps:
        guard.counting, guard.counting_at = event, state.at


@_of_item(ev.StepConfirmed)
def _step_confirmed(state: SessionState, item: ItemState, event: ev.StepConfirmed) -> None:
    step = item.steps.get(event.step)
    if step and item.guard:
        step.confirmed, step.confirmed_at, item.guard = event, state.at, None
        _unit_over(state)


@_of_item(ev.ConfirmationFailed)
def _confirmation_failed(_: SessionState, item: ItemState, event: ev.ConfirmationFailed) -> None:
    if item.guard and event.step in item.steps:
        item.guard.failed = event


# Items


@_of_item(ev.RehearsalNoted)
def _rehearsal_noted(_: SessionState, item: ItemState, event: ev.RehearsalNoted) -> None:
    item.rehearsal = event


@_of_item(ev.ItemTakenUpAgain)
def _item_taken_up_again(state: SessionState, item: ItemState, _: ev.ItemTakenUpAgain) -> None:
    _begin_again(state, item)


@_of_item(ev.CheckpointOpened)
def _checkpoint_opened(state: SessionState, item: ItemState, _: ev.CheckpointOpened) -> None:
    _begin_again(state, item)
    item.checkpoint_opened_at, item.checkpoint_error = state.at, ""
    item.checkpoint_passed_at = ""
    for line in item.checkpoint.values():
        line.result, line.confirmed = None, None


@_of_item(ev.FingerprintTaken)
def _fingerprint_taken(_: SessionState, item: ItemState, event: ev.FingerprintTaken) -> None:
    if event.moment == "checkpoint":
        item.fingerprint = event


@_of_item(ev.CheckFinished)
def _check_finished(state: SessionState, item: ItemState, event: ev.CheckFinished) -> None:
    if event.section == "recheck" and state.recheck and not state.recheck.over:
        state.recheck.lines.append((event, state.at))
    if event.section not in ("checkpoint", "success"):
        return
    lines = item.checkpoint if event.section == "checkpoint" else item.success
    line = lines.setdefault(event.line, LineState(event.line))
    line.result, line.at, line.drift = event, state.at, None
    if event.verdict is Verdict.PASSED:
        line.held_at = state.at
    elif event.section == "success" and not line.waiver:
        _stand_still(state)


@_of_item(ev.LineConfirmed)
def _line_confirmed(state: SessionState, item: ItemState, event: ev.LineConfirmed) -> None:
    line = item.checkpoint.setdefault(event.line, LineState(event.line))
    line.confirmed, line.at = event, state.at
    if event.assumed:
        state.assumed.append(event)


@_of_item(ev.CheckpointPassed)
def _checkpoint_passed(state: SessionState, item: ItemState, _: ev.CheckpointPassed) -> None:
    item.checkpoint_passed_at, item.checkpoint_error = state.at, ""
    _unit_over(state)


@_of_item(ev.CheckpointFailed)
def _checkpoint_failed(state: SessionState, item: ItemState, event: ev.CheckpointFailed) -> None:
    item.checkpoint_error = event.reason
    _stand_still(state)


@_of_item(ev.CriterionWaived)
def _criterion_waived(_: SessionState, item: ItemState, event: ev.CriterionWaived) -> None:
    lines = item.success if event.line in item.success else item.checkpoint
    lines.setdefault(event.line, LineState(event.line)).waiver = event


@_of_item(ev.CaptureTaken)
def _capture_taken(_: SessionState, item: ItemState, event: ev.CaptureTaken) -> None:
    item.captures.append(event)


@_of_item(ev.ObjectSettled)
def _object_settled(_: SessionState, item: ItemState, event: ev.ObjectSettled) -> None:
    item.settled[(event.kind, event.name)] = event.state


@_of_item(ev.ItemVerified)
def _item_verified(state: SessionState, item: ItemState, _: ev.ItemVerified) -> None:
    item.verified_at = item.finished_at = state.at
    _unit_over(state)


@_of_item(ev.ItemCommitted)
def _item_committed(state: SessionState, item: ItemState, event: ev.ItemCommitted) -> None:
    item.committed, item.not_committed, item.finished_at = event, None, state.at


@_of_item(ev.ItemNotCommitted)
def _item_not_committed(state: SessionState, item: ItemState, event: ev.ItemNotCommitted) -> None:
    item.not_committed, item.finished_at = event, state.at
    if event.fatal:
        _stand_still(state)


@_of_item(ev.ItemNotApplicable)
def _item_not_applicable(state: SessionState, item: ItemState, event: ev.ItemNotApplicable) -> None:
    item.not_applicable = event
    state.passed_over(item.id, event)
    _unit_over(state)
    for step in item.steps.values():
        if step.status is StepStatus.PENDING:
            item.move(step, StepStatus.SKIPPED)
            step.not_applicable = event


# Rollback


@_of_item(ev.RollbackWarned)
def _rollback_warned(_: SessionState, __: ItemState, ___: ev.RollbackWarned) -> None:
    """It is for the record alone."""


@_of_item(ev.RollbackStarted)
def _rollback_started(state: SessionState, item: ItemState, event: ev.RollbackStarted) -> None:
    item.rollback_started, item.rollback, item.rollback_error = event, None, ""
    item.rollback_started_at, item.verified_at = state.at, ""
    state.latest_rollback = item
    for line in item.success.values():
        line.drift = None
    _stand_still(state)
    for step in item.steps.values():
        if step.status is not StepStatus.PENDING and not step.passed_over:
            item.move(step, StepStatus.ROLLING_BACK)
            step.stopping = ""


@_of_item(ev.RollbackFinished)
def _rollback_finished(_: SessionState, item: ItemState, event: ev.RollbackFinished) -> None:
    item.rollback, item.rollback_error = event, ""
    item.rollback_history.append(event)
    item.fallback, item.fallback_restored = None, False
    item.guard = None
    _rolled_back(item, StepStatus.ROLLED_BACK)


@_of_item(ev.FallbackChosen)
def _fallback_chosen(_: SessionState, item: ItemState, event: ev.FallbackChosen) -> None:
    item.fallback, item.fallback_restored = event, False


@_of_item(ev.CaptureRestored)
def _capture_restored(_: SessionState, item: ItemState, event: ev.CaptureRestored) -> None:
    if item.fallback is not None and item.fallback.capture == event.id:
        item.fallback_restored = True


@_of_item(ev.RollbackFailed)
def _rollback_failed(_: SessionState, item: ItemState, event: ev.RollbackFailed) -> None:
    item.rollback_error, item.rollback_hint = event.error, event.hint
    _rolled_back(item, StepStatus.ROLLBACK_FAILED)


def _rolled_back(item: ItemState, status: StepStatus) -> None:
    for step in item.steps.values():
        if step.status is StepStatus.ROLLING_BACK:
            item.move(step, status)


# What several of them have in common


def _begin_again(state: SessionState, item: ItemState) -> None:
    """A rolled-back item that starts anew forgets its first run, not the record of it."""
    if item.rollback is None:
        return
    item.begun_again[item.rollbacks] = state.at
    item.checkpoint_opened_at = item.checkpoint_error = ""
    item.rollback_started, item.rollback, item.rollback_error = None, None, ""
    item.captures, item.settled, item.fingerprint, item.hands = [], {}, None, []
    item.verified_at = item.finished_at = item.checkpoint_passed_at = ""
    item.committed, item.not_committed = None, None
    for line in item.success.values():
        line.result, line.waiver, line.held_at = None, None, ""
    item.lay_out(
        {step.id: StepState(step.id, item.id, attempt=step.attempt) for step in item.steps.values()}
    )


def _decide_anew(state: SessionState, step_id: str = "") -> None:
    """Forget what was decided by values of a step that runs again, or all of it.

    What an item that is done passed over stands, as the rest of it does.
    """
    for item_id in list(state.decided_by.get(step_id, ()) if step_id else state.items):
        item = state.take(item_id)
        if item is None or item.verified_at:
            continue
        if item.not_applicable and (not step_id or step_id in item.not_applicable.rests_on):
            item.not_applicable = None
        for step in item.steps.values():
            decided = step.not_applicable
            if decided and (not step_id or step_id in decided.rests_on):
                item.move(step, StepStatus.PENDING)
                step.not_applicable = None


def _find(state: SessionState, step_id: str) -> tuple[ItemState, StepState] | tuple[None, None]:
    """A step, and its item in hand."""
    home = state.homes.get(step_id)
    item = state.take(home) if home is not None else None
    return (item, item.steps[step_id]) if item else (None, None)


def _new_item(outline: ev.ItemOutline) -> ItemState:
    return ItemState(
        outline.id,
        outline,
        checkpoint={line: LineState(line) for line in outline.checkpoint},
        success={line: LineState(line) for line in outline.success},
        steps={step: StepState(step, outline.id) for step in outline.steps},
    )
