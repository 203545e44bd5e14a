"""A journal in memory."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.clock import to_text
from runbook_app.domain.entry import GENESIS, Body, Entry, chain, decode, encode
from runbook_app.domain.errors import JournalError
from runbook_app.ports.clock import Clock
from runbook_app.testing.clock import FixedClock


@dataclass(frozen=True, slots=True)
class _Row:
    seq: int
    at: str
    previous: str
    hash: str
    body: bytes


class MemoryJournal:
    """Implements `ports.journal.Journal`. Give the same object to all who share a session."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or FixedClock()
        self._rows: list[_Row] = []
        self._closed = False
        self.failure: JournalError | None = None
        """Set it to make appending fail, as on a full disk."""

    async def append(self, *bodies: Body) -> list[Entry]:
        if self._closed:
            raise JournalError("The journal is closed: nothing can be appended.")
        if self.failure:
            raise self.failure
        written = [_written(body) for body in bodies]
        at = to_text(self._clock.now())
        return [self._add(at, data, body) for data, body in written]

    def _add(self, at: str, data: bytes, body: Body) -> Entry:
        seq, previous = len(self._rows) + 1, self.tip()[1]
        digest = chain(previous, seq, at, data)
        self._rows.append(_Row(seq, at, previous, digest, data))
        return Entry(seq=seq, at=at, body=body, previous=previous, hash=digest)

    def read(self, after: int = 0, limit: int = 10_000) -> list[Entry]:
        return [
            Entry(
                seq=row.seq,
                at=row.at,
                body=decode(row.body),
                previous=row.previous,
                hash=row.hash,
            )
            for row in self._rows[after : after + limit]
        ]

    def tip(self) -> tuple[int, str]:
        return (self._rows[-1].seq, self._rows[-1].hash) if self._rows else (0, GENESIS)

    def verify(self) -> int | None:
        previous = GENESIS
        for row in self._rows:
            try:
                decode(row.body)
            except JournalError:
                return row.seq
            fits = chain(previous, row.seq, row.at, row.body) == row.hash
            if row.previous != previous or not fits:
                return row.seq
            previous = row.hash
        return None

    def close(self) -> None:
        self._closed = True


def _written(body: Body) -> tuple[bytes, Body]:
    """The bytes, and what a reader will make of them."""
    try:
        data = encode(body)
        return data, decode(data)
    except (TypeError, ValueError, RecursionError) as error:
        raise JournalError(f"{type(body).__name__} can't be written down: {error}.") from error
