"""What watches over a step that can lock people out, in processes apart from the engine."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from runbook_app.domain.measure import Finding


class Standby(Protocol):
    """A guard that has come up, and does nothing before it is on record."""

    pid: int
    pid_started: str

    def release(self) -> None:
        """Let it look for itself in the journal: there it stands guard, else it ends."""


class Guards(Protocol):
    async def start(self) -> Standby:
        """Start a guard that outlives engine, screen and terminal.

        Raises:
            ActionError: it did not come up.
        """

    def alive(self, pid: int, pid_started: str) -> bool: ...

    async def check(self, item: str, step: str, timeout: timedelta) -> Finding:
        """Run a step's check in a new process: no connection of this one is used.

        Raises:
            ActionError: it could not run, or not to its end.
        """
