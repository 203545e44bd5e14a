"""How long the rest will take, as a range: from the pace so far and the plan's."""

from __future__ import annotations

from datetime import datetime, timedelta

from runbook_app.domain.clock import Estimate, parse_time
from runbook_app.domain.outcome import out_of_reach
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus

_NOTHING = Estimate(timedelta(), timedelta())
_OVER = (
    ItemStatus.SUCCEEDED,
    ItemStatus.NOT_REQUIRED,
    ItemStatus.ROLLING_BACK,
    ItemStatus.ROLLED_BACK,
    ItemStatus.ROLLBACK_FAILED,
)
_STEP_OVER = (StepStatus.SUCCEEDED, StepStatus.SKIPPED)


def open_items(state: SessionState, plan: Plan) -> list[tuple[Item, ItemState]]:
    """Items in scope, in the plan's order, that can be done here and are not over."""
    unreachable = out_of_reach(state)
    return [
        (item, found)
        for item in plan.items
        if (found := state.items.get(item.id))
        and (not state.intent.items or item.id in state.intent.items)
        and found.status not in _OVER
        and item.id not in unreachable
    ]


def planned(item: Item) -> Estimate:
    """The plan's time for an item: its steps' times, or its own where a step has none."""
    total = _NOTHING
    for step in item.steps:
        if step.estimate is None:
            return item.estimate or _NOTHING
        total += step.estimate
    return total if item.steps else item.estimate or _NOTHING


def pace(state: SessionState, plan: Plan) -> tuple[float, float]:
    """Measured time of the finished steps per planned time, to the range's two ends.

    The early end is at most 1 (as planned), the late end at least 1.
    """
    measured = early = late = 0.0
    for item, step in plan.steps():
        found = state.items[item.id].steps.get(step.id) if item.id in state.items else None
        if found and step.estimate and found.status is StepStatus.SUCCEEDED:
            measured += found.seconds(found.ended_at)
            early += step.estimate.low.total_seconds()
            late += step.estimate.high.total_seconds()
    return (
        min(1.0, measured / early) if early else 1.0,
        max(1.0, measured / late) if late else 1.0,
    )


def remaining(state: SessionState, plan: Plan, now: str) -> Estimate:
    """The time that the open items in scope still take."""
    total = _NOTHING
    for item, found in open_items(state, plan):
        total += _of_item(item, found, now)
    fast, slow = pace(state, plan)
    return Estimate(total.low * fast, total.high * slow)


def completion(state: SessionState, plan: Plan, now: str) -> tuple[datetime, datetime] | None:
    """When the scope will be done, earliest and latest; None when nothing is open."""
    if not open_items(state, plan):
        return None
    rest, at = remaining(state, plan, now), parse_time(now)
    return at + rest.low, at + rest.high


def _of_item(item: Item, found: ItemState, now: str) -> Estimate:
    if not found.started or any(step.estimate is None for step in item.steps):
        return _less(planned(item), _spent(found, now))
    total = _NOTHING
    for step in item.steps:
        state = found.steps.get(step.id)
        if step.estimate and (state is None or state.status not in _STEP_OVER):
            total += _less(step.estimate, state.seconds(now) if state else 0.0)
    return total


def _spent(found: ItemState, now: str) -> float:
    return sum(step.seconds(now) for step in found.steps.values())


def _less(estimate: Estimate, seconds: float) -> Estimate:
    gone = timedelta(seconds=seconds)
    return Estimate(max(estimate.low - gone, timedelta()), max(estimate.high - gone, timedelta()))
