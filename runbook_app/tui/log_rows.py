"""The rows that the log view shows, and the search behind them."""

from __future__ import annotations

import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from runbook_app.ports.journal import LogLine, LogReader
from runbook_app.tui.view.loglines import occurrences
from runbook_app.tui.view.logquery import Query

_COPIED = 500
"""Lines that one read of a copy takes."""

_MARKING = 0.25
"""Seconds of the processor that marking one line may take."""


class Search:
    """Collects the numbers of the lines that hold what is sought, and goes on as lines arrive."""

    def __init__(self, reader: LogReader, query: Query) -> None:
        self.query = query
        self.sought = query.sought
        self.hits = array("q")
        self.searched = 0
        """Lines looked at, from the log's first one on."""
        self.running = False
        self.unmarked = False
        """Marking what is found took so long that it is left out."""
        self._reader = reader
        self._cancelled = False

    def go_on(self) -> None:
        """Search what was not searched yet; blocks, so give it a thread. It can be cancelled."""
        try:
            for searched, found in self._reader.scan(self.sought, self.searched):
                if self._cancelled:
                    return
                self.hits.extend(found)
                self.searched = searched
        finally:
            self.running = False

    def marks(self, text: str) -> list[tuple[int, int]]:
        """The places of a text to mark; none any more once that has held up the screen."""
        if self.unmarked:
            return []
        began = time.thread_time()
        found = occurrences(text, self.sought)
        self.unmarked = time.thread_time() - began > _MARKING
        return found

    def cancel(self) -> None:
        self._cancelled = True


class LogRows:
    """All lines of a reader or only the hits of a search; reads what is asked for."""

    def __init__(self, reader: LogReader) -> None:
        self.reader = reader
        self.stored = 0
        """Lines of the reader, when it was last counted."""
        self.search: Search | None = None
        self.only_hits = False
        self._first = 0
        self._lines: Sequence[LogLine] = ()

    def recount(self) -> None:
        self.stored = self.reader.count()

    @property
    def sifted(self) -> Search | None:
        """The search whose hits are the rows."""
        return self.search if self.only_hits else None

    def count(self) -> int:
        return len(self.sifted.hits) if self.sifted else self.stored

    def number(self, row: int) -> int:
        """The number of a row's line."""
        return self.sifted.hits[row] if self.sifted else row

    def row_of(self, number: int) -> int:
        """The row of a line, or of the next one below that is shown."""
        return bisect_left(self.sifted.hits, number) if self.sifted else number

    def forget(self) -> None:
        """What was read ahead is of no use any more."""
        self._lines = ()

    def line(self, row: int, height: int) -> LogLine | None:
        """A row's line; some around it are read ahead for a view of that height."""
        index = row - self._first
        if not 0 <= index < len(self._lines):
            if not 0 <= row < self.count():
                return None
            self._first = max(0, row - height)
            self._lines = self.read(self._first, 3 * height)
            index = row - self._first
        return self._lines[index] if index < len(self._lines) else None

    def read(self, first: int, count: int) -> Sequence[LogLine]:
        if self.sifted is None:
            return self.reader.lines(first, count)
        numbers = self.sifted.hits[first : first + count]
        return [line for number in numbers for line in self.reader.lines(number, 1)]

    def pages(self, first: int, last: int) -> Iterator[Sequence[LogLine]]:
        """The lines of the rows from `first` up to and without `last`."""
        for start in range(first, last, _COPIED):
            yield self.read(start, min(_COPIED, last - start))

    def at(self, when: str) -> int:
        """The first row that was stored at that time or later; the last one when none was."""

        def time_of(row: int) -> str:
            lines = self.read(row, 1)
            return lines[0].at if lines else ""

        return min(bisect_left(range(self.count()), when, key=time_of), self.count() - 1)

    def hits_to(self, number: int) -> int:
        """How many hits there are up to a line."""
        return bisect_right(self.search.hits, number) if self.search else 0
