"""What a session has come to: which items can't be done here, and whether a scope is done."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from runbook_app.domain.markdown import measured
from runbook_app.domain.measure import Verdict
from runbook_app.domain.state import ItemState, ItemStatus, LineState, SessionState, StepStatus
from runbook_app.domain.times import at_second

_FAILED = (ItemStatus.FAILED, ItemStatus.ROLLBACK_FAILED)


class Outcome(StrEnum):
    DONE = "done"
    """Everything in scope that is built is done."""
    FAILED = "failed"
    WAITING = "waiting"
    """A person has to decide before it can go on."""
    OPEN = "open"
    """Some of it has not been done, without a failure."""


def damage(state: SessionState, folder: Path) -> str:
    """What a reader's state lacks, and who says more of it; empty when all could be read."""
    if not state.left_out:
        return ""
    first, count = state.left_out[0], len(state.left_out)
    more = f" and {count - 1} more" if count > 1 else ""
    return (
        f"entry {first}{more} of the journal can't be read and is left out here;"
        f" runbook verify {folder} says more"
    )


def out_of_reach(state: SessionState) -> dict[str, str]:
    """Reason by id of each item that this installation can't do."""
    found: dict[str, str] = {}
    for item in state.items.values():
        if item.outline.unavailable and item.status is ItemStatus.UNAVAILABLE:
            steps = ", ".join(item.outline.unavailable)
            found[item.id] = f"the actions of these steps are not installed: {steps}"
    while True:
        more = {
            item.id: f"it needs {need}, which can't be done here"
            for item in state.items.values()
            for need in item.outline.needs
            if need in found and item.id not in found and item.status is ItemStatus.PENDING
        }
        if not more:
            return found
        found |= more


def failures(item: ItemState) -> list[str]:
    """What went wrong in an item, one line each."""
    found = [
        f"step {step.id} failed: {step.error}"
        for step in item.steps.values()
        if step.status is StepStatus.FAILED
    ]
    if item.checkpoint_error:
        found.append(f"checkpoint failed: {item.checkpoint_error}")
    found += [
        f"criterion {line.id} {_verdict(line.result.verdict)}: {line.result.evidence}".rstrip(": ")
        for line in item.success.values()
        if line.result and not line.passed
    ]
    if item.not_committed and item.not_committed.fatal:
        found.append(f"not committed: {item.not_committed.reason}")
    if item.rollback_error:
        found.append(f"rollback failed: {item.rollback_error}")
    return found


def drifts(item: ItemState) -> dict[str, str]:
    """Which criteria of a finished item do not hold any more, in words, by their id."""
    return {
        line.id: f"criterion {line.id} held at {at_second(line.held_at)},"
        f" no longer at {at_second(line.drift.since)}"
        for line in item.drifted
        if line.drift
    }


def drifts_measured(item: ItemState) -> list[str]:
    """The same, one line each, with what was measured and its limit."""
    return [f"{text}: {_seen(item.success[line])}" for line, text in drifts(item).items()]


def _seen(line: LineState) -> str:
    result, _ = line.newest
    bad = [measured(m) for m in result.measurements if not m.ok] if result else []
    return "; ".join(bad) or (result.evidence if result else "")


def _verdict(verdict: Verdict) -> str:
    return "could not be measured" if verdict is Verdict.NOT_MEASURED else "is not met"


def outcome(state: SessionState, items: Iterable[str] = (), until: str = "") -> Outcome:
    """Judge a scope; no ids of items means all of them, `until` ends it with that step."""
    chosen = list(items)
    scope = [item for item in state.items.values() if not chosen or item.id in chosen]
    statuses = {item.status for item in scope}
    if state.question or statuses & {ItemStatus.UNKNOWN, ItemStatus.WAITING}:
        return Outcome.WAITING
    if any(item.status in _FAILED or failures(item) or item.drifted for item in scope):
        return Outcome.FAILED
    if until:
        return Outcome.DONE if state.step(until).status.over else Outcome.OPEN
    unreachable = {} if chosen else out_of_reach(state)
    if all(item.status.done or item.id in unreachable for item in scope):
        return Outcome.DONE
    return Outcome.OPEN
