"""A list of one-line rows with a cursor, drawn through the Line API: only what is seen is made."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style

from runbook_app.tui.commands.dialogs import ROWS, KeyCommand, bindings

_MARK = "▌"
MARGIN = 2
"""Rows that stay in sight above and below the cursor."""
KEPT = 512
"""Rows that are kept as they were drawn: some screens full."""


class Rows(ScrollView, can_focus=True):
    """Base of the plan tree and of menus; a subclass says how many rows there are and draws one."""

    KEYS: ClassVar[tuple[KeyCommand, ...]] = ROWS
    BINDINGS: ClassVar[list[BindingType]] = bindings(ROWS)
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--mark"}
    DEFAULT_CSS = """
    Rows {
        overflow-x: hidden;
        overflow-y: auto;
        scrollbar-size-vertical: 1;
        & > .rows--cursor { background: $panel; }
        & > .rows--mark { color: $secondary; background: $panel; }
        &:focus > .rows--mark { color: $accent; text-style: bold; }
    }
    """

    class Moved(Message):
        """The operator moved the cursor."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> Rows:
            return self.rows

    class Chosen(Message):
        """A row was clicked or entered."""

        def __init__(self, rows: Rows) -> None:
            super().__init__()
            self.rows = rows

        @property
        def control(self) -> Rows:
            return self.rows

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id, classes=classes)
        self.cursor = 0
        self._strips: dict[object, Strip] = {}
        """Rows as they were drawn, by what they say, how, how wide and whether with the cursor."""

    def row_count(self) -> int:
        raise NotImplementedError

    def row(self, index: int, width: int) -> Content:
        raise NotImplementedError

    @property
    def shows_cursor(self) -> bool:
        return True

    def rows_changed(self) -> None:
        """Take over a new number of rows, keep the cursor in range, draw anew."""
        self.virtual_size = Size(0, self.row_count())
        self.cursor = max(0, min(self.cursor, self.row_count() - 1))
        self.refresh()

    def place_cursor(self, index: int) -> None:
        """Move the cursor without a message: the program did it, not the operator."""
        before, self.cursor = self.cursor, max(0, min(index, self.row_count() - 1))
        if not self._show_cursor():
            self.refresh_line(before)
            self.refresh_line(self.cursor)

    def _show_cursor(self) -> bool:
        """Scroll until the cursor and its neighbours are seen; false where they were."""
        height = max(1, self.scrollable_content_region.height)
        margin = min(MARGIN, (height - 1) // 2)
        top = min(self.scroll_offset.y, self.cursor - margin)
        top = max(top, self.cursor + margin - height + 1, 0)
        if top == self.scroll_offset.y:
            return False
        self.scroll_to(y=top, animate=False)
        self.refresh()
        return True

    def on_resize(self) -> None:
        self._show_cursor()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._strips.clear()

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_move_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self.size.height - 1))

    def action_move_to(self, index: int) -> None:
        self._go(index if index >= 0 else self.row_count() - 1)

    def _go(self, index: int) -> None:
        self.place_cursor(index)
        self.post_message(self.Moved(self))

    def on_click(self, event: events.Click) -> None:
        index = self.row_at(event)
        if index is not None:
            self._go(index)
            self.post_message(self.Chosen(self))

    def row_at(self, event: events.Click) -> int | None:
        """The row that was clicked, which a border above it does not count in."""
        place = event.get_content_offset(self)
        index = place.y + self.scroll_offset.y if place is not None else -1
        return index if 0 <= index < self.row_count() else None

    def render_line(self, y: int) -> Strip:
        index = self.scroll_offset.y + y
        width = self.scrollable_content_region.width
        if index >= self.row_count() or width < 2:
            return Strip.blank(self.size.width, self.rich_style)
        content = self.row(index, width - 1)
        selected = index == self.cursor and self.shows_cursor
        look = (content.plain, tuple(content.spans), width, selected)
        strip = self._strips.get(look)
        if strip is None:
            if len(self._strips) >= KEPT:
                self._strips.clear()
            strip = self._strips[look] = self._drawn(content, width, selected=selected)
        return strip

    def _drawn(self, content: Content, width: int, *, selected: bool) -> Strip:
        if not selected:
            return self._strip(Content.assemble(" ", content), self.visual_style, width)
        mark = (_MARK, self.get_visual_style("rows--mark", partial=True))
        return self._strip(
            Content.assemble(mark, content), self.get_visual_style("rows--cursor"), width
        )

    def _strip(self, content: Content, style: Style, width: int) -> Strip:
        return Strip(content.truncate(width, pad=True).render_segments(style), width)
