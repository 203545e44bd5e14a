"""What every doorbell promises; the fake and the real one take the same tests."""

from __future__ import annotations

import asyncio

import pytest

from runbook_app.adapters.doorbell import SocketDoorbell
from runbook_app.ports.journal import Doorbell
from runbook_app.testing.doorbell import MemoryDoorbell


@pytest.fixture(params=["memory", "socket"])
def bells(request, tmp_path):
    """Three bells of one session."""
    made: list[Doorbell]
    if request.param == "memory":
        first = MemoryDoorbell()
        made = [first, first.peer(), first.peer()]
    else:
        made = [SocketDoorbell(tmp_path) for _ in range(3)]
    yield made
    for bell in made:
        bell.close()


async def test_a_ring_wakes_all_others(bells):
    waits = [asyncio.create_task(bell.wait(30)) for bell in bells[1:]]
    await asyncio.sleep(0)
    bells[0].ring()
    assert await asyncio.gather(*waits) == [True, True]


async def test_a_ring_before_the_wait_is_not_missed_and_counts_once(bells):
    bells[0].ring()
    bells[0].ring()
    assert await bells[1].wait(30)
    assert not await bells[1].wait(0.01)


async def test_a_bell_does_not_wake_its_own_waiter(bells):
    bells[0].ring()
    assert not await bells[0].wait(0.01)


async def test_nobody_listening_is_no_error(bells):
    for bell in bells[1:]:
        bell.close()
    bells[0].ring()


async def test_a_wait_that_was_cancelled_leaves_the_bell_usable(bells):
    wait = asyncio.create_task(bells[1].wait(30))
    await asyncio.sleep(0)
    wait.cancel()
    await asyncio.gather(wait, return_exceptions=True)
    bells[0].ring()
    assert await bells[1].wait(30)


@pytest.mark.parametrize("turns", range(5))
async def test_a_ring_is_kept_when_its_wait_is_cancelled_at_that_moment(bells, turns):
    wait = asyncio.create_task(bells[1].wait(30))
    await asyncio.sleep(0)
    bells[0].ring()
    for _ in range(turns):
        await asyncio.sleep(0)
    wait.cancel()
    told = await asyncio.gather(wait, return_exceptions=True)
    assert told[0] is True or await bells[1].wait(1)


async def test_closing_twice_is_no_error(bells):
    bells[0].close()
    bells[0].close()
