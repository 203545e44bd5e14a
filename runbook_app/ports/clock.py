"""Time and randomness, handed in so that tests can hold them still."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from runbook_app.domain.guard import Moment


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, UTC, for the record."""

    def monotonic(self) -> float:
        """Seconds that never go backwards, for durations."""

    def moment(self) -> Moment:
        """The same for all processes of this machine until it starts anew, sleep included."""
