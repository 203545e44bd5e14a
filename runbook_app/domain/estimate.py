"""How long the rest will take, as a range: from the pace so far, earlier sessions, and the plan."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from runbook_app.domain.clock import Estimate, parse_time
from runbook_app.domain.outcome import out_of_reach
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus

_NOTHING = Estimate(timedelta(), timedelta())
_OVER = (
    ItemStatus.SUCCEEDED,
    ItemStatus.NOT_REQUIRED,
    ItemStatus.ROLLING_BACK,
    ItemStatus.ROLLED_BACK,
    ItemStatus.ROLLBACK_FAILED,
)


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


def earlier(state: SessionState, step: Step) -> Estimate | None:
    """What the step took in earlier sessions of the plan; None when it never succeeded there."""
    found = state.started.earlier.get(step.id) if state.started else None
    return Estimate(*(timedelta(seconds=end) for end in found)) if found else None


def _expected(state: SessionState, step: Step) -> Estimate | None:
    """What a step takes: as in earlier sessions, else as planned."""
    return earlier(state, step) or step.estimate


def paces(state: SessionState, plan: Plan) -> dict[bool, tuple[float, float]]:
    """Measured time of the finished steps per expected time, to the range's two ends.

    Apart for steps that earlier sessions have times of (True) and those that only the plan has:
    the one says nothing about the other. The early end is at most 1 (as expected), the late end at
    least 1.
    """
    sums = {False: [0.0, 0.0, 0.0], True: [0.0, 0.0, 0.0]}
    for item, step in plan.steps():
        found = state.items[item.id].steps.get(step.id) if item.id in state.items else None
        if found is None or found.status is not StepStatus.SUCCEEDED:
            continue
        known = earlier(state, step)
        if expected := known or step.estimate:
            seconds = (expected.low.total_seconds(), expected.high.total_seconds())
            for at, more in enumerate((found.seconds(found.ended_at), *seconds)):
                sums[known is not None][at] += more
    return {
        known: (
            min(1.0, measured / low) if low else 1.0,
            max(1.0, measured / high) if high else 1.0,
        )
        for known, (measured, low, high) in sums.items()
    }


def remaining(state: SessionState, plan: Plan, now: str) -> Estimate:
    """The time that the open items in scope still take."""
    total = _NOTHING
    found_paces = paces(state, plan)
    for item, found in open_items(state, plan):
        for known, rest in _of_item(item, found, state, now):
            fast, slow = found_paces[known]
            total += Estimate(rest.low * fast, rest.high * slow)
    return total


def completion(state: SessionState, plan: Plan, now: str) -> tuple[datetime, datetime] | None:
    """When the scope will be done, earliest and latest; None when nothing is open."""
    if not open_items(state, plan):
        return None
    rest, at = remaining(state, plan, now), parse_time(now)
    return at + rest.low, at + rest.high


def _of_item(
    item: Item, found: ItemState, state: SessionState, now: str
) -> Iterator[tuple[bool, Estimate]]:
    """The parts of an item's rest, each with whether earlier sessions have times of it."""
    if not item.steps or any(_expected(state, step) is None for step in item.steps):
        yield False, _less(item.estimate or _NOTHING, _spent(found, now))
        return
    for step in item.steps:
        it, expected = found.steps.get(step.id), _expected(state, step)
        if expected and (it is None or not it.status.over):
            rest = _less(expected, it.seconds(now) if it else 0.0)
            yield earlier(state, step) is not None, rest


def _spent(found: ItemState, now: str) -> float:
    return sum(step.seconds(now) for step in found.steps.values())


def _less(estimate: Estimate, seconds: float) -> Estimate:
    gone = timedelta(seconds=seconds)
    return Estimate(max(estimate.low - gone, timedelta()), max(estimate.high - gone, timedelta()))
