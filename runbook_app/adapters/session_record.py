"""What a session has written down so far, read as it is stored.

`stored_in` and `stored_as` open files of databases: not for a process that has a connection to one.
"""

from __future__ import annotations

import hashlib
import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.adapters.log_chunks import SPLIT_MARK
from runbook_app.adapters.sqlite_file import connect_read_only, explain
from runbook_app.domain.errors import ActionError, JournalError, NotMeasured
from runbook_app.ports.capabilities import Attached
from runbook_app.ports.journal import Stored

FILES = ("journal.db", "logs.db")
MAX_ATTACHED = 64 * 2**20
"""Bytes of a file that a person gives as evidence."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_PIECE = 1 << 20


class StoredRecord:
    """Implements `ports.capabilities.Record`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        for name in FILES:
            try:
                yield from ((name, data) for data in _values(self._folder / name))
            except sqlite3.Error as error:
                raise NotMeasured(f"The session's {name} can't be read: {error}.") from error

    def attach(self, file: Path) -> Attached:
        data = _content(file)
        sha256 = hashlib.sha256(data).hexdigest()
        name = f"{sha256[:16]}-{_UNSAFE.sub('_', file.name)[-80:]}"
        place = self._folder / "attachments" / name
        try:
            make_folders(place.parent, 0o700)
            write_durably(place, data)
        except OSError as error:
            raise ActionError(
                f"{file} could not be copied to {place}: {error.strerror}.",
                hint="Make room on that disk, then run the step again.",
            ) from error
        return Attached(path=f"attachments/{name}", size=len(data), sha256=sha256)


def _content(file: Path) -> bytes:
    """A regular file's bytes; a device or a pipe would never end, or wait for somebody."""
    hint = "Run the step again, and give the path of a file that is there and can be read."
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
                raise ActionError(f"{file} is no regular file.", hint=hint)
            data = opened.read(MAX_ATTACHED + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ActionError(f"{file} can't be read: {reason}.", hint=hint) from error
    if len(data) > MAX_ATTACHED:
        most = MAX_ATTACHED // 2**20
        raise ActionError(
            f"{file} is larger than {most} MiB, and was not attached.",
            hint="Attach its part that matters, or write down where it is kept.",
        )
    return data


def _values(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        for table in _tables(database):
            for row in database.execute(f"SELECT * FROM {_quoted(table)}"):  # noqa: S608  # quoted
                for value in row:
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        yield value


def stored_in(folder: Path) -> Iterator[Stored]:
    """Everything below a session's folder: its files, and the values of its databases.

    A database cuts a long value up into pages that need not lie side by side, and keeps what was
    deleted in pages that no value is in: one way of reading it would not do.

    Raises:
        JournalError: something can't be read.
    """
    for place, _, names in os.walk(folder, onerror=_unlisted):
        for name in sorted(names):
            yield from stored_as(Path(place, name))
    for name in FILES:
        if (folder / name).exists():
            yield from _columns(folder / name)


def stored_as(path: Path) -> Iterator[Stored]:
    """The bytes of a file; nothing where there is none, or a link, socket or device.

    Raises:
        JournalError: it can't be read.
    """
    try:
        with _searching(path):
            if stat.S_ISREG(path.lstat().st_mode):
                with path.open("rb") as file:
                    yield Stored(path, "", _pieces(path, file))
    except FileNotFoundError:
        return


def _pieces(path: Path, file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    with _searching(path):
        while piece := file.read(_PIECE):
            yield file.tell() - len(piece), piece


@contextmanager
def _searching(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unsearched(path, error) from error


def _unsearched(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"{path} can't be searched for secrets: {error.strerror}.",
        hint="Make it readable for the account that exports, then export again.",
    )


def _unlisted(error: OSError) -> None:
    """What has gone meanwhile shows nobody anything."""
    if not isinstance(error, FileNotFoundError):
        raise _unsearched(Path(error.filename), error) from error


def _columns(path: Path) -> Iterator[Stored]:
    """Each column of each table, from its first row to its last."""
    try:
        with closing(connect_read_only(path)) as database:
            for table in _tables(database):
                for _, column, *_ in database.execute(f"PRAGMA table_info({_quoted(table)})"):
                    yield Stored(path, f"{table}.{column}", _cells(database, table, column))
    except sqlite3.Error as error:
        raise explain(error, path, "searched for secrets") from error


def _cells(database: sqlite3.Connection, table: str, column: str) -> Iterator[tuple[int, bytes]]:
    cells = (
        "SELECT rowid, CAST({0} AS BLOB) FROM {1} WHERE typeof({0}) IN ('text', 'blob') ORDER BY 1"
    )
    for row, data in database.execute(cells.format(_quoted(column), _quoted(table))):
        yield row, data.removesuffix(SPLIT_MARK)


def _tables(database: sqlite3.Connection) -> list[str]:
    found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [table for (table,) in found]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
