"""Calls a person who is needed, once for each thing, whether a screen is open or not."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from runbook_app.domain.calling import Call, call_for
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.clock import Clock
from runbook_app.ports.journal import LogWriter
from runbook_app.ports.notifier import Notifier

SOURCE = "notify"
"""Of the log."""
GRACE = 10.0
"""Seconds in which somebody who is there can answer, before anybody is called."""
PAUSE = 60.0
"""Seconds between two calls; of what came up meanwhile the newest is sent, if it still waits."""

Sleep = Callable[[float], Awaitable[None]]


class Calling:
    """A task of its own beside the work, which neither waits for it nor fails with it."""

    def __init__(
        self,
        ledger: Ledger,
        notifier: Notifier,
        logs: LogWriter,
        redactor: Redactor,
        clock: Clock,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._ledger = ledger
        self._notifier = notifier
        self._logs = logs
        self._redactor = redactor
        self._clock = clock
        self._sleep = sleep
        self._told: set[str] = set()
        self._last: float | None = None
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look; what a person was needed for before is not new to whoever is here."""
        if not self._notifier.wanted:
            return
        if reason := self._notifier.lacks():
            self._say(f"nobody can be called: {reason}")
            return
        if before := call_for(self._ledger.state):
            self._told.add(before.key)
        self._ledger.listeners.append(lambda _: self._news.set())
        self._task = asyncio.get_running_loop().create_task(self._watch())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        while True:
            self._news.clear()
            call = self._new()
            if call is None:
                await self._news.wait()
                continue
            await self._sleep(GRACE)
            if self._last is not None:
                await self._sleep(max(0.0, self._last + PAUSE - self._clock.monotonic()))
            if (call := self._new()) is not None:
                self._told.add(call.key)
                self._last = self._clock.monotonic()
                await self._send(call)

    def _new(self) -> Call | None:
        call = call_for(self._ledger.state)
        return None if call is None or call.key in self._told else call

    async def _send(self, call: Call) -> None:
        state = self._ledger.state
        title = f"runbook: {state.started.plan_title}" if state.started else "runbook"
        words = self._redactor.text(f"{call.words}\nsession {state.id}")
        try:
            said = await self._notifier.send(self._redactor.text(title), words)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here, the run goes on
            said = f"not sent: {type(error).__name__}"
        self._say(f"called for {call.words.splitlines()[0]}: {said}")

    def _say(self, text: str) -> None:
        self._logs.write(SOURCE, "", self._redactor.data(f"{text}\n".encode()))
