"""The journal: append-only, hash-chained, the only channel between engine and screens."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from runbook_app.domain.entry import Body, Entry


class Journal(Protocol):
    """One session's journal, safe for several processes at once.

    Appending is durable when it returns, and one transaction that reads the tip and writes the
    next hash. Nothing here runs on the event loop's thread: async methods hand over to a writer
    thread that commits what waits together (group commit).
    """

    async def append(self, *bodies: Body) -> list[Entry]:
        """Append in order, all or nothing.

        Raises:
            JournalError: it could not be written (disk full, file gone); nothing was appended.
        """

    def read(self, after: int = 0, limit: int = 10_000) -> list[Entry]:
        """Entries with a sequence number above `after`, oldest first; one short query."""

    def tip(self) -> tuple[int, str]:
        """Sequence number and hash of the newest entry; (0, GENESIS) when empty."""

    def verify(self) -> int | None:
        """Sequence number of the first entry that does not fit the chain, or None."""

    def close(self) -> None: ...


class Doorbell(Protocol):
    """Wakes the other processes of a session; carries no data, and may be missed."""

    def ring(self) -> None: ...

    async def wait(self, timeout: float) -> bool:
        """Wait for a ring for at most `timeout` seconds; true when it rang."""

    def close(self) -> None: ...


class LogWriter(Protocol):
    """Stores log bytes as they come, in chunks, beside the journal.

    Lines of one `(source, step)` stay in order. Bytes arrive redacted; a writer never blocks
    its caller for longer than a full queue.
    """

    def write(self, source: str, step: str, data: bytes) -> None:
        """Queue bytes; complete lines become visible to readers within 100 ms."""

    def finish(self, source: str, step: str) -> None:
        """End the last line of a source, if it was left open."""

    def digest(self, step: str) -> str:
        """SHA-256 over the stored bytes of a step, all sources, in stored order; flushes first."""

    def flush(self) -> None: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class LogLine:
    number: int
    """Counts from 0 in stored order, whole session."""
    at: str
    source: str
    """`engine`, `step`, or the name of a Compose service."""
    step: str
    text: str
    """Redacted, otherwise as it came: escape sequences included."""


class Pattern(Protocol):
    """A compiled regular expression whose time grows with the text, and no faster."""

    def search(self, text: str, /) -> object | None: ...

    def finditer(self, text: str, /) -> Iterator[Found]: ...


class Found(Protocol):
    """One place in a text."""

    def span(self) -> tuple[int, int]: ...


Sought = str | tuple[str, ...] | Pattern
"""A text as it stands; any of some lower-case words, whatever their case in the log; or a regular
expression, tried on each line's first `TRIED` characters."""

TRIED = 8_000


class LogReader(Protocol):
    """Reads stored log lines by number; each call is one short query. Safe for several threads."""

    def count(self) -> int:
        """Lines stored so far."""

    def lines(self, first: int, count: int) -> Sequence[LogLine]:
        """At most `count` lines from number `first` on."""

    def find(
        self, sought: Sought, *, before: int | None = None, after: int | None = None
    ) -> int | None:
        """Number of the nearest line that holds `sought`, above or below a line."""

    def scan(self, sought: Sought, first: int) -> Iterator[tuple[int, list[int]]]:
        """Find every line from number `first` on that holds `sought`, oldest first, in pages.

        Each page is a short query of its own: the number up to which lines were searched, and the
        numbers of those found. Who has enough stops iterating.
        """

    def parts(self) -> list[tuple[str, str]]:
        """Each source and step that has lines."""

    def part(self, *, step: str | None = None, source: str | None = None) -> LogReader:
        """A further reader, of these lines only and numbered among themselves; to be closed."""

    def close(self) -> None: ...


class Sealer(Protocol):
    """Encrypts artefacts at rest."""

    def seal(self, plain: bytes) -> bytes: ...

    def open(self, sealed: bytes) -> bytes: ...

    def seal_stream(self, plain: Iterable[bytes]) -> Iterator[bytes]:
        """The same for what comes in pieces, in bounded memory."""

    def open_stream(self, sealed: Iterable[bytes]) -> Iterator[bytes]:
        """Plain pieces as they are opened.

        Raises:
            JournalError: a piece was altered, or the stream was cut short.
        """


@dataclass(frozen=True, slots=True)
class Stored:
    """Something that was written down, to be read from its start to its end."""

    file: Path
    table: str
    """And its column, in a database; empty where the bytes of the file itself are meant."""
    pieces: Iterator[tuple[int, bytes]]
    """Each with its row's number, or with its own place in the file, in bytes."""


class Artefacts(Protocol):
    """Files of a session: captures (encrypted), reports, fingerprints. Written durably."""

    def put_sealed(self, name: str, plain: bytes) -> str:
        """Encrypt and write below `captures/`, fsync file and folder; returns the path."""

    def get_sealed(self, path: str) -> bytes: ...

    def put_sealed_stream(self, name: str, plain: Iterable[bytes]) -> str:
        """`put_sealed` for what comes in pieces; nothing is kept when they end with an error."""

    def get_sealed_stream(self, path: str) -> Iterator[bytes]: ...

    def exists(self, path: str) -> bool: ...

    def remove(self, path: str) -> None: ...

    def put(self, path: str, data: bytes) -> None:
        """Write a plain artefact atomically (a temporary file, fsync, rename, folder fsync)."""

    def get(self, path: str) -> bytes: ...

    def folder(self) -> Path: ...


class OneTimeKey(Protocol):
    """A key that one question's secret answer is sealed to; it ends with the question."""

    @property
    def public(self) -> str:
        """Goes on record with the question."""

    def open(self, sealed: bytes) -> bytes:
        """What was sealed to it.

        Raises:
            UsageError: it was altered, or sealed to another key.
        """


def answer_path(question: str) -> str:
    """Where a secret answer lies, in the session's folder, until the engine has read it."""
    return f"answers/{question}.json"


class Lock(Protocol):
    """The driver's lock on a target; gone with its process."""

    def acquire(
        self, session: str, operator: str, *, beats: bool = False, take_over: bool = False
    ) -> object:
        """Take it, or raise `LockedError`: who holds it, where, since when, last heartbeat."""

    def beat(self) -> None:
        """Show that the holder is alive."""

    def release(self) -> None: ...
