"""The status report, in the master plan's form."""

from __future__ import annotations

from runbook_app.domain.clock import format_duration
from runbook_app.domain.estimate import completion, open_items, planned
from runbook_app.domain.events import StatusReported
from runbook_app.domain.hands import session_lines
from runbook_app.domain.outcome import failures
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.record import taken_words
from runbook_app.domain.rehearsal import badge_words
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepState, StepStatus
from runbook_app.domain.times import at_clock, began, seconds
from runbook_app.domain.verdict import drift_reasons
from runbook_app.domain.window import closes_at

_MARKS = {
    StepStatus.SUCCEEDED: "✓",
    StepStatus.SKIPPED: "skipped:",
    StepStatus.RUNNING: "⏳",
    StepStatus.WAITING: "⏳ waiting:",
    StepStatus.FAILED: "✗ failed:",
    StepStatus.UNKNOWN: "? unknown:",
    StepStatus.ROLLING_BACK: "⏳ rolling back:",
    StepStatus.ROLLED_BACK: "rolled back:",
    StepStatus.ROLLBACK_FAILED: "✗ rollback failed:",
}


def status_report(state: SessionState, plan: Plan, now: str) -> StatusReported:
    """Say what was started, what runs, what is done, what is next, and when it will be over."""
    item = current_item(state, plan)
    if item is None:
        return StatusReported(
            started="nothing yet",
            current="nothing",
            status=_blockers(state),
            next=_next_item(state, plan, None, now),
            estimated_completion=_completion_text(state, plan, now),
        )
    found = state.items[item.id]
    return StatusReported(
        started=f"Item {item.number} - {item.title} ({at_clock(began(found), now)})",
        current=_current(state, item, found),
        status=(*_marks(item, found, now), *_blockers(state)),
        next=_next(state, plan, item, found, now),
        estimated_completion=_completion_text(state, plan, now),
    )


def report_lines(report: StatusReported) -> list[str]:
    """The report as five lines of plain text."""
    return [
        f"Started: {report.started}",
        f"Current: {report.current}",
        f"Status: {', '.join(report.status) or 'nothing done yet'}",
        f"Next: {report.next}",
        f"Estimated Completion: {report.estimated_completion}",
    ]


def current_item(state: SessionState, plan: Plan) -> Item | None:
    """The item that is worked on, else the one that was last."""
    touched = [i for i in plan.items if (s := state.items.get(i.id)) and s.started]
    busy = [item for item in touched if _busy(state.items[item.id])]
    pool = busy or touched
    return max(pool, key=lambda item: _last_moment(state.items[item.id]), default=None)


def _busy(found: ItemState) -> bool:
    return found.status not in (ItemStatus.SUCCEEDED, ItemStatus.ROLLED_BACK)


def _last_moment(found: ItemState) -> str:
    moments = [found.checkpoint_opened_at, found.finished_at, found.rollback_started_at]
    moments += [moment for s in found.steps.values() for moment in (s.started_at, s.ended_at)]
    return max(moments)


def _current(state: SessionState, item: Item, found: ItemState) -> str:
    if found.rolling_back:
        return f"Rolling back item {item.number}"
    if found.status is ItemStatus.ROLLED_BACK and found.rollback:
        return "Rolled back, proven" if found.rollback.proven else "Rolled back, differences remain"
    if state.question and state.question.item == item.id:
        return f"Waiting for a person: {state.question.headline}"
    if wrong := failures(found):
        return "; ".join(wrong)
    for step in item.steps:
        doing = found.steps.get(step.id)
        if doing and doing.status in (StepStatus.RUNNING, StepStatus.WAITING):
            return _running(step.title, doing)
        if doing and doing.status is StepStatus.UNKNOWN:
            return f"{step.title}: outcome unknown, {doing.error}".rstrip(", ")
    return _between_steps(found)


def _running(title: str, step: StepState) -> str:
    if step.stopping:
        return f"{title} (stopping: {step.stopping})"
    return f"{title} ({step.progress})" if step.progress else title


def _between_steps(found: ItemState) -> str:
    if found.finished:
        return "nothing, the item is done"
    if found.needs_checkpoint:
        return "Checkpoint"
    if not found.steps_over:
        return "nothing, between two steps"
    return "Committing" if found.verified_at else "Verifying the success criteria"


def _marks(item: Item, found: ItemState, now: str) -> tuple[str, ...]:
    marks = ["✓ Checkpoint passed"] if found.checkpoint_passed_at else []
    for step in item.steps:
        done = found.steps.get(step.id)
        if done and done.word == "not_applicable":
            marks.append(f"not applicable: {step.title}")
        elif done and done.status in _MARKS:
            took = seconds(done.seconds(now)) if done.started_at else ""
            marks.append(f"{_MARKS[done.status]} {step.title}" + (f" ({took})" if took else ""))
    if found.verified_at and not found.drifted:
        marks.append("✓ Success criteria hold")
    if found.committed:
        marks.append(f"✓ Committed {found.committed.commit[:12]}")
    return tuple(marks)


def _blockers(state: SessionState) -> tuple[str, ...]:
    drift = (f"✗ drift: {reason}" for reason in drift_reasons(state))
    blockers = (f"blocker: {blocker.text}" for blocker in state.open_blockers())
    return (
        *drift,
        *blockers,
        *session_lines(state),
        *(taken_words(taken) for taken, _ in state.taken_over()),
    )


def _next(state: SessionState, plan: Plan, item: Item, found: ItemState, now: str) -> str:
    if failures(found):
        return f"Retry, skip or roll back (item {item.number})"
    if found.status in (ItemStatus.ROLLED_BACK, ItemStatus.ROLLING_BACK) or found.finished:
        return _next_item(state, plan, item, now)
    for step in item.steps:
        if (later := found.steps.get(step.id)) and later.status is StepStatus.PENDING:
            return step.title
    if not found.verified_at and not _verifying(found):
        return "Verify the success criteria"
    if item.commit and not found.committed and not found.verified_at:
        return "Commit the item"
    return _next_item(state, plan, item, now)


def _verifying(found: ItemState) -> bool:
    return found.steps_over and not found.needs_checkpoint


def _next_item(state: SessionState, plan: Plan, current: Item | None, now: str) -> str:
    for item, _ in open_items(state, plan):
        if current is None or item.id != current.id:
            estimate = planned(item)
            took = f" ({estimate})" if estimate.high else ""
            words = badge_words(state, state.items[item.id], now)
            return f"Item {item.number} - {item.title}{took}" + (f", {words}" if words else "")
    return "nothing in this scope"


def _completion_text(state: SessionState, plan: Plan, now: str) -> str:
    span = completion(state, plan, now)
    if span is None:
        return "nothing is open in this scope"
    first, last = (at_clock(moment.isoformat(), now) for moment in span)
    text = first if first == last else f"{first.removesuffix(' UTC')}-{last}"
    deadline = closes_at(plan, state)
    if deadline and span[1] > deadline:
        late = format_duration(span[1] - deadline)
        text += f", up to {late} after the window closes"
    return text
