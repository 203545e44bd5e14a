"""Clock times and durations in a plan's prose: `8:00-8:05 UTC: …`, `BLOCK 1 TOTAL: 1.5 hours`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from runbook_app.adapters.plan_file.nodes import Scalar
from runbook_app.domain.clock import Estimate

_DAY = timedelta(days=1)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*UTC\b")
_HOURS = re.compile(r"(\d+(?:\.\d+)?)(?:\s*-\s*(\d+(?:\.\d+)?))?\s*hours?\b")
_TOTAL = re.compile(r"\bTOTAL\b", re.IGNORECASE)
_WHOLE = re.compile(r"\bTOTAL\b(?!\s*:?\s*\d+/)(?:\s+\w+)*\s+TIME\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Two clock times of a day, or of two days in a row."""

    start: timedelta
    end: timedelta

    @property
    def length(self) -> timedelta:
        return self.end - self.start if self.end >= self.start else self.end - self.start + _DAY


@dataclass(frozen=True, slots=True)
class BlockLine:
    node: Scalar
    span: Span

    @property
    def length(self) -> timedelta:
        return self.span.length


def read_block_line(node: Scalar) -> BlockLine | None:
    """A line that begins with two clock times; None for another."""
    found = _CLOCK.match(node.text)
    return BlockLine(node, _span(found)) if found else None


def clock_text(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    return f"{minutes // 60}:{minutes % 60:02d} UTC"


def span_of(text: str) -> Span | None:
    """The first two clock times in a text."""
    found = _CLOCK.search(text)
    return _span(found) if found else None


def total_of(text: str, *, whole_plan: bool = False) -> Estimate | None:
    """The hours of a line that states a total."""
    return hours_of(text) if (_WHOLE if whole_plan else _TOTAL).search(text) else None


def hours_of(text: str) -> Estimate | None:
    """The first `2 hours` or `8-10 hours` in a text."""
    found = _HOURS.search(text)
    if found is None or len(found[0]) > 40:
        return None
    low = timedelta(hours=min(float(found[1]), 10_000))
    high = timedelta(hours=min(float(found[2]), 10_000)) if found[2] else low
    return Estimate(low, max(low, high))


def _span(found: re.Match[str]) -> Span:
    hours, minutes, end_hours, end_minutes = (int(part) for part in found.groups())
    return Span(
        timedelta(hours=hours, minutes=minutes), timedelta(hours=end_hours, minutes=end_minutes)
    )
