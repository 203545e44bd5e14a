"""What a session has written down so far, read from its databases as it is stored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from runbook_app.domain.errors import NotMeasured

FILES = ("journal.db", "logs.db")


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


def _values(path: Path) -> Iterator[bytes]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            quoted = '"' + table.replace('"', '""') + '"'
            for row in database.execute(f"SELECT * FROM {quoted}"):  # noqa: S608  # quoted
                for value in row:
                    if isinstance(value, str):
                        yield value.encode()
                    elif isinstance(value, bytes):
                        yield value
