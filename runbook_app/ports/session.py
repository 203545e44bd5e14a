"""What a screen sees of a session: state, log, and a way to send commands."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.ports.journal import LogReader


class Session(Protocol):
    """One session, seen from outside the engine. The TUI and the headless printer both hold it."""

    id: str
    folder: Path
    plan: Plan
    state: SessionState
    """Folded up to the newest entry that `refresh` has read."""
    logs: LogReader
    read_only: bool

    async def changes(self, timeout: float = 1.0) -> list[Entry]:
        """Wait for new entries (a doorbell, and a poll behind it), fold them, return them."""

    def refresh(self) -> list[Entry]:
        """Fold what is new without waiting."""

    async def send(self, kind: type[Command], **fields: object) -> str:
        """Append a command; id, sender, epoch, seen and expiry are filled in. Returns its id.

        Raises:
            UsageError: this session object is read-only.
        """

    def engine_alive(self) -> bool:
        """Whether the engine of the newest epoch still runs (pid and its start time)."""

    def last_words(self) -> str:
        """Why a dead engine ended, as far as it could say; empty when it was killed."""

    def ensure_engine(self) -> None:
        """Start a new engine when none runs.

        Raises:
            LockedError: another driver holds the target.
        """

    def close(self) -> None: ...
