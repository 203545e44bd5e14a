"""Bringing a session's news to a printer, and noticing when nobody works on it any more."""

from __future__ import annotations

import asyncio

from runbook_app.domain.commands import Command, Stop
from runbook_app.domain.entry import GENESIS, Entry
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.lines import Tone
from runbook_app.headless.printer import Printer
from runbook_app.ports.session import Session

LIVE = 0.25
"""Seconds between looks at the log."""
START_LIMIT = 60.0
LOG_BATCH = 500
LOG_MOST = 5000


class Detached(Exception):
    """Somebody asked to leave the session running, or nobody reads any more."""


class EngineDied(Exception):
    """The engine ended without saying so."""


class Feed:
    """Reads what is new, prints it, and passes Ctrl-C on as a wish to stop."""

    def __init__(self, session: Session, printer: Printer, interrupts: Interrupts) -> None:
        self.session = session
        self.printer = printer
        self._interrupts = interrupts
        self._next_log = session.logs.count() if printer.wants_logs else 0
        self.stop_sent = False

    @property
    def stop_wanted(self) -> bool:
        return self._interrupts.stop

    async def start_engine(self, take_over: str = "", *, timeout: float = START_LIMIT) -> None:
        """Have an engine run, and wait until its start is in the journal.

        With `take_over`, the reason, a new one in any case.

        Raises:
            LockedError: another driver holds the target.
            EngineDied: it ended at once.
        """
        if self.session.engine_alive() and not take_over:
            return
        epoch = self.session.state.epoch
        await asyncio.to_thread(self.session.ensure_engine, take_over)
        deadline = asyncio.get_running_loop().time() + timeout
        while self.session.state.epoch <= epoch:
            if asyncio.get_running_loop().time() > deadline:
                raise EngineDied
            self._print(await self.session.changes(LIVE))

    async def pump(self) -> list[Entry]:
        """Wait shortly for news, and print it.

        Raises:
            Detached: leave; nothing is to be stopped.
            EngineDied: the engine that this waits for is dead.
        """
        alive = self.session.engine_alive()
        entries = await self.session.changes(LIVE)
        self._print(entries)
        if self._interrupts.leave or self.printer.lost:
            raise Detached(self._interrupts.leave or "the output is closed")
        if self.stop_wanted and not self.stop_sent:
            await self._pass_stop_on()
        if not entries and not alive and self.session.state.engine is not None:
            raise EngineDied
        return entries

    async def stop_engine(self, reason: str) -> None:
        """Have the engine end at its next safe point, and wait for its end."""
        if self.session.state.engine is not None and not self.stop_sent:
            await self.send(Stop, reason=reason)
            self.stop_sent = True
        while self.session.state.engine is not None:
            await self.pump()
        self._print([])

    async def send(self, kind: type[Command], **fields: object) -> str:
        return await self.session.send(kind, **fields)

    async def answered(self, command: str) -> str:
        """Wait for a command's answer: empty when accepted, else the reason."""
        while command not in self.session.state.answered:
            if self.session.state.engine is None:
                return "The engine has ended."
            await self.pump()
        return self.session.state.answered[command]

    async def _pass_stop_on(self) -> None:
        self.stop_sent = True
        if self.session.read_only or self.session.state.engine is None:
            return
        text = "Stopping at the next safe point. Ctrl-C again leaves it running."
        self.printer.say(text, Tone.CARE)
        await self.send(Stop, reason="Ctrl-C")

    def _print(self, entries: list[Entry]) -> None:
        """Print events and log lines in the order of their times."""
        until = entries[0].at if entries else ""
        for entry in entries:
            if entry.at != until or entry is entries[0]:
                self._print_logs(before=entry.at)
                until = entry.at
            self.printer.entry(entry)
        self._print_logs(before="")

    def _print_logs(self, before: str) -> None:
        """At most `LOG_MOST` lines, so that a flood doesn't keep Ctrl-C from being heard."""
        if not self.printer.wants_logs:
            return
        for _ in range(LOG_MOST // LOG_BATCH):
            lines = self.session.logs.lines(self._next_log, LOG_BATCH)
            for line in lines:
                if before and line.at > before:
                    return
                self.printer.log(line)
                self._next_log = line.number + 1
            if len(lines) < LOG_BATCH:
                return


def announce(session: Session, printer: Printer) -> None:
    """Print how a new session began, which happened before anybody could follow it."""
    state = session.state
    if state.started is not None:
        first = Entry(
            seq=1, at=state.started_at, body=state.started, previous=GENESIS, hash=state.hash
        )
        printer.entry(first)
