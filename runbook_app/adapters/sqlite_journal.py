"""The journal in SQLite: one file a session, WAL, synchronous=FULL, group commit."""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runbook_app.adapters.sqlite_file import connect, connect_read_only, create_private, explain
from runbook_app.domain.clock import is_time, to_text
from runbook_app.domain.entry import GENESIS, Body, Entry, chain, decode, encode
from runbook_app.domain.errors import JournalError
from runbook_app.ports.clock import Clock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq INTEGER PRIMARY KEY,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT
"""
_TIP = "SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1"
_PAGE = "SELECT seq, at, kind, previous, hash, body FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
_INSERT = "INSERT INTO entries (seq, at, kind, previous, hash, body) VALUES (?, ?, ?, ?, ?, ?)"
_NO_UTF_8 = "\ufffd"
_GROUP = 512
_VERIFY_PAGE = 5_000

_Row = tuple[int, str, str, str, str, bytes]


@dataclass(slots=True)
class _Append:
    bodies: list[tuple[Body, bytes]]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[list[Entry]]


class SqliteJournal:
    """Implements `ports.journal.Journal`.

    An append that was cancelled while it waited is written all the same: shield it where its
    entries have to be folded.

    With `read_only` nothing can be appended and entries that can't be read are left out, so that
    the rest of a damaged session stays visible.
    """

    def __init__(self, path: Path, clock: Clock, *, read_only: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._read_only = read_only
        self._queue: queue.SimpleQueue[_Append | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._closed = False
        self._state = threading.Lock()
        self._reading = threading.Lock()
        self._reader = self._open()
        self._identity = _identity(path)

    def _open(self) -> sqlite3.Connection:
        try:
            if self._read_only:
                connection = connect_read_only(self._path)
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            else:
                create_private(self._path)
                connection = connect(self._path, synchronous="FULL")
                connection.execute(_SCHEMA)
        except (sqlite3.Error, OSError) as error:
            raise explain(error, self._path, "opened") from error
        connection.text_factory = _lenient
        return connection

    async def append(self, *bodies: Body) -> list[Entry]:
        if not bodies:
            return []
        prepared = [_prepare(body) for body in bodies]
        loop = asyncio.get_running_loop()
        waiting = _Append(prepared, loop, loop.create_future())
        self._hand_over(waiting)
        return await waiting.future

    def _hand_over(self, waiting: _Append) -> None:
        with self._state:
            if self._closed or self._read_only:
                state = "closed" if self._closed else "open for reading only"
                raise JournalError(f"{self._path} is {state}: nothing can be appended.")
            if self._writer is None:
                name = f"journal {self._path.parent.name}"
                self._writer = threading.Thread(target=self._write, name=name, daemon=True)
                self._writer.start()
            self._queue.put(waiting)

    def read(self, after: int = 0, limit: int = 10_000) -> list[Entry]:
        entries: list[Entry] = []
        while len(entries) < limit:
            rows = self._rows(after, limit - len(entries))
            entries.extend(entry for row in rows if (entry := self._entry(row)))
            if not self._read_only or not rows:
                break
            after = rows[-1][0]
        return entries

    def _entry(self, row: _Row) -> Entry | None:
        seq, at, _, previous, digest, body = row
        try:
            if not _sound(row):
                raise JournalError("Its columns are not what was written.")
            return Entry(seq=seq, at=at, body=decode(body), previous=previous, hash=digest)
        except JournalError as error:
            if self._read_only:
                return None
            raise JournalError(
                f"Entry {seq} of {self._path} can't be read. {error.message}",
                hint="The journal was changed or damaged; open the session read-only.",
            ) from error

    def _rows(self, after: int, limit: int) -> list[_Row]:
        rows, failure = self._page(after, limit)
        if failure is None:
            return rows
        if self._read_only and type(failure) is sqlite3.DatabaseError:
            return rows  # damaged pages: what lies beyond them can't be reached
        raise explain(failure, self._path, "read") from failure

    def _page(self, after: int, limit: int) -> tuple[list[_Row], sqlite3.Error | None]:
        """Rows of one short query, and what ended it early.

        A page is read leniently only when it has to be: that calls a function for each text.
        """
        with self._reading:
            self._reader.text_factory = str
            rows, failure = _fetched(self._reader, after, limit)
            self._reader.text_factory = _lenient
            if failure is not None and "UTF-8" in str(failure):
                rows, failure = _fetched(self._reader, after, limit)
        return rows, failure

    def tip(self) -> tuple[int, str]:
        try:
            with self._reading:
                row = self._reader.execute(_TIP).fetchone()
        except sqlite3.Error as error:
            raise explain(error, self._path, "read") from error
        return (row[0], row[1]) if row else (0, GENESIS)

    def verify(self) -> int | None:
        seq, previous = 0, GENESIS
        try:
            for row in self._every_row():
                if not _fits(row, seq + 1, previous):
                    return row[0]
                seq, previous = row[0], row[4]
        except sqlite3.Error:
            return seq + 1
        return None

    def _every_row(self) -> Iterator[_Row]:
        """Page by page, so that no transaction stays open for long."""
        after = 0
        while True:
            rows, failure = self._page(after, _VERIFY_PAGE)
            yield from rows
            if failure is not None:
                raise failure
            if not rows:
                return
            after = rows[-1][0]

    def close(self) -> None:
        """Write what waits, then let go of the file."""
        with self._state:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        if self._writer:
            self._writer.join()
        with self._reading:
            self._reader.close()

    # The writer's thread

    def _write(self) -> None:
        connection: sqlite3.Connection | None = None
        open_ = True
        while open_:
            group, open_ = self._next_group()
            if not group:
                continue
            try:
                connection = connection or connect(self._path, synchronous="FULL")
            except (sqlite3.Error, OSError) as error:
                self._fail(group, error)
                continue
            self._commit_group(connection, group)
        if connection:
            connection.close()

    def _next_group(self) -> tuple[list[_Append], bool]:
        """Wait for an append, and take along what was queued meanwhile."""
        group: list[_Append] = []
        item = self._queue.get()
        while item is not None:
            group.append(item)
            if len(group) == _GROUP or self._queue.empty():
                return group, True
            item = self._queue.get()
        return group, False

    def _commit_group(self, connection: sqlite3.Connection, group: list[_Append]) -> None:
        try:
            _resolve(self._commit(connection, group))
        except (sqlite3.Error, OSError, JournalError) as error:
            if len(group) == 1:
                self._fail(group, error)
                return
            for alone in group:  # so that one append's fault does not fail its neighbours
                self._commit_group(connection, [alone])

    def _require_file(self) -> None:
        """SQLite would go on writing into a file that has been deleted."""
        now = _identity(self._path)
        if now is None or now != self._identity:
            raise JournalError(
                f"{self._path} was removed or replaced while it was in use.",
                hint="Put the file back, then resume the session.",
            )

    def _commit(
        self, connection: sqlite3.Connection, group: list[_Append]
    ) -> list[tuple[_Append, list[Entry]]]:
        self._require_file()
        connection.execute("BEGIN IMMEDIATE")
        try:
            seq, previous = connection.execute(_TIP).fetchone() or (0, GENESIS)
            at = to_text(self._clock.now())
            done = []
            for append in group:
                entries = []
                for body, data in append.bodies:
                    seq += 1
                    digest = chain(previous, seq, at, data)
                    row = (seq, at, type(body).__name__, previous, digest, data)
                    connection.execute(_INSERT, row)
                    entries.append(Entry(seq=seq, at=at, body=body, previous=previous, hash=digest))
                    previous = digest
                done.append((append, entries))
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        return done

    def _fail(self, group: list[_Append], error: Exception) -> None:
        failure = (
            error if isinstance(error, JournalError) else explain(error, self._path, "written")
        )
        for append in group:
            _call(append.loop, _set_failure, append.future, failure)


def _fetched(
    connection: sqlite3.Connection, after: int, limit: int
) -> tuple[list[_Row], sqlite3.Error | None]:
    """Rows of a page as far as they can be read, and why not further."""
    rows: list[_Row] = []
    try:
        rows.extend(connection.execute(_PAGE, (after, limit)))
    except sqlite3.Error as error:
        return rows, error
    return rows, None


def _prepare(body: Body) -> tuple[Body, bytes]:
    """Encode, and read back: what can't be read must never enter the chain."""
    try:
        data = encode(body)
        return decode(data), data
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise JournalError(f"{type(body).__name__} can't be written down: {error}.") from error
    except JournalError as error:
        raise JournalError(
            f"{type(body).__name__} could be written but not read again. {error.message}"
        ) from error


def _sound(row: _Row) -> bool:
    """Whether the columns are text in UTF-8 with a time, and bytes.

    A damaged record header turns columns into other types.
    """
    _, at, kind, previous, digest, body = row
    typed = type(at) is type(kind) is type(previous) is type(digest) is str and type(body) is bytes
    return (
        typed
        and is_time(at)
        and _NO_UTF_8 not in at
        and _NO_UTF_8 not in kind
        and _NO_UTF_8 not in previous
        and _NO_UTF_8 not in digest
    )


def _fits(row: _Row, seq: int, previous: str) -> bool:
    if not _sound(row) or row[0] != seq or row[3] != previous:
        return False
    if chain(previous, seq, row[1], row[5]) != row[4]:
        return False
    try:
        return type(decode(row[5])).__name__ == row[2]
    except JournalError:
        return False


def _resolve(done: list[tuple[_Append, list[Entry]]]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Append, list[Entry]]]] = {}
    for append, entries in done:
        by_loop.setdefault(append.loop, []).append((append, entries))
    for loop, results in by_loop.items():
        _call(loop, _set_results, results)


def _call(loop: asyncio.AbstractEventLoop, function: object, *arguments: object) -> None:
    try:
        loop.call_soon_threadsafe(function, *arguments)  # type: ignore[arg-type]
    except RuntimeError:  # the loop was closed: nobody waits any more
        return


def _set_results(results: list[tuple[_Append, list[Entry]]]) -> None:
    for append, entries in results:
        if not append.future.done():
            append.future.set_result(entries)


def _set_failure(future: asyncio.Future[list[Entry]], failure: JournalError) -> None:
    if not future.done():
        future.set_exception(failure)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _lenient(data: bytes) -> str:
    """One text that can't be decoded must not hide the rows beside it."""
    return data.decode("utf-8", "replace")
