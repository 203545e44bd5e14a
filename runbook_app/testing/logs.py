"""Logs in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from runbook_app.domain.clock import to_text
from runbook_app.ports.clock import Clock
from runbook_app.ports.journal import TRIED, LogLine, Sought
from runbook_app.testing.clock import FixedClock

_PAGE = 1_000


class ListedLines:
    """Implements `ports.journal.LogReader` over a list; counts what it hands out."""

    def __init__(self, stored: list[LogLine] | None = None) -> None:
        self.stored: list[LogLine] = [] if stored is None else stored
        self.fetched = 0
        """Lines handed out so far."""
        self.closed = False

    def count(self) -> int:
        return len(self.stored)

    def lines(self, first: int, count: int) -> Sequence[LogLine]:
        found = self.stored[max(0, first) : max(0, first + count)]
        self.fetched += len(found)
        return found

    def find(
        self, sought: Sought, *, before: int | None = None, after: int | None = None
    ) -> int | None:
        low = 0 if after is None else max(0, after + 1)
        high = self.count() if before is None else min(before, self.count())
        numbers = (
            range(low, high) if before is None or after is not None else range(low, high)[::-1]
        )
        return next((n for n in numbers if _holds(self.stored[n].text, sought)), None)

    def scan(self, sought: Sought, first: int) -> Iterator[tuple[int, list[int]]]:
        while first < self.count():
            last = min(first + _PAGE, self.count())
            yield last, [n for n in range(first, last) if _holds(self.stored[n].text, sought)]
            first = last

    def parts(self) -> list[tuple[str, str]]:
        return sorted({(line.source, line.step) for line in self.stored})

    def part(self, *, step: str | None = None, source: str | None = None) -> ListedLines:
        """The lines of that part as they are now."""
        fitting = [
            line
            for line in self.stored
            if step in (None, line.step) and source in (None, line.source)
        ]
        return ListedLines([replace(line, number=n) for n, line in enumerate(fitting)])

    def close(self) -> None:
        self.closed = True


def _holds(text: str, sought: Sought) -> bool:
    if isinstance(sought, str):
        return bool(sought) and sought in text
    if isinstance(sought, tuple):
        return any(word in text.lower() for word in sought)
    return sought.search(text[:TRIED]) is not None


class MemoryLog(ListedLines):
    """Implements `ports.journal.LogWriter` too; whole lines are visible at once."""

    def __init__(self, clock: Clock | None = None) -> None:
        super().__init__()
        self._clock = clock or FixedClock()
        self._bytes: list[tuple[str, bytes]] = []
        self._open: dict[tuple[str, str], bytes] = {}

    def write(self, source: str, step: str, data: bytes) -> None:
        *lines, rest = (self._open.pop((source, step), b"") + data).split(b"\n")
        for line in lines:
            self._add(source, step, line, b"\n")
        if rest:
            self._open[source, step] = rest

    def finish(self, source: str, step: str) -> None:
        if rest := self._open.pop((source, step), b""):
            self._add(source, step, rest, b"")

    def _add(self, source: str, step: str, line: bytes, end: bytes) -> None:
        self._bytes.append((step, line + end))
        text, at = line.decode("utf-8", "replace"), to_text(self._clock.now())
        self.stored.append(LogLine(len(self.stored), at, source, step, text))

    def digest(self, step: str) -> str:
        digest = hashlib.sha256()
        for owner, data in self._bytes:
            if owner == step:
                digest.update(data)
        return digest.hexdigest()

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        for source, step in list(self._open):
            self.finish(source, step)

    def texts(self) -> list[str]:
        """All lines, for assertions."""
        return [line.text for line in self.stored]
