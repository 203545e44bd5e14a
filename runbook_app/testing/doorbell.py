"""Doorbells within one process."""

from __future__ import annotations

import asyncio


class MemoryDoorbell:
    """Implements `ports.journal.Doorbell`; `peer` makes another one on the same line."""

    def __init__(self, others: list[MemoryDoorbell] | None = None) -> None:
        self._all = [] if others is None else others
        self._all.append(self)
        self._rang = asyncio.Event()
        self.rings = 0
        """How often this one was pressed."""

    def peer(self) -> MemoryDoorbell:
        return MemoryDoorbell(self._all)

    def ring(self) -> None:
        self.rings += 1
        for bell in self._all:
            if bell is not self:
                bell._rang.set()  # noqa: SLF001 - its own class

    async def wait(self, timeout: float) -> bool:
        try:
            async with asyncio.timeout(timeout):
                await self._rang.wait()
        except TimeoutError:
            return False
        self._rang.clear()
        return True

    def close(self) -> None:
        if self in self._all:
            self._all.remove(self)
