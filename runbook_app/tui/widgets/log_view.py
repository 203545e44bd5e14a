"""The session's log as a virtual view: only the lines that are seen are read."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import ClassVar

from rich.cells import chop_cells
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollTo, ScrollUp
from textual.strip import Strip
from textual.style import Style

from runbook_app.domain.errors import RunbookError
from runbook_app.ports.journal import LogLine, LogReader
from runbook_app.tui.log_rows import LogRows, Search
from runbook_app.tui.terminal import behind
from runbook_app.tui.view.loglines import ShownLine, shown
from runbook_app.tui.view.logquery import Place, Query

FRAME = 1 / 25
"""Seconds between two looks at the number of lines: below 30 a second."""
FLOOD = 1 / 6
"""Seconds between two pictures while more lines come than there are rows."""

SIDEWAYS = 20
"""Columns that one key scrolls to the side."""

_MARK = {"": " ", "log--marked": "┃", "log--cursor": "▌"}


class LogView(ScrollView, can_focus=True):
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "log--prefix",
        "log--match",
        "log--cursor",
        "log--marked",
    }
    DEFAULT_CSS = """
    LogView {
        overflow-x: auto;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        & > .log--prefix { color: $dim; }
        & > .log--match { text-style: underline; color: $warning; }
        & > .log--cursor { background: $panel; text-style: bold; }
        & > .log--marked { background: $panel; }
    }
    """

    class Changed(Message):
        """Number of lines or place changed; with `keys`, also what can be done."""

        def __init__(self, *, keys: bool = False) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, reader: LogReader) -> None:
        super().__init__(id="log-view")
        self.rows = LogRows(reader)
        self.following = True
        self.wrap = False
        self.cursor: int | None = None
        """Number of the line that was gone to; none while the newest is followed."""
        self.mark: int | None = None
        """Number of the line where a selection begins."""
        self.trouble = ""
        """Why the log can't be read; empty when it can."""
        self._aim: int | None = None
        """Number of a line to bring into sight when the search has come to it."""
        self._skip = 0
        """Lines of the terminal that the top row is above the view, when lines are wrapped."""
        self._width = 0
        self._height = 0
        """Rows that were seen before the terminal was resized."""
        self._known = (0, 0, 0)
        self._drawn = 0.0
        self._laid: tuple[object, list[tuple[int, slice]]] = (None, [])

    def on_mount(self) -> None:
        self.set_interval(FRAME, self._look)
        self._look()

    def on_unmount(self) -> None:
        self.seek_for(None)

    def _look(self) -> None:
        try:
            self.rows.recount()
        except RunbookError as error:
            self._troubled(str(error))
            return
        self._troubled("")
        self._search_on()
        search = self.rows.search
        known = (
            self.rows.stored,
            len(search.hits) if search else 0,
            search.searched if search else 0,
        )
        if known == self._known or self._too_soon(known[0] - self._known[0]):
            return
        if behind(self.app):
            return
        self._known = known
        self._drawn = monotonic()
        self._fit()
        if self.following:
            self._to_end()
        elif self._aim is not None:
            self._bring(self._aim)
        self.refresh()
        self.post_message(self.Changed())

    def _too_soon(self, new: int) -> bool:
        """Nobody reads lines that fly by, and a slow terminal must keep up with its keys."""
        return self.following and new > self.size.height and monotonic() - self._drawn < FLOOD

    def _troubled(self, text: str) -> None:
        if text != self.trouble:
            self.trouble = text
            self.post_message(self.Changed())

    def _changed(self) -> None:
        """What is shown is another: lay it out and draw it anew."""
        self._laid = (None, [])
        self._fit()
        if self.following:
            self._to_end()
        self.refresh()
        self.post_message(self.Changed(keys=True))

    def _fit(self) -> None:
        """Let the end of the scroll bar be where the last row is the lowest one."""
        if self.wrap:
            end, _ = self._top_for(self.rows.count() - 1)
            self.virtual_size = Size(0, end + self.size.height)
        else:
            self.virtual_size = Size(self._width, self.rows.count())

    def _to_end(self) -> None:
        self._place(*self._top_for(self.rows.count() - 1))

    def _place(self, top: int, skip: int = 0) -> None:
        self.scroll_to(y=top, animate=False, force=True, immediate=True)
        if skip != self._skip:
            self._skip = skip
            self.refresh()

    def on_resize(self) -> None:
        """The cursor stays in sight, if it was."""
        height, self._height = self._height, self.size.height
        self._fit()
        if self.following:
            self._to_end()
        elif self.cursor is not None:
            row, top = self.rows.row_of(self.cursor), self.scroll_offset.y
            if top <= row < top + height:
                self._show_row(row)

    @property
    def place(self) -> Place:
        rows, search = self.rows, self.rows.search
        low, high = self.selection()
        return Place(
            count=rows.count(),
            below=max(0, rows.count() - self.bottom),
            following=self.following,
            marked=high - low if self.mark is not None else 0,
            wrap=self.wrap,
            query=search.query if search else None,
            only_hits=rows.only_hits,
            hits=len(search.hits) if search else 0,
            hit=rows.hits_to(self.cursor) if self.cursor is not None else None,
            share=search.searched / max(1, rows.stored) if search else 1.0,
            unmarked=search.unmarked if search else False,
        )

    # What is shown

    def use(self, reader: LogReader) -> None:
        """Show another reader's lines, from their end."""
        query, session = self.sought, self.rows
        self.seek_for(None)
        self.rows = LogRows(reader)
        self.rows.only_hits = session.only_hits
        self._width, self._known = 0, (-1, 0, 0)
        self.seek_for(query)
        self.follow()
        self._look()

    def set_wrap(self, *, wrap: bool) -> None:
        self.wrap = wrap
        self.scroll_to(x=0, animate=False)
        self._changed()
        if self.cursor is not None:
            self._bring(self.cursor)

    def sift(self, *, only_hits: bool) -> None:
        """Show only the lines that hold what is sought, or all again, and stay at the place."""
        place = None if self.following else self.current
        self.rows.forget()
        self.rows.only_hits = only_hits
        self._known = (-1, 0, 0)
        self._changed()
        if place is not None:
            self._bring(place)
        self._look()

    # Follow mode, cursor and selection

    @property
    def bottom(self) -> int:
        """The first row below what is seen."""
        top, height = self.scroll_offset.y, self.size.height
        if self.wrap:
            seen = self._layout()
            return seen[-1][0] + 1 if seen else 0
        return min(self.rows.count(), top + height)

    @property
    def current(self) -> int | None:
        """Number of the line that is meant: the cursor's, else the lowest in sight."""
        if self.cursor is not None:
            return self.cursor
        return self.rows.number(self.bottom - 1) if self.bottom else None

    def current_line(self) -> LogLine | None:
        number = self.current
        lines = self.rows.reader.lines(number, 1) if number is not None else ()
        return lines[0] if lines else None

    def selection(self) -> tuple[int, int]:
        """The rows from the mark to the cursor; without a mark, the cursor's alone."""
        number = self.current
        if number is None:
            return 0, 0
        ends = [self.rows.row_of(n) for n in (number, number if self.mark is None else self.mark)]
        return min(ends), min(max(ends) + 1, self.rows.count())

    def follow(self) -> None:
        self.following, self.cursor, self.mark, self._aim = True, None, None, None
        self._changed()

    def hold(self) -> None:
        """Stay where it is while lines arrive."""
        if self.following:
            self.following = False
            self.post_message(self.Changed(keys=True))

    def toggle_mark(self) -> None:
        """Begin a selection at the cursor, or give it up."""
        self.hold()
        self.cursor = self.current
        self.mark = self.cursor if self.mark is None else None
        self._changed()

    def go_to(self, row: int) -> None:
        """Hold, and put the cursor on a row."""
        if not self.rows.count():
            return
        row = max(0, min(row, self.rows.count() - 1))
        self.hold()
        self.cursor = self.rows.number(row)
        self._show_row(row)
        self.refresh()
        self.post_message(self.Changed())

    def _move(self, by: int) -> None:
        number = self.current
        if number is not None:
            self.go_to(self.rows.row_of(number) + by)

    def _show_row(self, row: int) -> None:
        """Scroll just as far as the row comes into sight."""
        now = self.scroll_offset.y, self._skip
        self._place(*max(min(now, (row, 0)), self._top_for(row)))

    def action_scroll_up(self) -> None:
        self._move(-1)

    def action_scroll_down(self) -> None:
        self._move(1)

    def action_page_up(self) -> None:
        self._move(1 - self.size.height)

    def action_page_down(self) -> None:
        self._move(self.size.height - 1)

    def action_scroll_home(self) -> None:
        self.go_to(0)

    def action_scroll_end(self) -> None:
        self.follow()

    def action_scroll_left(self) -> None:
        self.scroll_to(x=self.scroll_offset.x - SIDEWAYS, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_to(x=self.scroll_offset.x + SIDEWAYS, animate=False)

    def _scrolled(self) -> None:
        if self.max_scroll_y:
            self.hold()

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self._scrolled()

    def on_scroll_up(self, _message: ScrollUp) -> None:
        self._scrolled()

    def on_scroll_to(self, message: ScrollTo) -> None:
        if message.y is not None:
            self._scrolled()

    def on_click(self, event: events.Click) -> None:
        self.go_to(self._row_at(event.y)[0])

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        self._skip = 0
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Changed())

    # Search

    @property
    def sought(self) -> Query | None:
        return self.rows.search.query if self.rows.search else None

    def seek_for(self, query: Query | None) -> None:
        """Search for something else, or for nothing any more.

        Raises:
            UsageError: it is no regular expression; the search before it goes on.
        """
        search = Search(self.rows.reader, query) if query else None
        if self.rows.search is not None:
            self.rows.search.cancel()
        self.rows.search = search
        self.rows.forget()
        self._known = (-1, 0, 0)

    def _search_on(self) -> None:
        """Let a thread search what has arrived since."""
        search = self.rows.search
        if search is not None and not search.running and search.searched < self.rows.stored:
            search.running = True
            self.run_worker(asyncio.to_thread(search.go_on), group="search", exit_on_error=False)

    async def seek(self, *, forward: bool) -> bool:
        """Go to the next line that holds the sought text; false when there is none."""
        search = self.rows.search
        if search is None:
            return False
        start = self.cursor
        if start is None:
            seen = self.scroll_offset.y, self.bottom - 1
            ends = [self.rows.number(row) for row in seen] if self.rows.count() else [0, -1]
            start = ends[0] - 1 if forward else ends[1] + 1
        at = await asyncio.to_thread(_next, self.rows, search, start, forward=forward)
        if at is not None and search is self.rows.search:
            self.go_to_line(at)
        return at is not None

    def go_to_line(self, number: int) -> None:
        """Put the cursor on a line, in the middle when it was out of sight."""
        self.hold()
        self.cursor = number
        self._bring(number)
        self.refresh()
        self.post_message(self.Changed(keys=True))

    def _bring(self, number: int) -> None:
        """Scroll to a line, or, among hits, to the next one; when the search has come so far."""
        rows = self.rows
        ahead = rows.sifted is not None and rows.sifted.searched <= number < rows.stored
        self._aim = number if ahead else None
        if ahead or not rows.count():
            return
        row = min(rows.row_of(number), rows.count() - 1)
        if self.cursor is not None:
            self.cursor = rows.number(row)
        if not self.scroll_offset.y <= row < self.bottom:
            self._place(max(0, row - self.size.height // 2))

    # Drawing

    def line(self, row: int) -> LogLine | None:
        try:
            return self.rows.line(row, max(1, self.size.height))
        except RunbookError as error:
            self._troubled(str(error))
            return None

    @property
    def _room(self) -> int:
        """Columns that a line's text has."""
        return max(1, self.scrollable_content_region.width - ShownLine.PREFIX - 1)

    def _pieces(self, row: int) -> list[str]:
        line = self.line(row)
        text = shown(line).text if line else ""
        room = self._room
        if text.isascii():
            return [text[at : at + room] for at in range(0, len(text), room)] or [""]
        return chop_cells(text, room) or [""]

    def _top_for(self, row: int) -> tuple[int, int]:
        """The top row, and what is above the view of it, when a row is the lowest that is seen."""
        height = self.size.height
        if not self.wrap:
            return max(0, row - height + 1), 0
        lines, top = 0, row + 1
        while top > 0 and lines < height:
            top -= 1
            lines += len(self._pieces(top))
        return top, max(0, lines - height)

    def _layout(self) -> list[tuple[int, slice]]:
        """Row and part of its text for each line of the terminal, when lines are wrapped."""
        top, height, count = self.scroll_offset.y, self.size.height, self.rows.count()
        key = (top, self._skip, height, count, self._room)
        if self._laid[0] != key:
            found: list[tuple[int, slice]] = []
            while len(found) < height + self._skip and top < count:
                start = 0
                for piece in self._pieces(top):
                    found.append((top, slice(start, start + len(piece))))
                    start += len(piece)
                top += 1
            self._laid = (key, found[self._skip :][:height])
        return self._laid[1]

    def _row_at(self, y: int) -> tuple[int, slice]:
        """The row at a line of the terminal, and what is seen there of its text."""
        if not self.wrap:
            return self.scroll_offset.y + y, slice(0, None)
        laid = self._layout()
        return laid[y] if y < len(laid) else (self.rows.count(), slice(0, None))

    def render_line(self, y: int) -> Strip:
        row, part = self._row_at(y)
        line = self.line(row)
        if line is None:
            return Strip.blank(self.size.width, self.rich_style)
        name = self._look_of(row)
        style = self.get_visual_style(name) if name else self.visual_style
        dim = style + self.get_visual_style("log--prefix", partial=True)
        whole = shown(line)
        prefix = " " * ShownLine.PREFIX if part.start else whole.prefix
        head = Strip([Segment(_MARK[name], style.rich_style), Segment(prefix, dim.rich_style)])
        tail = self._text(whole.text, part, style)
        if not self.wrap:
            self._grow(head.cell_length + tail.cell_length)
        left, room = self.scroll_offset.x, self._room
        return Strip.join([head, tail.crop_extend(left, left + room, style.rich_style)])

    def _look_of(self, row: int) -> str:
        if self.cursor is not None and self.rows.number(row) == self.cursor:
            return "log--cursor"
        low, high = self.selection() if self.mark is not None else (0, 0)
        return "log--marked" if low <= row < high else ""

    def _text(self, text: str, part: slice, style: Style) -> Strip:
        """A part of a text with every place that was sought in another style."""
        match = style + self.get_visual_style("log--match", partial=True)
        segments: list[Segment] = []
        done, last, _ = part.indices(len(text))
        for start, end in self.rows.search.marks(text) if self.rows.search else ():
            low, high = max(start, done), min(end, last)
            if low < high:
                segments.append(Segment(text[done:low], style.rich_style))
                segments.append(Segment(text[low:high], match.rich_style))
                done = high
        return Strip([*segments, Segment(text[done:last], style.rich_style)])

    def _grow(self, width: int) -> None:
        """The view is as wide as the widest line seen so far."""
        if width > self._width:
            self._width = width
            self.call_later(self._fit)


def _next(rows: LogRows, search: Search, start: int, *, forward: bool) -> int | None:
    if forward:
        return rows.reader.find(search.sought, after=start)
    return rows.reader.find(search.sought, before=start)
