"""Decisions: what a command leads to, and what is to be done next. Pure functions of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from runbook_app.domain import answers
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.brief import handover_brief
from runbook_app.domain.hands import falls_to, within
from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import CaptureLine, CheckLine, ConfirmLine, Item, Plan
from runbook_app.domain.state import (
    ItemState,
    ItemStatus,
    SessionState,
    StepState,
    StepStatus,
)


class Rejected(Exception):
    """The command can't be carried out; the text says why and what is possible instead."""


@dataclass(frozen=True, slots=True)
class OpenCheckpoint:
    item: str


@dataclass(frozen=True, slots=True)
class RunStep:
    item: str
    step: str


@dataclass(frozen=True, slots=True)
class AwaitConfirmation:
    item: str
    step: str


@dataclass(frozen=True, slots=True)
class SettleUnknown:
    item: str
    step: str


@dataclass(frozen=True, slots=True)
class UndoStep:
    """Restore what a step captured, as a person said; a new engine goes on with it."""

    item: str
    step: str


@dataclass(frozen=True, slots=True)
class VerifyItem:
    item: str


@dataclass(frozen=True, slots=True)
class CommitItem:
    item: str


@dataclass(frozen=True, slots=True)
class RollBack:
    item: str


@dataclass(frozen=True, slots=True)
class TakeScore:
    moment: str
    """`before` the first change, or `asked` for and cut short by a crash."""


@dataclass(frozen=True, slots=True)
class GoLive:
    """Have a person type the target's name."""


ItemWork = (
    OpenCheckpoint
    | RunStep
    | AwaitConfirmation
    | SettleUnknown
    | UndoStep
    | VerifyItem
    | CommitItem
    | RollBack
)
Work = ItemWork | TakeScore | GoLive


def outline(plan: Plan) -> tuple[ev.ItemOutline, ...]:
    """The plan's ids, as the journal keeps them."""
    return tuple(
        ev.ItemOutline(
            id=item.id,
            number=item.number,
            title=item.title,
            steps=tuple(step.id for step in item.steps),
            checkpoint=tuple(line.id for line in item.checkpoint),
            success=tuple(line.id for line in item.success),
            unavailable=tuple(step.id for step in item.missing),
            not_required=item.not_required,
            commits=bool(item.commit),
            needs=item.needs,
        )
        for item in plan.items
    )


def due(state: SessionState, plan: Plan) -> Work | None:
    """What is done next: a screen's session goes live first, and is measured before it changes
    anything; a measurement that a crash cut short is made again."""
    work = next_work(state)
    if isinstance(work, RollBack | UndoStep | AwaitConfirmation):
        return work
    cut_short = state.scoring.started if state.scoring else None
    if cut_short and cut_short.moment == "asked":
        return TakeScore("asked")
    if work is not None and state.to_go_live:
        return GoLive()
    if work is not None and _begins_to_change(state, plan, work):
        return TakeScore("before")
    return work


def _begins_to_change(state: SessionState, plan: Plan, work: ItemWork) -> bool:
    """Whether this work is the first of an item that changes the target, with no score yet."""
    if not plan.score.measurable or state.score_before or state.score_declined:
        return False
    if not isinstance(work, OpenCheckpoint | RunStep):
        return False
    return any(step.effect for step in plan.item(work.item).steps) and not _changed(state, plan)


def _changed(state: SessionState, plan: Plan) -> bool:
    """Whether a step with an effect was ever begun."""
    return any(
        step.effect and step.id in state.homes and state.step(step.id).attempt
        for _, step in plan.steps()
    )


def next_work(state: SessionState) -> ItemWork | None:
    """The first thing to do in scope; None when there is nothing that may be done unasked."""
    astir = state.row.astir()
    for item in astir:
        if item.rolling_back:
            return RollBack(item.id)
    for item in astir:
        for step in item.row.astir():
            if step.status is StepStatus.UNKNOWN and step.resolved:
                return UndoStep(item.id, step.id)
    guarded = state.guarded
    if guarded is not None and guarded.to_confirm:
        return AwaitConfirmation(guarded.id, guarded.to_confirm)
    if state.intent.active and state.intent.until and _over(state, state.intent.until):
        return None
    # Nothing may come on top of what reverts by itself.
    for item in [guarded] if guarded else state.row.ahead():
        if not asked_for(state, item):
            continue
        if not runnable(state, item):
            continue
        work = _next_in_item(item)
        if work is not None or item.status is ItemStatus.FAILED:
            return work
    return None


def asked_for(state: SessionState, item: ItemState) -> bool:
    """Whether the session's scope has the item, or what was asked for last."""
    wanted = state.intent
    if wanted.active and wanted.only:
        return item.id == wanted.only
    return not wanted.items or item.id in wanted.items


def runnable(state: SessionState, item: ItemState) -> bool:
    """Whether the item can be worked on: built, not rolled back, and all it needs is done."""
    return not (item.over or item.outline.unavailable or missing_needs(state, item))


def missing_needs(state: SessionState, item: ItemState) -> list[str]:
    """Ids of the needed items that have not succeeded, here or in an earlier session."""
    return [
        need
        for need in item.outline.needs
        if need in state.items
        and not state.items[need].status.done
        and not (done_before(state, need) and state.items[need].status is ItemStatus.PENDING)
    ]


def done_before(state: SessionState, item: str) -> ev.DoneBefore | None:
    """The earlier session that did an item which this one leaves out."""
    known = state.started.done_before if state.started else ()
    return next((done for done in known if done.item == item), None)


def _over(state: SessionState, step_id: str) -> bool:
    return step_id in state.homes and state.step(step_id).over


def _next_in_item(item: ItemState) -> ItemWork | None:
    for step in item.row.astir():
        if step.status is StepStatus.UNKNOWN:
            return SettleUnknown(item.id, step.id)
    if item.needs_checkpoint:
        return OpenCheckpoint(item.id)
    for step in item.row.ahead():
        if step.status is StepStatus.PENDING:
            return RunStep(item.id, step.id)
        if step.status is StepStatus.FAILED:
            return None
    if not item.verified_at:
        return VerifyItem(item.id)
    if item.outline.commits and not item.finished:
        return CommitItem(item.id)
    return None


def dependents(state: SessionState, item_id: str) -> list[str]:
    """Items that captured the same things later and are not rolled back, newest first."""
    item = state.items[item_id]
    own = {(capture.kind, capture.name) for capture in item.captures}
    found = [
        other
        for other in state.items.values()
        if other.id != item_id
        and other.rollback is None
        and other.checkpoint_opened_at > item.checkpoint_opened_at
        and own & {(capture.kind, capture.name) for capture in other.captures}
    ]
    found.sort(key=lambda other: other.checkpoint_opened_at, reverse=True)
    return [other.id for other in found]


def lost_by(state: SessionState, changed: Plan) -> list[str]:
    """Items that have changed the target and that an edited plan has no more."""
    kept = {item.id for item in changed.items}
    return [
        item.id
        for item in state.items.values()
        if item.captures and item.status is not ItemStatus.ROLLED_BACK and item.id not in kept
    ]


def restore_order(item: ItemState, ranks: dict[str, int]) -> list[ev.CaptureTaken]:
    """The earliest capture of each thing, by rank, newest first within a rank."""
    earliest: dict[tuple[str, str], ev.CaptureTaken] = {}
    for capture in item.captures:
        earliest.setdefault((capture.kind, capture.name), capture)
    newest_first = list(reversed(earliest.values()))
    return sorted(newest_first, key=lambda capture: ranks.get(capture.kind, 0))


def judge(state: SessionState, plan: Plan, command: cmd.AnyCommand) -> tuple[ev.AnyEvent, ...]:
    """The events a command leads to at once.

    Raises:
        Rejected: it can't be carried out now.
    """
    match command:
        case cmd.Run():
            return _judge_run(state, plan, command)
        case cmd.Pause():
            return (ev.RunPaused(reason=f"paused by {command.by}"),)
        case cmd.CancelStep():
            if state.running_step is None and not state.measuring:
                raise Rejected("No step is running.")
            return ()
        case cmd.MeasureScore():
            _judge_score(state, plan)
            return ()
        case cmd.Recheck():
            _judge_recheck(state, plan)
            return ()
        case cmd.RetryStep():
            return _judge_retry(state, command)
        case cmd.SkipStep():
            return _judge_skip(state, plan, command)
        case cmd.ResolveUnknown():
            return _judge_unknown(state, command)
        case cmd.WaiveCriterion():
            return _judge_waiver(state, command)
        case cmd.RollBackItem():
            _judge_rollback(state, command)
            return ()
        case cmd.RunItem():
            return _judge_run_item(state, command)
        case cmd.GoInByHand() | cmd.ComeOut():
            return _judge_hands(state, command)
        case cmd.AnswerQuestion():
            return _judge_answer(state, command)
        case cmd.AddNote() | cmd.RaiseBlocker() | cmd.ClearBlocker() | cmd.WriteBrief():
            return _judge_record(state, plan, command)
        case cmd.Stop():
            return ()
        case _:
            assert_never(command)


def _judge_record(
    state: SessionState,
    plan: Plan,
    command: cmd.AddNote | cmd.RaiseBlocker | cmd.ClearBlocker | cmd.WriteBrief,
) -> tuple[ev.AnyEvent, ...]:
    """What people tell the record."""
    match command:
        case cmd.AddNote():
            return (
                ev.NoteAdded(
                    text=command.text, by=command.by, item=command.item, step=command.step
                ),
            )
        case cmd.RaiseBlocker():
            return (
                ev.BlockerRaised(
                    id=command.id,
                    text=command.text,
                    by=command.by,
                    item=command.item,
                    step=command.step,
                ),
            )
        case cmd.ClearBlocker():
            if command.blocker not in state.blockers:
                raise Rejected(f"There is no blocker {command.blocker}.")
            return (ev.BlockerCleared(id=command.blocker, by=command.by),)
        case cmd.WriteBrief():
            lines = handover_brief(state, plan, state.at)
            return (ev.BriefWritten(by=command.by, lines=lines),)


def _judge_run(state: SessionState, plan: Plan, command: cmd.Run) -> tuple[ev.AnyEvent, ...]:
    unknown = [name for name in command.items if name not in state.items]
    if unknown:
        known = ", ".join(state.items)
        raise Rejected(f"The plan has no item {', '.join(unknown)}; it has {known}.")
    if command.until and not any(step.id == command.until for _, step in plan.steps()):
        raise Rejected(f"The plan has no step {command.until}.")
    requested = ev.RunRequested(
        auto=command.auto,
        items=command.items,
        until=command.until,
        unattended=command.unattended,
        unknown=command.unknown,
    )
    scope = command.items or state.intent.items or tuple(state.items)
    again = tuple(
        ev.StepReset(item=item.id, step=step.id, reason=f"run again by {command.by}")
        for item in state.items.values()
        if item.id in scope and item.rollback_started is None
        for step in item.steps.values()
        if step.status is StepStatus.FAILED
    )
    return (requested, *again)


def _step(state: SessionState, step_id: str) -> StepState:
    try:
        return state.step(step_id)
    except KeyError:
        raise Rejected(f"The plan has no step {step_id}.") from None


def _judge_retry(state: SessionState, command: cmd.RetryStep) -> tuple[ev.AnyEvent, ...]:
    step = _step(state, command.step)
    if step.status is not StepStatus.FAILED:
        raise Rejected(f"Step {step.id} is {step.status.value}; only a failed step is retried.")
    found: list[ev.AnyEvent] = []
    if command.parameters is not None:
        found.append(
            ev.ParametersEdited(
                item=step.item,
                step=step.id,
                before=step.parameters or {},
                after=command.parameters,
                by=command.by,
            )
        )
    found.append(ev.StepReset(item=step.item, step=step.id, reason=f"retried by {command.by}"))
    found.append(ev.RunRequested(auto=False))
    return tuple(found)


def _judge_skip(state: SessionState, plan: Plan, command: cmd.SkipStep) -> tuple[ev.AnyEvent, ...]:
    step = _step(state, command.step)
    if plan.step(step.id)[1].required:
        raise Rejected(f"Step {step.id} is required by the plan and can't be skipped.")
    if step.status not in (StepStatus.FAILED, StepStatus.PENDING):
        raise Rejected(f"Step {step.id} is {step.status.value} and can't be skipped now.")
    if state.question and state.question.step == step.id:
        raise Rejected(f"Step {step.id} waits for an answer; answer 'no', then skip it.")
    guard = state.items[step.item].guard
    if guard is not None and guard.step == step.id:
        raise Rejected(
            f"Step {step.id} has begun and reverts by itself; retry it, or roll item {step.item}"
            " back."
        )
    if not (command.reason.strip() and command.owner.strip() and command.expires_on.strip()):
        raise Rejected("A waiver needs a reason, an owner and an expiry date.")
    return (
        ev.StepSkipped(
            item=step.item,
            step=step.id,
            reason=command.reason,
            owner=command.owner,
            expires=command.expires_on,
        ),
    )


def _judge_unknown(state: SessionState, command: cmd.ResolveUnknown) -> tuple[ev.AnyEvent, ...]:
    step = _step(state, command.step)
    if step.status is not StepStatus.UNKNOWN:
        raise Rejected(f"Step {step.id} is {step.status.value}, its outcome is known.")
    if step.examined is None:
        raise Rejected(f"The check of step {step.id} is still being asked; wait for what it finds.")
    if step.resolved:
        raise Rejected(f"Step {step.id} is being undone already: {step.resolved.words}.")
    try:
        answer = Progress(command.answer)
    except ValueError:
        known = "done, not done or partly"
        raise Rejected(f"{command.answer!r} is no answer; use {known}.") from None
    resolved = ev.UnknownResolved(
        item=step.item,
        step=step.id,
        answer=answer,
        by=command.by,
        found=step.examined.progress,
        evidence=step.examined.evidence,
    )
    again = ev.RunRequested(auto=False)
    match answer:
        case Progress.DONE:
            done = ev.StepSucceeded(item=step.item, step=step.id, evidence=resolved.words)
            return (resolved, done)
        case Progress.NOT_DONE:
            reset = ev.StepReset(item=step.item, step=step.id, reason=resolved.words)
            return (resolved, reset, again)
        case Progress.PARTLY:
            return (resolved, again)


def _judge_waiver(state: SessionState, command: cmd.WaiveCriterion) -> tuple[ev.AnyEvent, ...]:
    item = _item(state, command.item)
    if command.line not in item.success and command.line not in item.checkpoint:
        raise Rejected(f"Item {item.id} has no line {command.line}.")
    if not (command.reason.strip() and command.owner.strip() and command.expires_on.strip()):
        raise Rejected("A waiver needs a reason, an owner and an expiry date.")
    return (
        ev.CriterionWaived(
            item=item.id,
            line=command.line,
            reason=command.reason,
            owner=command.owner,
            expires=command.expires_on,
        ),
    )


def _item(state: SessionState, item_id: str) -> ItemState:
    if item_id not in state.items:
        raise Rejected(f"The plan has no item {item_id}; it has {', '.join(state.items)}.")
    return state.items[item_id]


def _judge_rollback(state: SessionState, command: cmd.RollBackItem) -> None:
    item = _item(state, command.item)
    if item.status is ItemStatus.ROLLED_BACK:
        raise Rejected(f"Item {item.id} is rolled back already.")
    if item.fingerprint is None:
        raise Rejected(f"Item {item.id} has changed nothing: there is nothing to roll back.")
    running = state.running_step
    if running and running.item != item.id:
        raise Rejected(f"Step {running.id} is running; wait for its end or cancel it first.")
    others = dependents(state, item.id)
    if others and not command.with_dependents:
        raise Rejected(
            f"Item {item.id} can't be rolled back alone: {', '.join(others)} changed the same"
            f" things later. Roll back in this order: {', '.join([*others, item.id])}"
            " (--with-dependents does it)."
        )


def _judge_run_item(state: SessionState, command: cmd.RunItem) -> tuple[ev.AnyEvent, ...]:
    item = _item(state, command.item)
    if why := runs_not(state, item):
        raise Rejected(why)
    rolled_back = item.status is ItemStatus.ROLLED_BACK
    again = (ev.ItemTakenUpAgain(item=item.id, by=command.by),) if rolled_back else ()
    return (*again, ev.RunRequested(auto=True, items=_widened(state, item.id), only=item.id))


def runs_not(state: SessionState, item: ItemState) -> str:
    """Why an item can't be run by itself now; empty when it can."""
    if state.intent.active or state.status in ("running", "waiting"):
        return f"Work is under way; run item {item.id} when it has ended."
    if item.over and item.status is not ItemStatus.ROLLED_BACK:
        return f"Item {item.id} is {item.status.value.replace('_', ' ')}: nothing is open of it."
    if missing := missing_needs(state, item):
        return f"Item {item.id} needs {', '.join(missing)}, which is not done."
    if item.outline.unavailable:
        steps = ", ".join(item.outline.unavailable)
        return f"Item {item.id} has steps whose action is not installed: {steps}."
    return ""


def _widened(state: SessionState, item_id: str) -> tuple[str, ...]:
    """The scope with an item in it; empty, which is all of them, stays empty."""
    scope = state.intent.items
    return scope if not scope or item_id in scope else (*scope, item_id)


def _judge_hands(
    state: SessionState, command: cmd.GoInByHand | cmd.ComeOut
) -> tuple[ev.AnyEvent, ...]:
    if isinstance(command, cmd.ComeOut):
        if command.hands not in [one.went_in.id for one in within(state)]:
            raise Rejected("Nobody is in by that command.")
        return ()  # the engine adds what was recorded
    item, step = falls_to(state, _item(state, command.item).id)
    running = state.running_step
    return (
        ev.HandsWentIn(
            id=command.id,
            by=command.by,
            way=command.way,
            what=command.what,
            item=item,
            step=step,
            during=running.id if running else "",
            pid=command.pid,
            pid_started=command.pid_started,
        ),
    )


def _judge_score(state: SessionState, plan: Plan) -> None:
    if not plan.score.measurable:
        raise Rejected("The plan has no checks for a score.")
    if state.scoring is not None:
        raise Rejected("The score is being measured already.")
    if state.status in ("running", "waiting"):
        raise Rejected("Work is under way; measure the score when it has ended.")


def _judge_recheck(state: SessionState, plan: Plan) -> None:
    if state.status in ("running", "waiting"):
        raise Rejected("Work is under way; measure the criteria again when it has ended.")
    if not criteria_to_recheck(state, plan):
        raise Rejected("No item with success criteria is done: there is nothing to measure again.")


def _judge_answer(state: SessionState, command: cmd.AnswerQuestion) -> tuple[ev.AnyEvent, ...]:
    asked = state.question
    if asked is None or asked.id != command.question:
        raise Rejected("That question is not open any more.")
    if command.assumed and asked.person_required:
        raise Rejected("This needs a person's answer; --yes does not stand in for it.")
    if asked.kind == "target" and not command.assumed and command.answer != state.target_name:
        raise Rejected(f"{command.answer!r} is not the target's name, {state.target_name}.")
    if asked.choices and command.answer not in asked.choices:
        raise Rejected(f"{command.answer!r} is no answer; use one of {', '.join(asked.choices)}.")
    if asked.secret:
        if command.answer != answers.SEALED:
            raise Rejected("A secret answer is sealed; it does not travel in a command.")
    elif asked.kind == "text" and (words := answers.misfit(asked.takes, command.answer)):
        raise Rejected(words)
    return (
        ev.QuestionAnswered(
            id=asked.id,
            answer=command.answer,
            by=command.by,
            assumed=command.assumed,
            how=command.how,
        ),
    )


def criteria_to_recheck(state: SessionState, plan: Plan) -> list[tuple[Item, CheckLine]]:
    """The criteria of the items that are done; one that is waived need not hold."""
    return [
        (item, line)
        for item in plan.items
        if (found := state.items.get(item.id)) and found.status is ItemStatus.SUCCEEDED
        for line in item.success
        if line.id in found.success and found.success[line.id].waiver is None
    ]


def lines_to_measure(item: Item) -> tuple[CheckLine, ...]:
    return tuple(line for line in item.checkpoint if isinstance(line, CheckLine))


def lines_to_capture(item: Item) -> tuple[CaptureLine, ...]:
    return tuple(line for line in item.checkpoint if isinstance(line, CaptureLine))


def lines_to_confirm(item: Item) -> tuple[ConfirmLine, ...]:
    return tuple(line for line in item.checkpoint if isinstance(line, ConfirmLine))
