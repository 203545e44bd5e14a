"""Durations, estimates and clock arithmetic."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `1h30m`, `100ms`.

    Raises:
        ValueError: the text is not a duration.
    """
    compact = text.replace(" ", "")
    seconds, end = 0.0, 0
    for part in _PART.finditer(compact):
        if part.start() != end:
            break
        seconds += float(part[1]) * _UNITS[part[2]]
        end = part.end()
    if end == 0 or end != len(compact):
        raise ValueError(f"{text!r} is not a duration such as 90s, 5m, 1h30m or 100ms")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Write a duration in its two largest units: `1h12m`, `3m10s`, `42s`, `0.35s`."""
    seconds = value.total_seconds()
    if seconds < 0:
        return "-" + format_duration(-value)
    if seconds < 10 and seconds != int(seconds):
        return f"{seconds:.2f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s" if rest else f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if minutes else f"{hours}h"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A planned duration as a range; a single figure has equal ends."""

    low: timedelta
    high: timedelta

    @classmethod
    def parse(cls, text: str) -> Estimate:
        """Read `5m` or `2h-3h`.

        Raises:
            ValueError: an end is not a duration, or the range is reversed.
        """
        first, dash, last = text.partition("-")
        low = parse_duration(first)
        high = parse_duration(last) if dash else low
        if high < low:
            raise ValueError(f"{text!r} ends before it starts")
        return cls(low, high)

    def __add__(self, other: Estimate) -> Estimate:
        return Estimate(self.low + other.low, self.high + other.high)

    def __str__(self) -> str:
        if self.low == self.high:
            return format_duration(self.low)
        return f"{format_duration(self.low)}-{format_duration(self.high)}"


def parse_time(text: str) -> datetime:
    """Read an ISO 8601 time; one without an offset is UTC."""
    value = datetime.fromisoformat(text)
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def is_time(text: str) -> bool:
    """Whether `parse_time` can read it."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def to_text(value: datetime) -> str:
    """Write a time as ISO 8601 UTC with milliseconds, the journal's form."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
