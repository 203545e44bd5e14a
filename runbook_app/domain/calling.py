"""What a person is needed for, whoever looks at a screen."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.outcome import failures
from runbook_app.domain.state import ItemStatus, SessionState, StepStatus


@dataclass(frozen=True, slots=True)
class Call:
    key: str
    """The same as long as it is the same thing."""
    words: str


def call_for(state: SessionState) -> Call | None:
    """The one thing that a person is needed for now; None when nobody is.

    A question that `--yes` answers needs nobody.
    """
    asked = state.question
    if asked is not None:
        if state.intent.unattended and asked.may_be_assumed:
            return None
        return Call(f"question {asked.id}", f"waiting for a person: {asked.text}")
    if state.running_step is not None:
        return None
    for item in state.row.astir():
        name = f"item {item.outline.number} {item.outline.title}"
        unknown = [s.id for s in item.steps.values() if s.status is StepStatus.UNKNOWN]
        if unknown and not state.intent.active:
            words = f"{name}: the outcome of {', '.join(unknown)} is unknown after a crash"
            return Call(f"{item.id} {words}", words)
        if item.status in (ItemStatus.FAILED, ItemStatus.ROLLBACK_FAILED):
            words = f"{name}: {'; '.join(failures(item)) or 'failed'}"
            attempts = sum(step.attempt for step in item.steps.values())
            return Call(f"{item.id} {attempts} {item.rollback_started_at} {words}", words)
    if state.nothing_left:
        ends = [item.finished_at for item in state.items.values()]
        ends += [item.rollback_started_at for item in state.items.values()]
        return Call(f"over {max(ends, default='')}", "nothing is left to do that was asked for")
    return None
