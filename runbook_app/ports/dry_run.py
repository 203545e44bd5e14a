"""What a screen has of a dry run, which a process of its own makes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runbook_app.domain.forecast import Ahead, Forecast


class DryRun(Protocol):
    """One dry run; another one needs another object."""

    def foresee(self, told: Callable[[Ahead], None]) -> Forecast:
        """Make it; blocks. `told` hears of each step before it is looked at.

        Raises:
            RunbookError: why it can't be made, or that it was cancelled.
        """

    def cancel(self) -> None:
        """Have it end, from any thread, before or while it is made; does not wait for that."""
