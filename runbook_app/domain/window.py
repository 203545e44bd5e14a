"""The window, and the last moment at which all that was done can still be undone within it."""

from __future__ import annotations

from datetime import datetime, timedelta

from runbook_app.domain.clock import parse_time
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, ItemStatus, SessionState


def opens_at(plan: Plan, state: SessionState) -> datetime | None:
    """None before the session has begun, when the plan names no time."""
    return plan.window.starts or (parse_time(state.started_at) if state.started_at else None)


def closes_at(plan: Plan, state: SessionState) -> datetime | None:
    opens = opens_at(plan, state)
    return opens + plan.window.budget if opens else None


def undoable(plan: Plan, state: SessionState) -> list[tuple[Item, ItemState]]:
    """Items that a rollback would take something of back."""
    return [
        (item, found)
        for item in plan.items
        if (found := state.items.get(item.id))
        and found.status is not ItemStatus.ROLLED_BACK
        and (found.captures or taken_back(item, found))
    ]


def taken_back(item: Item, found: ItemState) -> list[Step]:
    """Steps that a rollback has take themselves back, in that order."""
    return [
        step
        for step in reversed(item.steps)
        if step.undoes and (known := found.steps.get(step.id)) and known.begun
    ]


def undo_by(plan: Plan, state: SessionState) -> datetime | None:
    """The last moment to start rolling back all that was done; None when a time is missing."""
    closes = closes_at(plan, state)
    spans = [rollback_time(item, found) for item, found in undoable(plan, state)]
    known = [span for span in spans if span is not None]
    if closes is None or not spans or len(known) < len(spans):
        return None
    return closes - sum(known, timedelta())


def rollback_time(item: Item, found: ItemState) -> timedelta | None:
    """The longest of the plan's budget and what rollbacks here and on a copy took.

    None when the plan has no budget and none was measured.
    """
    spans = [item.rollback_budget.high] if item.rollback_budget else []
    spans += [timedelta(seconds=done.seconds) for done in found.rollback_history if done.seconds]
    if found.rehearsal:
        spans.append(timedelta(seconds=found.rehearsal.rollback_seconds))
    return max(spans, default=None)
