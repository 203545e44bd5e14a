"""Signals of this process as wishes: stop the session at a safe point, or leave it running."""

from __future__ import annotations

import asyncio
import signal

LEAVE = (signal.SIGHUP, signal.SIGTERM)


class Interrupts:
    """Counts Ctrl-C; the first asks for a stop, any further one and SIGHUP or SIGTERM detach."""

    def __init__(self) -> None:
        self.stop = False
        self.leave = ""
        """Name of the signal that asked to detach; empty for none."""

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.add_signal_handler(signal.SIGINT, self.interrupt)
        for number in LEAVE:
            loop.add_signal_handler(number, self.detach, signal.Signals(number).name)

    def remove(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGINT, *LEAVE):
            loop.remove_signal_handler(number)

    def interrupt(self) -> None:
        if self.stop:
            self.detach("Ctrl-C")
        self.stop = True

    def detach(self, reason: str) -> None:
        self.leave = self.leave or reason
