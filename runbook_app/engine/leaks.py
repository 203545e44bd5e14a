"""The search for known secrets in what was written down, before a signal is signed over it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runbook_app.engine.redaction import Redactor
from runbook_app.ports.journal import Stored

_BATCH = 1 << 18
"""Bytes that are searched at once: short rows one by one would take many times as long."""


class Leak(msgspec.Struct, frozen=True, kw_only=True):
    """Where a secret lies, in words, and its name; never its value."""

    place: str
    secret: str


def first_leak(stored: Iterable[Stored], redactor: Redactor) -> Leak | None:
    """Find the first known value in any of its forms, also where pieces or rows cut it up.

    Holds one piece in memory. Weak values are not looked for.
    """
    for one in stored:
        window = _Window(redactor)
        for number, data in one.pieces:
            if found := window.add(number, data):
                return _leak(one, *found)
        if found := window.search():
            return _leak(one, *found)
    return None


def _leak(stored: Stored, number: int, offset: int, secret: str) -> Leak:
    if stored.table:
        place = f"{stored.file}, {stored.table}, row {number}, byte {offset}"
    else:
        place = f"{stored.file}, byte {number + offset}"
    return Leak(place=place, secret=secret)


class _Window:
    """The last pieces of one stream, and where each of them begins."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._data = bytearray()
        self._starts: list[tuple[int, int]] = []
        """Place in the data, and the piece's number."""

    def add(self, number: int, data: bytes) -> tuple[int, int, str] | None:
        """Number of a piece, offset from its start, and the secret's name."""
        self._starts.append((len(self._data), number))
        self._data += data
        return self.search() if len(self._data) >= _BATCH else None

    def search(self) -> tuple[int, int, str] | None:
        found = self._redactor.search(bytes(self._data))
        if found is None:
            self._keep(self._redactor.overlap())
            return None
        at, secret = found
        start, number = [s for s in self._starts if s[0] <= at][-1]
        return number, at - start, secret

    def _keep(self, overlap: int) -> None:
        gone = max(0, len(self._data) - overlap)
        del self._data[:gone]
        starts = [(start - gone, number) for start, number in self._starts]
        before = [start for start in starts if start[0] <= 0][-1:]
        self._starts = before + [start for start in starts if start[0] > 0]
