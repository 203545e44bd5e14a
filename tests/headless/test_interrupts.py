"""Signals are heard as wishes."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from runbook_app.headless.interrupts import Interrupts


async def heard(interrupts: Interrupts, *numbers: signal.Signals) -> None:
    loop = asyncio.get_running_loop()
    interrupts.install(loop)
    try:
        for number in numbers:
            before = (interrupts.stop, interrupts.leave)
            os.kill(os.getpid(), number)
            while (interrupts.stop, interrupts.leave) == before:
                await asyncio.sleep(0)
    finally:
        interrupts.remove(loop)


async def test_the_first_ctrl_c_asks_for_a_stop_and_the_second_to_leave() -> None:
    interrupts = Interrupts()
    await heard(interrupts, signal.SIGINT)
    assert (interrupts.stop, interrupts.leave) == (True, "")
    await heard(interrupts, signal.SIGINT)
    assert interrupts.leave == "Ctrl-C"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM], ids=lambda n: n.name)
async def test_losing_the_terminal_leaves_and_stops_nothing(number: signal.Signals) -> None:
    interrupts = Interrupts()
    await heard(interrupts, number)
    assert (interrupts.stop, interrupts.leave) == (False, number.name)
