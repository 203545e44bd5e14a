"""A cancelled call comes back only when its thread has ended."""

import asyncio
import threading

import pytest

from runbook_app.adapters.threads import in_thread


async def test_the_result_or_the_error_comes_back():
    assert await in_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_thread(divmod, 7, 0)


async def test_a_cancelled_call_waits_for_its_thread():
    begun, go, ended = threading.Event(), threading.Event(), threading.Event()

    def work():
        begun.set()
        go.wait(10)
        ended.set()

    task = asyncio.create_task(in_thread(work))
    await in_thread(begun.wait, 10)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_abandoning_ends_the_call_early():
    begun, over = threading.Event(), threading.Event()

    def work():
        begun.set()
        assert over.wait(10)

    task = asyncio.create_task(in_thread(work, abandon=over.set))
    await in_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert over.is_set()


async def test_a_failing_abandon_does_not_hide_the_cancellation():
    go = threading.Event()

    def abandon():
        go.set()
        raise OSError("gone already")

    task = asyncio.create_task(in_thread(go.wait, 10, abandon=abandon))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timeout_ends_the_call_too():
    over = threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await in_thread(over.wait, 10, abandon=over.set)
    assert over.is_set()
