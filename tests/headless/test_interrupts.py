"""Signals are heard as wishes."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from runbook_app.headless.interrupts import Interrupts


class Heard(Interrupts):
    """Tells when a signal has arrived."""

    def __init__(self) -> None:
        super().__init__()
        self.news = asyncio.Event()

    def interrupt(self) -> None:
        super().interrupt()
        self.news.set()

    def detach(self, reason: str) -> None:
        super().detach(reason)
        self.news.set()

    async def receive(self, number: signal.Signals) -> None:
        loop = asyncio.get_running_loop()
        self.install(loop)
        try:
            self.news.clear()
            os.kill(os.getpid(), number)
            await self.news.wait()
        finally:
            self.remove(loop)


async def test_the_first_ctrl_c_asks_for_a_stop_and_the_second_to_leave() -> None:
    interrupts = Heard()
    await interrupts.receive(signal.SIGINT)
    assert (interrupts.stop, interrupts.leave) == (True, "")
    await interrupts.receive(signal.SIGINT)
    assert interrupts.leave == "Ctrl-C"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda n: n.name)
async def test_losing_the_terminal_leaves_and_stops_nothing(number: signal.Signals) -> None:
    interrupts = Heard()
    await interrupts.receive(number)
    assert (interrupts.stop, interrupts.leave) == (False, number.name)
