"""Log lines of a session in SQLite: chunks of about 32 KB, each of one source and step.

A chunk row holds whole lines, so that ten million lines are some 40,000 rows, and a line is found
by the number of its chunk's first one. `synchronous=NORMAL`: a power cut may cost the last lines,
never the file.
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.log_chunks import Key, LineBuffer, Run, arrange, count_lines, cut
from runbook_app.adapters.log_reader import SqliteLogReader
from runbook_app.adapters.sqlite_file import connect, connect_read_only, create_private, explain
from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import JournalError
from runbook_app.ports.clock import Clock

__all__ = ["SqliteLogReader", "SqliteLogWriter"]

_QUEUE = 8 * 1024 * 1024
_BATCH = 1024 * 1024
_DELAY = 0.05

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chunks (
    first INTEGER PRIMARY KEY,
    lines INTEGER NOT NULL,
    at TEXT NOT NULL,
    source TEXT NOT NULL,
    step TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS chunks_by_step ON chunks (step, first, source, lines);
"""
_NEXT = "SELECT first + lines FROM chunks ORDER BY first DESC LIMIT 1"
_INSERT = "INSERT INTO chunks (first, lines, at, source, step, body) VALUES (?, ?, ?, ?, ?, ?)"
_OF_STEP = "SELECT first, body FROM chunks WHERE step = ? AND first > ? ORDER BY first LIMIT 64"

_BEFORE_ALL = -(1 << 63)
"""Below every number that SQLite can store: rows with negative ones may have been put in."""

_Chunk = tuple[int, int, str, str, str, bytes]
_Item = tuple[Key, datetime, bytes | None]
"""None instead of bytes ends the open line."""


class SqliteLogWriter:
    """Implements `ports.journal.LogWriter`; a thread of its own stores what was queued.

    What can't be stored (a full disk) is counted and dropped rather than kept, so that the engine
    goes on; the first lines that can be stored again are preceded by one that says how many are
    missing.
    """

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._queue: list[_Item] = []
        self._bytes = 0
        self._asked = self._answered = 0
        """Flushes that were asked for, and up to which one they are done."""
        self._closing = False
        self._storing = False
        self._changed = threading.Condition()
        self._buffers: dict[Key, LineBuffer] = {}
        self._failure: JournalError | None = None
        self._unsaid = 0
        self.lost = 0
        """Lines that could not be stored, all told."""
        self._connection = self._open()
        with _explained(path):
            self._reader = connect_read_only(path)
        self._reading = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="log writer", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        try:
            create_private(self._path)
            connection = connect(self._path, synchronous="NORMAL")
            connection.executescript(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self._path, "opened") from error
        return connection

    def write(self, source: str, step: str, data: bytes) -> None:
        if data:
            self._put((source, step), data)

    def finish(self, source: str, step: str) -> None:
        self._put((source, step), None)

    def _put(self, key: Key, data: bytes | None) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._bytes < _QUEUE or self._closing)
            if self._closing:
                raise JournalError(f"{self._path} is closed: no more lines can be stored.")
            before = self._bytes
            self._queue.append((key, self._clock.now(), data))
            self._bytes += len(data) if data else 0
            if len(self._queue) == 1 or before < _BATCH <= self._bytes:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until whole lines that were queued are stored.

        Raises:
            JournalError: they could not be.
        """
        with self._changed:
            if (self._queue or self._storing) and not self._closing:
                self._asked += 1
                ticket = self._asked
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._answered >= ticket or self._closing)
            if self._failure:
                raise self._failure

    def digest(self, step: str) -> str:
        self.flush()
        with self._reading, _explained(self._path):
            *_, whole = _digests(self._reader, step)
        return whole

    def close(self) -> None:
        """Store what is queued, open lines too."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        self._connection.close()
        with self._reading:
            self._reader.close()

    # The writer's thread

    def _work(self) -> None:
        closing = False
        while not closing:
            items, ticket, closing = self._take()
            runs = self._runs(items)
            if closing:
                runs += self._open_lines()
            self._store(arrange(runs))
            with self._changed:
                self._answered, self._storing = ticket, False
                self._changed.notify_all()

    def _take(self) -> tuple[list[_Item], int, bool]:
        """Wait for something to store, then a moment more for what belongs to it."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._hurry())
            self._changed.wait_for(lambda: self._bytes >= _BATCH or self._hurry(), _DELAY)
            items, self._queue, self._bytes = self._queue, [], 0
            self._storing = True
            self._changed.notify_all()
            return items, self._asked, self._closing

    def _hurry(self) -> bool:
        return self._closing or self._asked > self._answered

    def _runs(self, items: list[_Item]) -> list[Run]:
        runs = []
        for key, at, data in items:
            buffer = self._buffers.setdefault(key, LineBuffer())
            lines = buffer.finish() if data is None else buffer.feed(data)
            if lines:
                runs.append(Run(key, at, lines))
        return runs

    def _open_lines(self) -> list[Run]:
        now = self._clock.now()
        return [
            Run(key, now, rest)
            for key, buffer in self._buffers.items()
            if (rest := buffer.finish())
        ]

    def _store(self, runs: list[Run]) -> None:
        if not runs:
            return
        chunks = [(run, body) for run in runs for body in cut(run.body)]
        lines = [count_lines(body) for _, body in chunks]
        if self._unsaid:
            notice = f"{self._unsaid} log lines could not be stored and are missing here\n".encode()
            chunks.insert(0, (Run(("engine", ""), runs[0].at, notice), notice))
            lines.insert(0, 1)
        try:
            self._insert(_rows(chunks, lines))
        except (sqlite3.Error, OSError) as error:
            missing = sum(lines) - bool(self._unsaid)
            self.lost += missing
            self._unsaid += missing
            self._failure = explain(error, self._path, "written")
        else:
            self._unsaid, self._failure = 0, None

    def _insert(self, rows: Iterator[_Chunk]) -> None:
        """Number the lines by what is stored; another process may have stored some as well."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            (offset,) = self._connection.execute(_NEXT).fetchone() or (0,)
            self._connection.executemany(
                _INSERT, ((offset + first, *rest) for first, *rest in rows)
            )
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


def digests(path: Path, step: str) -> Iterator[str]:
    """SHA-256 of nothing, then of a step's stored bytes up to the end of each chunk.

    What was stored after a step's event follows what its hash is over.
    """
    if not path.exists():
        yield hashlib.sha256().hexdigest()
        return
    with _explained(path), closing(connect_read_only(path)) as connection:
        yield from _digests(connection, step)


def _digests(connection: sqlite3.Connection, step: str) -> Iterator[str]:
    digest = hashlib.sha256()
    yield digest.hexdigest()
    after = _BEFORE_ALL
    while rows := connection.execute(_OF_STEP, (step, after)).fetchall():
        for after, body in rows:  # noqa: B007 - the next query goes on after the last one
            digest.update(body)
            yield digest.hexdigest()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, path, "read") from error


def _rows(chunks: list[tuple[Run, bytes]], lines: list[int]) -> Iterator[_Chunk]:
    first = 0
    for (run, body), count in zip(chunks, lines, strict=True):
        source, step = run.key
        yield first, count, to_text(run.at), source, step, body
        first += count
