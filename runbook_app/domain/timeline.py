"""Planned against actual times, on the session's window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_app.domain.clock import Estimate, parse_time
from runbook_app.domain.estimate import planned
from runbook_app.domain.plan import Item, Plan, Section, Step
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus
from runbook_app.domain.times import began, ended
from runbook_app.domain.window import closes_at, opens_at

FAST = 0.1
"""Part of the plan's shortest time below which something was suspiciously fast."""
SHORTEST = timedelta(minutes=1)
"""Plans for less are not looked at for that."""
_CLOCK = re.compile(r"\b(\d{1,2}):(\d{2})\s*[-–]\s*(\d{1,2}):(\d{2})\b")
_STOPPED = (ItemStatus.SUCCEEDED, ItemStatus.ROLLED_BACK, ItemStatus.ROLLBACK_FAILED)


@dataclass(frozen=True, slots=True)
class Span:
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Time taken beside time planned."""

    took: timedelta
    plan: Estimate | None
    over: bool
    """It came to an end."""

    @property
    def overrun(self) -> timedelta:
        return max(timedelta(), self.took - self.plan.high) if self.plan else timedelta()

    @property
    def suspicious(self) -> bool:
        """So fast that it may not have done what it should."""
        if not self.over or self.plan is None or self.plan.low < SHORTEST:
            return False
        return self.took < self.plan.low * FAST


def window(plan: Plan, state: SessionState, now: str) -> Span | None:
    """From its opening to its close, or as long as work goes on; None before the session began."""
    opens, closes = opens_at(plan, state), closes_at(plan, state)
    if opens is None or closes is None or not state.started_at:
        return None
    return Span(min(opens, parse_time(state.started_at)), max(closes, parse_time(now)))


def plan_spans(plan: Plan, opens: datetime) -> dict[str, Span]:
    """Items one after the other, at the plan's longest times."""
    found: dict[str, Span] = {}
    at = opens
    for item in plan.items:
        if not item.not_required:
            end = at + planned(item).high
            found[item.id] = Span(at, end)
            at = end
    return found


def block_spans(plan: Plan, opens: datetime) -> list[tuple[Section, Span | None]]:
    """The plan's blocks; one whose title names a time of day is moved along with the window."""
    declared = plan.window.declared_start
    return [(block, _block_span(block, declared, opens)) for block in plan.blocks]


def _block_span(block: Section, declared: datetime | None, opens: datetime) -> Span | None:
    found = _CLOCK.search(block.title)
    if found is None or declared is None:
        return None
    hours = [int(part) for part in found.groups()]
    if max(hours[0], hours[2]) > 24 or max(hours[1], hours[3]) > 59:
        return None
    midnight = declared.replace(hour=0, minute=0, second=0, microsecond=0)
    shift = opens - declared
    start, end = (
        midnight + timedelta(hours=hours[at], minutes=hours[at + 1]) + shift for at in (0, 2)
    )
    return Span(start, end if end >= start else end + timedelta(days=1))


def actual(found: ItemState, now: str) -> Span | None:
    """When an item was worked on, to now while it is not over; None before it began."""
    start = began(found)
    if not start:
        return None
    end = ended(found) if found.status in _STOPPED else now
    return Span(parse_time(start), max(parse_time(start), parse_time(end)))


def item_pace(item: Item, found: ItemState, now: str) -> Pace | None:
    """By the time its steps ran: waiting between them is nobody's overrun."""
    if not any(step.started_at for step in found.steps.values()):
        return None
    took = sum(step.seconds(now) for step in found.steps.values())
    plan = planned(item)
    return Pace(
        took=timedelta(seconds=took),
        plan=plan if plan.high else None,
        over=found.status is ItemStatus.SUCCEEDED,
    )


def step_pace(step: Step, found: ItemState, now: str) -> Pace | None:
    it = found.steps.get(step.id)
    if it is None or not it.started_at:
        return None
    return Pace(
        took=timedelta(seconds=it.seconds(now)),
        plan=step.estimate,
        over=it.status is StepStatus.SUCCEEDED,
    )


def critical_path(plan: Plan, state: SessionState, now: str) -> tuple[list[Item], timedelta]:
    """The chain of items that need one another and takes longest: as taken by those that are
    done, as planned at most by the rest. Empty when no item needs another."""
    if not any(item.needs for item in plan.items):
        return [], timedelta()
    items = {item.id: item for item in plan.items}
    best: dict[str, tuple[timedelta, list[Item]]] = {}

    def longest(item: Item, above: frozenset[str]) -> tuple[timedelta, list[Item]]:
        if item.id not in best:
            needs = [items[name] for name in item.needs if name in items and name not in above]
            chains = [longest(need, above | {item.id}) for need in needs]
            span, chain = max(chains, key=lambda found: found[0], default=(timedelta(), []))
            best[item.id] = (span + _weight(item, state, now), [*chain, item])
        return best[item.id]

    span, chain = max(
        (longest(item, frozenset()) for item in plan.items), key=lambda found: found[0]
    )
    return chain, span


def _weight(item: Item, state: SessionState, now: str) -> timedelta:
    found = state.items.get(item.id)
    if item.not_required:
        return timedelta()
    pace = item_pace(item, found, now) if found else None
    if pace and pace.over:
        return pace.took
    return max(planned(item).high, pace.took if pace else timedelta())


def remarkable(plan: Plan, state: SessionState, now: str) -> Iterator[tuple[Item, Step, Pace]]:
    """Steps that took longer than planned, or suspiciously little."""
    for item, step in plan.steps():
        found = state.items.get(item.id)
        pace = step_pace(step, found, now) if found else None
        if pace and (pace.overrun or pace.suspicious):
            yield item, step, pace
