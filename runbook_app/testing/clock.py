"""A clock that stands still until it is told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_app.domain.guard import Moment

START = datetime(2025, 10, 24, 8, 0, tzinfo=UTC)


class FixedClock:
    """Implements `ports.clock.Clock`; each look at the time may move it on by `tick`."""

    def __init__(self, start: datetime = START, *, tick: timedelta = timedelta()) -> None:
        self._start = self._now = start
        self._tick = tick

    def now(self) -> datetime:
        now = self._now
        self._now += self._tick
        return now

    def monotonic(self) -> float:
        return (self.now() - self._start).total_seconds()

    def moment(self) -> Moment:
        return Moment(boot="boot", seconds=self.monotonic())

    def advance(self, by: timedelta | float) -> None:
        """Move on; a plain number is seconds."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
