"""The guard: rolls an item back unless its step is confirmed in time, whoever else is dead."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable

from runbook_app.domain import guard as guards
from runbook_app.domain.commands import RollBackItem, Stop
from runbook_app.domain.errors import JournalHeld, RunbookError
from runbook_app.domain.state import GuardState
from runbook_app.engine.client import SessionClient
from runbook_app.engine.confirming import DIED
from runbook_app.ports.clock import Clock

POLL = 1.0
ANSWER = 30.0
"""Seconds an engine may take to answer before it counts as hung."""
SILENCE = 1200.0
"""Seconds in which a rollback that is going on has to put something on record."""
START = 60.0
HUNG = 60.0
"""Seconds beyond a step's time limit after which its engine counts as hung."""
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 600.0
"""Seconds before a rollback that did not come to its end is tried again."""

End = Callable[[int, str], Awaitable[object]]
"""Ends the process of that pid and start time, and waits until it is gone."""


class Guard:
    """Reads the journal until it is not needed any more; what it does, it has an engine do."""

    def __init__(
        self, session: SessionClient, clock: Clock, *, pid: int, pid_started: str, end: End
    ) -> None:
        self._session = session
        self._clock = clock
        self._me = (pid, pid_started)
        self._end = end
        self._pause = FIRST_PAUSE
        self._began = clock.monotonic()
        """When the step may have begun, or gone on after an answer."""

    async def stand(self) -> None:
        """Stand guard to the end, or as long as there is a journal."""
        while (self._session.folder / "journal.db").exists():
            try:
                if not await self._watch():
                    return
            except JournalHeld as error:
                await self._journal_held(error)
            except (RunbookError, TimeoutError) as error:  # a full disk, another driver
                self._say(f"it is tried again: {error}")
                await self._rest()

    async def _watch(self) -> bool:
        """Look once; false when there is nothing to guard any more."""
        self._session.refresh()
        guard = self._guard()
        if guard is None:
            return False
        left = self._session.reverts_in()
        if left is None:
            if why := self._given_up(guard):
                await self._session.count_guard(guard, why)
            await self._session.changes(POLL)
        elif left > 0:
            await self._session.changes(min(POLL, left))
        else:
            await self._revert(guard)
            if self._guard() is not None:
                await self._rest()
        return True

    def _given_up(self, guard: GuardState) -> str:
        """Why nobody will say any more that the step's work has ended; empty while one may."""
        if not self._session.engine_alive():
            return DIED
        if self._session.state.question is not None:
            self._began = self._clock.monotonic()
        limit = self._session.plan.step(guard.step)[1].timeout.total_seconds() + HUNG
        over = self._clock.monotonic() - self._began > limit
        return "the engine hangs while it runs" if over else ""

    def _guard(self) -> GuardState | None:
        """What this guard watches over: None when it was confirmed, reverted, or is another's."""
        item = self._session.state.guarded
        guard = item.guard if item else None
        if guard is None or (guard.armed.pid, guard.armed.pid_started) != self._me:
            return None
        return guard

    async def _revert(self, guard: GuardState) -> None:
        """Have the item rolled back, by the engine that runs or by a new one: never by two."""
        session, state = self._session, self._session.state
        ours = not session.engine_alive()
        if ours:
            await self._start_engine()
        before = {item.id: item.rollback_started_at for item in state.items.values()}
        command = await session.send(
            RollBackItem,
            by="guard",
            item=guard.armed.item,
            reason=guards.reason(guard.armed.within),
            with_dependents=True,
            accept_changes=True,
            unattended=True,
        )
        refusal = await session.settled(command, ANSWER)
        if refusal is None:
            await self._end_engine(f"did not answer within {guards.spoken(ANSWER)}")
            return
        if refusal:
            self._say(refusal)
            return
        await self._follow(before)
        if ours and session.engine_alive():
            await session.send(Stop, by="guard", reason="the rollback is over")

    async def _start_engine(self) -> None:
        session = self._session
        await asyncio.to_thread(session.ensure_engine)
        async with asyncio.timeout(START):
            while not session.engine_alive():
                await session.changes(0.2)

    async def _follow(self, before: dict[str, str]) -> None:
        """Wait until the rollback has come to an end, good or bad, or makes no progress."""
        session, quiet = self._session, 0.0
        while self._guard() is not None and session.engine_alive() and not self._failed(before):
            news = await session.changes(POLL)
            asked = session.state.question is not None
            quiet = 0.0 if news or asked else quiet + POLL
            if quiet > SILENCE:
                await self._end_engine(f"was silent for {guards.spoken(SILENCE)}")
                return

    def _failed(self, before: dict[str, str]) -> bool:
        return any(
            item.rollback_error and item.rollback_started_at != before[item.id]
            for item in self._session.state.items.values()
        )

    async def _journal_held(self, error: JournalHeld) -> None:
        """An engine that was stopped while it appends keeps everybody else from writing."""
        if self._session.engine_alive():
            await self._end_engine("lets nobody write into the journal")
        else:
            self._say(f"it is tried again: {error}")
            await self._rest()

    async def _end_engine(self, why: str) -> None:
        engine = self._session.state.engine
        if engine is not None:
            self._say(f"the engine {engine.pid} {why}, and is ended")
            await self._end(engine.pid, engine.pid_started)
        self._pause = 0.0

    async def _rest(self) -> None:
        await asyncio.sleep(self._pause)
        self._pause = min(max(self._pause * 2, FIRST_PAUSE), LONGEST_PAUSE)

    def _say(self, text: str) -> None:
        sys.stderr.write(f"guard {self._me[0]}: {text}\n")
        sys.stderr.flush()
