"""A log in memory, writer and reader in one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from runbook_app.domain.clock import to_text
from runbook_app.ports.clock import Clock
from runbook_app.ports.journal import LogLine
from runbook_app.testing.clock import FixedClock


class MemoryLog:
    """Implements `ports.journal.LogWriter` and `LogReader`; whole lines are visible at once."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._lines: list[LogLine] = []
        self._stored: list[tuple[str, bytes]] = []
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
        self._stored.append((step, line + end))
        text, at = line.decode("utf-8", "replace"), to_text(self._clock.now())
        self._lines.append(LogLine(len(self._lines), at, source, step, text))

    def digest(self, step: str) -> str:
        digest = hashlib.sha256()
        for owner, data in self._stored:
            if owner == step:
                digest.update(data)
        return digest.hexdigest()

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        for source, step in list(self._open):
            self.finish(source, step)

    def count(self) -> int:
        return len(self._lines)

    def lines(self, first: int, count: int) -> Sequence[LogLine]:
        return self._lines[max(0, first) : max(0, first + count)]

    def find(self, text: str, *, before: int | None = None, after: int | None = None) -> int | None:
        if not text or "\n" in text:
            return None
        low = 0 if after is None else max(0, after + 1)
        high = len(self._lines) if before is None else before
        fitting = [line.number for line in self._lines[low : max(0, high)] if text in line.text]
        if not fitting:
            return None
        return fitting[-1] if before is not None and after is None else fitting[0]

    def texts(self) -> list[str]:
        """All lines, for assertions."""
        return [line.text for line in self._lines]

    def only(self, *, step: str | None = None, source: str | None = None) -> list[LogLine]:
        """Lines of one step or source, numbered among themselves."""
        fitting = [
            line
            for line in self._lines
            if step in (None, line.step) and source in (None, line.source)
        ]
        return [replace(line, number=number) for number, line in enumerate(fitting)]
