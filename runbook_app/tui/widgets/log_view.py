"""The session's log as a virtual view: only the lines that are seen are read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollTo, ScrollUp
from textual.strip import Strip

from runbook_app.domain.errors import RunbookError
from runbook_app.ports.journal import LogLine, LogReader
from runbook_app.tui.view.loglines import ShownLine, occurrences, shown

FRAME = 1 / 25
"""Seconds between two looks at the number of lines: below 30 a second."""

SIDEWAYS = 20
"""Columns that one key scrolls to the side."""


class LogView(ScrollView, can_focus=True):
    COMPONENT_CLASSES: ClassVar[set[str]] = {"log--prefix", "log--match", "log--found"}
    DEFAULT_CSS = """
    LogView {
        overflow-x: auto;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        scrollbar-size-horizontal: 0;
        & > .log--prefix { color: $foreground 50%; }
        & > .log--match { text-style: underline; color: $warning; }
        & > .log--found { background: $panel; text-style: bold; }
    }
    """

    class Changed(Message):
        """Number of lines or place changed; with `keys`, also what can be done."""

        def __init__(self, *, keys: bool = False) -> None:
            super().__init__()
            self.keys = keys

    def __init__(self, reader: LogReader) -> None:
        super().__init__(id="log-view")
        self._reader = reader
        self._first = 0
        self._lines: Sequence[LogLine] = ()
        self._width = 0
        self.count = 0
        self.following = True
        self.sought = ""
        self.found: int | None = None
        self.trouble = ""
        """Why the log can't be read; empty when it can."""

    def on_mount(self) -> None:
        self.set_interval(FRAME, self._look)
        self._look()

    def _look(self) -> None:
        try:
            count = self._reader.count()
        except RunbookError as error:
            self._troubled(str(error))
            return
        self._troubled("")
        if count == self.count:
            return
        self.count = count
        if self._first + len(self._lines) < count:
            self._lines = ()
        self._fit()
        if self.following:
            self._to_end()
        self.refresh()
        self.post_message(self.Changed())

    def _troubled(self, text: str) -> None:
        if text != self.trouble:
            self.trouble = text
            self.post_message(self.Changed())

    def _fit(self) -> None:
        self.virtual_size = Size(self._width, self.count)

    def _to_end(self) -> None:
        self.scroll_to(y=max(0, self.count - self.size.height), animate=False)

    def on_resize(self) -> None:
        if self.following:
            self._to_end()

    @property
    def bottom(self) -> int:
        """Number of the first line below what is seen."""
        return min(self.count, self.scroll_offset.y + self.size.height)

    # Follow mode

    def follow(self) -> None:
        self.following, self.found = True, None
        self._to_end()
        self.refresh()
        self.post_message(self.Changed(keys=True))

    def hold(self) -> None:
        """Stay where it is while lines arrive."""
        if self.following and self.count > self.size.height:
            self.following = False
            self.post_message(self.Changed(keys=True))

    def action_scroll_up(self) -> None:
        self.hold()
        super().action_scroll_up()

    def action_page_up(self) -> None:
        self.hold()
        super().action_page_up()

    def action_scroll_home(self) -> None:
        self.hold()
        super().action_scroll_home()

    def action_scroll_end(self) -> None:
        self.follow()

    def action_scroll_left(self) -> None:
        self.scroll_to(x=self.scroll_offset.x - SIDEWAYS, animate=False)

    def action_scroll_right(self) -> None:
        self.scroll_to(x=self.scroll_offset.x + SIDEWAYS, animate=False)

    def on_mouse_scroll_up(self, _event: events.MouseScrollUp) -> None:
        self.hold()

    def on_scroll_up(self, _message: ScrollUp) -> None:
        self.hold()

    def on_scroll_to(self, message: ScrollTo) -> None:
        if message.y is not None:
            self.hold()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Changed())

    # Search

    async def seek(self, *, forward: bool) -> bool:
        """Go to the next line that holds the sought text; false when there is none."""
        at = await asyncio.to_thread(self._next, self.sought, forward=forward)
        if at is None:
            return False
        self.following, self.found = False, at
        top, height = self.scroll_offset.y, self.size.height
        if not top <= at < top + height:
            self.scroll_to(y=max(0, at - height // 2), animate=False)
        self.refresh()
        self.post_message(self.Changed(keys=True))
        return True

    def _next(self, sought: str, *, forward: bool) -> int | None:
        if forward:
            start = self.found if self.found is not None else self.scroll_offset.y - 1
            return self._reader.find(sought, after=start)
        start = self.found if self.found is not None else self.bottom
        return self._reader.find(sought, before=start)

    # Drawing

    def line(self, number: int) -> LogLine | None:
        if not self._first <= number < self._first + len(self._lines):
            height = max(1, self.size.height)
            self._first = max(0, number - height)
            try:
                self._lines = self._reader.lines(self._first, 3 * height)
            except RunbookError as error:
                self._troubled(str(error))
                self._lines = ()
        index = number - self._first
        return self._lines[index] if 0 <= index < len(self._lines) else None

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        number = self.scroll_offset.y + y
        line = self.line(number) if number < self.count else None
        if line is None:
            return Strip.blank(self.size.width, self.rich_style)
        return self._strip(shown(line), number, width)

    def _strip(self, line: ShownLine, number: int, width: int) -> Strip:
        found = number == self.found
        style = self.get_visual_style("log--found") if found else self.visual_style
        match = style + self.get_visual_style("log--match", partial=True)
        dim = style + self.get_visual_style("log--prefix", partial=True)
        head = Strip([Segment(line.prefix, dim.rich_style)])
        text = Strip(_segments(line.text, self.sought, style.rich_style, match.rich_style))
        self._grow(head.cell_length + text.cell_length)
        left = self.scroll_offset.x
        room = max(0, width - head.cell_length)
        tail = text.crop_extend(left, left + room, style.rich_style)
        return Strip.join([head, tail]).crop(0, width)

    def _grow(self, width: int) -> None:
        """The view is as wide as the widest line seen so far."""
        if width > self._width:
            self._width = width
            self.call_later(self._fit)


def _segments(text: str, sought: str, plain: Style, match: Style) -> list[Segment]:
    """The text with every place that was sought in another style."""
    segments: list[Segment] = []
    done = 0
    for start, end in occurrences(text, sought):
        segments += [Segment(text[done:start], plain), Segment(text[start:end], match)]
        done = end
    return [*segments, Segment(text[done:], plain)]
