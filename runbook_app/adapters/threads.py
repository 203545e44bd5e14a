"""Blocking calls in threads that a cancellation never leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, ClassVar, TypeVar

T = TypeVar("T")


async def in_thread(
    function: Callable[..., T], *args: Any, abandon: Callable[[], object] | None = None
) -> T:
    """Run a blocking call in a thread of its own.

    A cancelled call comes back only when the thread has ended, so that there are never two
    actors. `abandon` is called then, in another thread, to make the call end early: it closes a
    socket or ends a command. Without it the call must be bounded by deadlines of its own.
    """
    call = _start(function, *args)
    try:
        await asyncio.wait({call})
    except asyncio.CancelledError:
        if abandon is not None:
            await settle(_start(abandon))
        await settle(call)
        raise
    return call.result()


async def settle(future: asyncio.Future[Any]) -> None:
    """Wait for the end of a future, whatever it ends with and however often this is cancelled.

    A cancellation that came meanwhile is not repeated: the caller is already ending.
    """
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({future})
    if not future.cancelled():
        future.exception()


def _start(function: Callable[..., T], *args: Any) -> asyncio.Future[T]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def work() -> None:
        try:
            result = context.run(function, *args)
        except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
            _report(loop, future.set_exception, error)
        else:
            _report(loop, future.set_result, result)

    _Worker.give(work)
    return future


class _Worker:
    """A thread that waits for its next call; there are as many as calls at one time.

    A daemon: a call that can't be ended must not keep the whole engine from ending, as the
    standard pools would.
    """

    _idle: ClassVar[list[_Worker]] = []

    def __init__(self) -> None:
        self._calls: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._serve, name="blocking call", daemon=True).start()

    @classmethod
    def give(cls, call: Callable[[], None]) -> None:
        try:
            worker = cls._idle.pop()
        except IndexError:
            worker = cls()
        worker._calls.put(call)

    def _serve(self) -> None:
        while True:
            self._calls.get()()
            self._idle.append(self)


def _report(loop: asyncio.AbstractEventLoop, put: Callable[[Any], None], value: object) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed, nobody waits any more
        loop.call_soon_threadsafe(put, value)
