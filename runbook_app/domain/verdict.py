"""The verdict on a session, and why it is not complete."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from runbook_app.domain.outcome import drifts, failures, out_of_reach
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus


class Overall(StrEnum):
    INCOMPLETE = "INCOMPLETE"
    """Something is open, failed, unknown, running, or can't be done here."""
    ENDED = "ENDED"
    """Nothing is open, but something was rolled back or waived."""
    COMPLETE = "COMPLETE"
    UNATTENDED = "COMPLETE (unattended)"
    """Complete, but some confirmation was assumed instead of given by a person."""


def overall(state: SessionState) -> Overall:
    if incomplete_reasons(state):
        return Overall.INCOMPLETE
    if any(item.status is ItemStatus.ROLLED_BACK or _waived(item) for item in state.items.values()):
        return Overall.ENDED
    return Overall.UNATTENDED if _assumed(state) else Overall.COMPLETE


def incomplete_reasons(state: SessionState) -> list[str]:
    """One line for each thing that keeps the session from an end."""
    found: list[str] = []
    if not state.items:
        found.append("the session has not started")
    unreachable = out_of_reach(state)
    for item in state.items.values():
        found += [f"{_name(item)}: {text}" for text in _open(item, unreachable)]
    found += drift_reasons(state)
    if state.measuring and state.engine is not None:
        found.append("the score or the criteria are being measured")
    found += [f"blocker: {blocker.text}" for blocker in state.open_blockers()]
    if state.question and not state.question.item:
        found.append(f"waiting for a person: {state.question.headline}")
    return found


def drift_reasons(state: SessionState) -> list[str]:
    """One line for each criterion that held and does not any more."""
    return [
        f"{_name(item)}: {text}" for item in state.items.values() for text in drifts(item).values()
    ]


def _name(item: ItemState) -> str:
    return f"item {item.outline.number} ({item.outline.title})"


def _open(item: ItemState, unreachable: dict[str, str]) -> Iterator[str]:
    yield from _unproven_rollback(item)
    if item.status is ItemStatus.ROLLED_BACK or item.status is ItemStatus.NOT_REQUIRED:
        return
    wrong = failures(item)
    yield from wrong
    unknown = [s.id for s in item.steps.values() if s.status is StepStatus.UNKNOWN]
    if unknown:
        yield f"the outcome of {', '.join(unknown)} is unknown after a crash"
    if item.id in unreachable:
        yield unreachable[item.id]
    elif not (wrong or unknown or item.status is ItemStatus.SUCCEEDED):
        yield _words(item)


def _unproven_rollback(item: ItemState) -> Iterator[str]:
    if item.rollback and not item.rollback.proven:
        yield f"rolled back, but {len(item.rollback.differences)} differences remain"


def _words(item: ItemState) -> str:
    if item.status is ItemStatus.PENDING:
        return "not started"
    if item.status in (ItemStatus.RUNNING, ItemStatus.WAITING):
        left = [s.id for s in item.steps.values() if s.status is StepStatus.PENDING]
        more = f", open steps: {', '.join(left)}" if left else ""
        return f"still {item.status.value}{more}"
    return f"still {item.status.value.replace('_', ' ')}"


def _waived(item: ItemState) -> bool:
    return any(step.word == StepStatus.SKIPPED.value for step in item.steps.values()) or any(
        line.waiver for line in (*item.checkpoint.values(), *item.success.values())
    )


def _assumed(state: SessionState) -> bool:
    return any(
        line.confirmed and line.confirmed.assumed
        for item in state.items.values()
        for line in item.checkpoint.values()
    ) or any(answer.assumed for _, answer in state.questions_answered)
