"""The handover brief: where we are, for whoever takes over."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.domain.clock import parse_time
from runbook_app.domain.guard import words as guard_words
from runbook_app.domain.hands import session_lines
from runbook_app.domain.outcome import failures
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus, SessionState
from runbook_app.domain.status import current_item, status_report
from runbook_app.domain.times import at_clock
from runbook_app.domain.verdict import drift_reasons
from runbook_app.domain.window import closes_at, undo_by, undoable

_NOTES = 3
"""Newest notes that a brief repeats."""


def handover_brief(state: SessionState, plan: Plan, now: str) -> tuple[str, ...]:
    """One line a thing: `Item: …`, `Step: …`, `State: …`, and so on to `Next action: …`."""
    report = status_report(state, plan, now)
    item = current_item(state, plan)
    risks = list(_risks(state, plan, now)) or ["none known"]
    return (
        f"Item: {item.number} - {item.title}" if item else "Item: none begun",
        f"Step: {report.current}",
        f"State: {_state_words(state)}",
        f"Waits for a person: {_waits(state)}",
        f"Undo by: {undo_words(state, plan, now)}",
        *(f"Open risk: {risk}" for risk in risks),
        *(f"Note: {note.text} ({note.by})" for note in state.notes[-_NOTES:]),
        f"Done by: {report.estimated_completion}",
        f"Next action: {_next_action(state, report.next)}",
    )


def _state_words(state: SessionState) -> str:
    done = sum(item.status is ItemStatus.SUCCEEDED for item in state.items.values())
    words = f"{state.status}, {done} of {len(state.items)} items done"
    if state.engine is None:
        stopped = state.engine_stopped
        words += f", the engine stopped ({stopped.reason})" if stopped else ", no engine yet"
    return words


def _waits(state: SessionState) -> str:
    if state.question:
        person = " (a person must answer)" if state.question.person_required else ""
        return f"{state.question.headline}{person}"
    guarded = state.guarded
    if guarded and guarded.to_confirm:
        return f"step {guarded.to_confirm} reverts by itself unless it is confirmed"
    return "nothing"


def undo_words(state: SessionState, plan: Plan, now: str) -> str:
    """The last safe moment to begin rolling back everything, or why there is none."""
    if not undoable(plan, state):
        return "nothing to undo"
    when = undo_by(plan, state)
    if when is None:
        return "unknown, an item with captures has no rollback budget and no measured rollback"
    passed = " PASSED" if when <= parse_time(now) else ""
    return at_clock(when.isoformat(), now) + passed


def _risks(state: SessionState, plan: Plan, now: str) -> Iterator[str]:
    for found in state.items.values():
        number = plan.item(found.id).number
        yield from (f"item {number}: {words}" for words in failures(found))
        if found.rollback and not found.rollback.proven:
            yield f"item {number}: rolled back, differences remain"
        for step in found.steps.values():
            if step.waiver:
                yield f"step {step.id} is skipped until {step.waiver.expires}: {step.waiver.reason}"
        for line in found.success.values():
            if line.waiver:
                yield f"criterion {line.id} is waived until {line.waiver.expires}"
    yield from (f"drift: {reason}" for reason in drift_reasons(state))
    yield from (f"blocker: {blocker.text}" for blocker in state.open_blockers())
    yield from session_lines(state)
    if guarding := guard_words(state, None):
        yield guarding
    closes = closes_at(plan, state)
    if closes and closes <= parse_time(now):
        yield f"the window closed at {at_clock(closes.isoformat(), now)}"


def _next_action(state: SessionState, next_up: str) -> str:
    if state.question:
        return f"Answer: {state.question.headline}"
    if state.engine is None:
        return f"Start an engine (runbook resume), then: {next_up}"
    return next_up
