"""Reads a session's log lines by number; the whole log, or one step's or source's part of it."""

from __future__ import annotations

import sqlite3
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path

from runbook_app.adapters.log_chunks import count_lines
from runbook_app.adapters.sqlite_file import connect_read_only, explain
from runbook_app.ports.journal import TRIED, LogLine, Sought

_END = "SELECT first + lines FROM chunks ORDER BY first DESC LIMIT 1"
_HOLDING = "SELECT first FROM chunks WHERE first <= ? ORDER BY first DESC LIMIT 1"
_CHUNKS = (
    "SELECT first, at, source, step, body FROM chunks WHERE first >= ? AND first < ? ORDER BY first"
)
_DOWN = "SELECT first, at, source, step, body FROM chunks WHERE first >= ? ORDER BY first LIMIT ?"
_UP = "SELECT first, at, source, step, body FROM chunks WHERE first < ? ORDER BY first DESC LIMIT ?"
_PARTS = "SELECT DISTINCT source, step FROM chunks"
_PAGE = 128
"""Most chunks searched by one query, some 4 MB. A search begins with few: the next hit is near."""
_KEPT = 16


class _Chunk:
    """One stored chunk, its lines split when first asked for."""

    __slots__ = ("_lines", "at", "body", "first", "source", "step")

    def __init__(self, first: int, at: str, source: str, step: str, body: bytes) -> None:
        self.first, self.at, self.source, self.step, self.body = first, at, source, step, body
        self._lines: list[bytes] | None = None

    @property
    def lines(self) -> list[bytes]:
        if self._lines is None:
            self._lines = self.body.removesuffix(b"\n").split(b"\n")
        return self._lines

    @property
    def size(self) -> int:
        """Its lines."""
        return count_lines(self.body)

    def holding(self, sought: Sought) -> Iterator[int]:
        """Number within the chunk of each line that holds what is sought."""
        if isinstance(sought, str):
            return _holding(self.body, sought.encode("utf-8", "surrogatepass"))
        if isinstance(sought, tuple):
            body = self.body.lower()
            return iter(sorted({n for word in sought for n in _holding(body, word.encode())}))
        lines = self.body.decode("utf-8", "replace").removesuffix("\n").split("\n")
        return (n for n, line in enumerate(lines) if sought.search(line[:TRIED]))


class SqliteLogReader:
    """Implements `ports.journal.LogReader`. A log that does not exist yet is empty.

    With `step` or `source` only those lines are seen, and numbered from 0 among themselves.
    """

    def __init__(self, path: Path, step: str | None = None, source: str | None = None) -> None:
        self._path = path
        self._where, self._values = _condition(step, source)
        self._filtered = bool(self._values)
        self._firsts = array("q")
        """Stored number of each fitting chunk's first line, when filtered."""
        self._starts = array("q", [0])
        """Its number among the fitting lines; one more entry for the end."""
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.RLock()
        self._cache: OrderedDict[int, _Chunk] = OrderedDict()
        self._closed = False

    def count(self) -> int:
        with self._lock:
            if self._filtered:
                self._index()
                return self._starts[-1]
            rows = self._query(_END)
            return int(rows[0][0]) if rows else 0

    def lines(self, first: int, count: int) -> Sequence[LogLine]:
        first, last = max(0, first), first + count
        found: list[LogLine] = []
        with self._lock:
            for start, chunk in self._chunks(first, last):
                low, high = max(first - start, 0), last - start
                for number, line in enumerate(chunk.lines[low:high], start + low):
                    text = line.decode("utf-8", "replace")
                    found.append(LogLine(number, chunk.at, chunk.source, chunk.step, text))
        return found

    def find(
        self, sought: Sought, *, before: int | None = None, after: int | None = None
    ) -> int | None:
        """Search for a line; with both bounds it lies between them, nearest to `after`.

        A text is compared as it stands, upper and lower case apart.
        """
        if not sought:
            return None
        low = 0 if after is None else max(0, after + 1)
        high = self.count() if before is None else min(before, self.count())
        if before is not None and after is None:
            return self._find_up(sought, high)
        return self._find_down(sought, low, high)

    def _find_down(self, sought: Sought, low: int, high: int) -> int | None:
        size = 2
        while low < high:
            with self._lock:
                page = self._page(low, size)
            size = min(2 * size, _PAGE)
            if not page:
                return None
            for start, chunk in page:
                found = (start + n for n in chunk.holding(sought))
                number = next((n for n in found if n >= low), high)
                if number < high:
                    return number
                low = start + chunk.size
        return None

    def _find_up(self, sought: Sought, high: int) -> int | None:
        size = 2
        while high > 0:
            with self._lock:
                page = self._page_before(high, size)
            size = min(2 * size, _PAGE)
            if not page:
                return None
            for start, chunk in page:
                found = [start + n for n in chunk.holding(sought) if start + n < high]
                if found:
                    return found[-1]
                high = start
        return None

    def scan(self, sought: Sought, first: int) -> Iterator[tuple[int, list[int]]]:
        low = first
        while low < self.count():
            with self._lock:
                page = self._page(low, _PAGE)
            found: list[int] = []
            end = low
            for start, chunk in page:
                found += (start + n for n in chunk.holding(sought) if start + n >= low)
                end = start + chunk.size
            if end <= low:
                return
            low = end
            yield low, found

    def parts(self) -> list[tuple[str, str]]:
        with self._lock:
            return sorted((source, step) for source, step in self._query(_PARTS))

    def part(self, *, step: str | None = None, source: str | None = None) -> SqliteLogReader:
        return SqliteLogReader(self._path, step, source)

    # Chunks by the number of their first line, as this reader counts

    def _chunks(self, first: int, last: int) -> list[tuple[int, _Chunk]]:
        """Chunks that hold lines `first` to `last`; the newest few are kept split."""
        if last <= first:
            return []
        if self._filtered:
            places = self._places(first, last)
            return [(start, self._load(stored)) for start, stored in places]
        kept = self._kept(first, last)
        if kept is not None:
            return [(kept.first, kept)]
        holding = self._query(_HOLDING, (first,))
        if not holding:
            return []
        rows = self._query(_CHUNKS, (holding[0][0], last))
        return [(row[0], self._keep(_Chunk(*row))) for row in rows]

    def _kept(self, first: int, last: int) -> _Chunk | None:
        """A kept chunk that holds all of these lines."""
        for chunk in self._cache.values():
            if chunk.first <= first and last <= chunk.first + len(chunk.lines):
                return chunk
        return None

    def _keep(self, chunk: _Chunk) -> _Chunk:
        kept = self._cache.setdefault(chunk.first, chunk)
        self._cache.move_to_end(chunk.first)
        while len(self._cache) > _KEPT:
            self._cache.popitem(last=False)
        return kept

    def _load(self, stored: int) -> _Chunk:
        if stored in self._cache:
            return self._keep(self._cache[stored])
        return self._keep(_Chunk(*self._query(_CHUNKS, (stored, stored + 1))[0]))

    def _page(self, low: int, size: int) -> list[tuple[int, _Chunk]]:
        """Some chunks from the one that holds a line on, downwards; not kept."""
        if self._filtered:
            at = bisect_right(self._starts, low) - 1
            return self._some(range(at, min(at + size, len(self._firsts))))
        holding = self._query(_HOLDING, (low,))
        if not holding:
            return []
        rows = self._query(_DOWN, (holding[0][0], size))
        return [(row[0], _Chunk(*row)) for row in rows]

    def _page_before(self, high: int, size: int) -> list[tuple[int, _Chunk]]:
        """Some chunks that begin above a line, upwards; not kept."""
        if self._filtered:
            at = min(bisect_right(self._starts, high - 1), len(self._firsts)) - 1
            return self._some(range(at, max(-1, at - size), -1))
        rows = self._query(_UP, (high, size))
        return [(row[0], _Chunk(*row)) for row in rows]

    def _some(self, places: range) -> list[tuple[int, _Chunk]]:
        return [(self._starts[place], self._load(self._firsts[place])) for place in places]

    def _places(self, first: int, last: int) -> list[tuple[int, int]]:
        self._index()
        at = bisect_right(self._starts, first) - 1
        places = []
        while at < len(self._firsts) and self._starts[at] < last:
            places.append((self._starts[at], self._firsts[at]))
            at += 1
        return places

    def _index(self) -> None:
        """Learn of chunks stored since the last time."""
        newest = self._firsts[-1] if self._firsts else -1
        rows = self._query(
            f"SELECT first, lines FROM chunks WHERE {self._where} AND first > ? ORDER BY first",  # noqa: S608 - fixed words only
            (*self._values, newest),
        )
        for first, lines in rows:
            self._firsts.append(first)
            self._starts.append(self._starts[-1] + lines)

    def _query(self, sql: str, values: Sequence[object] = ()) -> list[tuple]:  # type: ignore[type-arg]
        try:
            connection = self._connect()
            return connection.execute(sql, values).fetchall() if connection else []
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # its writer has only just made the file
                return []
            raise explain(error, self._path, "read") from error
        except sqlite3.Error as error:
            raise explain(error, self._path, "read") from error

    def _connect(self) -> sqlite3.Connection | None:
        if self._connection is None and not self._closed and self._path.exists():
            self._connection = connect_read_only(self._path)
        return self._connection

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._connection:
                self._connection.close()
                self._connection = None


def _holding(body: bytes, needle: bytes) -> Iterator[int]:
    if not needle or b"\n" in needle:
        return
    line = counted = 0
    found = body.find(needle)
    while found >= 0:
        line += body.count(b"\n", counted, found)
        yield line
        counted = body.find(b"\n", found)
        found = body.find(needle, counted) if counted >= 0 else -1


def _condition(step: str | None, source: str | None) -> tuple[str, tuple[str, ...]]:
    wanted = {"step": step, "source": source}
    given = {column: value for column, value in wanted.items() if value is not None}
    return " AND ".join(f"{column} = ?" for column in given), tuple(given.values())
