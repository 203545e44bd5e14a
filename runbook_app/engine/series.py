"""Measuring a list of checks on record: whole, or cut short and not counted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from runbook_app.domain.events import AnyEvent
from runbook_app.engine.ledger import Ledger
from runbook_app.ports.crash import CrashPoint

C = TypeVar("C")
E = TypeVar("E", bound=AnyEvent)


class Series:
    """What measures the score and the criteria: one check after the other, into the journal."""

    def __init__(self, ledger: Ledger, crash: CrashPoint) -> None:
        self._ledger = ledger
        self._crash = crash
        self.stop_wanted: Callable[[], bool] = lambda: False
        """Asked between two checks; what was cut short is repeated as a whole."""

    async def measure(
        self,
        checks: Iterable[C],
        line: Callable[[C], Awaitable[E]],
        named: Callable[[C], str],
    ) -> list[E] | None:
        """Record each check's line; None when the engine is to stop before the last one.

        `named` gives the crash point behind a check's line.
        """
        lines = []
        for check in checks:
            if self.stop_wanted():
                return None
            measured = await line(check)
            await self._ledger.emit(measured)
            self._crash(named(check))
            lines.append(measured)
        return lines
