"""The engine's hold on the journal: emit events, keep the state folded, wake the screens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import AnyEvent
from runbook_app.domain.fold import fold
from runbook_app.domain.state import SessionState
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.journal import Doorbell, Journal


class Ledger:
    """Events go to the journal first, durably and redacted; only then are they folded and told.

    The state is folded from the journal alone, in its order, so that the engine sees commands
    and its own events exactly as every other reader does.
    """

    def __init__(self, journal: Journal, doorbell: Doorbell, redactor: Redactor) -> None:
        self._journal = journal
        self._doorbell = doorbell
        self._redactor = redactor
        self._posted: set[asyncio.Task[None]] = set()
        self.state = SessionState()
        self.inbox: list[Command] = []
        """Commands that were read and not yet answered."""
        self.listeners: list[Callable[[list[Entry]], None]] = []
        self.catch_up()

    def catch_up(self) -> None:
        """Fold what the journal holds beyond the state."""
        while entries := self._journal.read(self.state.seq):
            self._take(entries)

    def _take(self, entries: list[Entry]) -> None:
        fold(entries, self.state)
        self.inbox += [entry.body for entry in entries if isinstance(entry.body, Command)]
        for listener in self.listeners:
            listener(entries)

    async def emit(self, *events: AnyEvent) -> None:
        """Append durably, then fold and wake the screens.

        Raises:
            JournalError: nothing was recorded, so nothing may be done.
        """
        if not events:
            return
        written = await self._journal.append(*map(self._redactor.structure, events))
        if written[0].seq == self.state.seq + 1:
            self._take(written)
        else:  # something else was written meanwhile
            self.catch_up()
        self._doorbell.ring()

    def post(self, event: AnyEvent) -> None:
        """Emit from code that can't wait; `settle` waits for all of them, in order."""
        task = asyncio.get_running_loop().create_task(self.emit(event))
        self._posted.add(task)

    async def settle(self) -> None:
        """Wait for posted events.

        Raises:
            JournalError: one of them could not be recorded.
        """
        while self._posted:
            waiting = list(self._posted)
            await asyncio.gather(*waiting)
            self._posted.difference_update(waiting)

    async def wait(self, timeout: float) -> None:
        """Wait for a ring or the timeout, in seconds."""
        await self._doorbell.wait(timeout)
