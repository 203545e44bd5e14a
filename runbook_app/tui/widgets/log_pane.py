"""The log with its title, its search line and the part of it that is shown."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Input

from runbook_app.domain.errors import UsageError
from runbook_app.ports.journal import LogReader
from runbook_app.tui import paint
from runbook_app.tui.view.logquery import ERRORS, WARNINGS, WHOLE, Part, Query, moment, status
from runbook_app.tui.view.words import Tone
from runbook_app.tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from textual.app import ComposeResult

_LEVELS = (None, WARNINGS, ERRORS)


class LogPane(Vertical):
    DEFAULT_CSS = """
    LogPane {
        & > LogView { height: 1fr; }
        & > Input, & > Input:focus { height: 1; border: none; padding: 0 1; background: $panel; }
    }
    """

    class Sought(Message):
        """A text to search for was entered."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__(id="log", classes="pane")
        self.view = LogView(reader)
        self.missed = False
        """The last search found nothing."""
        self.regex = False
        """What is typed is a regular expression."""
        self.part = WHOLE
        self._session = reader

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.label()

    def on_unmount(self) -> None:
        self._close_part()

    def on_log_view_changed(self) -> None:
        self.label()

    def label(self) -> None:
        place = replace(self.view.place, part=self.part, missed=self.missed)
        trouble = self.view.trouble
        self.border_title = paint.line(((trouble, Tone.BAD),) if trouble else status(place))

    # The part that is shown

    def show_part(self, part: Part) -> None:
        """Show a part of the log from its end; what is sought is searched for in it."""
        self._close_part()
        self.part, self.missed = part, False
        whole = part == WHOLE
        self.view.use(
            self._session
            if whole
            else self._session.part(step=part.step or None, source=part.source or None)
        )
        self.label()

    def _close_part(self) -> None:
        if self.view.rows.reader is not self._session:
            self.view.rows.reader.close()

    # Search

    def open_search(self) -> None:
        try:
            self.query_one(Input).focus()
        except NoMatches:
            query = self.view.sought
            text = query.text if query and not query.words else ""
            found = Input(text, placeholder=self._hint, id="search")
            self.mount(found)
            found.focus()

    @property
    def _hint(self) -> str:
        kind = "regular expression" if self.regex else "text"
        return f"{kind} to search for · ctrl+r for the other"

    def toggle_regex(self) -> None:
        """Take what is sought, and what is typed, as regular expression or as plain text."""
        self.regex = not self.regex
        for line in self.query(Input):
            line.placeholder = self._hint
        query = self.view.sought
        if query and not query.words:
            self.seek_for(Query(query.text, self.regex))

    def seek_for(self, query: Query | None) -> None:
        """Search for something else; without anything, all lines are shown again."""
        self.view.seek_for(query)
        self.missed = False
        if query is None:
            self.view.sift(only_hits=False)
        self.view.refresh()
        self.label()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        query = Query(event.value, self.regex) if event.value else None
        if query != self.view.sought:
            try:
                self.seek_for(query)
            except UsageError as error:
                self.notify(paint.clean(str(error)), severity="error", markup=False)
                return
        await event.input.remove()
        self.view.focus()
        self.post_message(self.Sought())

    async def give_up(self) -> None:
        """Leave what was begun last: the search line, a selection, the filter, the search."""
        try:
            await self.query_one(Input).remove()
        except NoMatches:
            if self.view.mark is not None:
                self.view.toggle_mark()
            elif self.view.rows.only_hits:
                self.view.sift(only_hits=False)
            else:
                self.seek_for(None)
        self.view.focus()
        self.label()

    async def find(self, *, forward: bool) -> None:
        if self.view.sought:
            self.missed = not await self.view.seek(forward=forward)
            self.label()

    def next_level(self) -> None:
        """Show all lines, then warnings and errors, then errors alone."""
        now = self.view.sought if self.view.rows.only_hits else None
        at = _LEVELS.index(now) if now in _LEVELS else 0
        level = _LEVELS[(at + 1) % len(_LEVELS)]
        self.seek_for(level)
        self.view.sift(only_hits=level is not None)

    # Jumps

    async def go_to_first_error(self) -> None:
        """Search for errors, from the first line on."""
        if self.view.sought != ERRORS:
            self.seek_for(ERRORS)
        at = await asyncio.to_thread(self.view.rows.reader.find, ERRORS.sought, after=-1)
        self.missed = at is None
        if at is not None:
            self.view.go_to_line(at)
        self.label()

    async def go_to_time(self, text: str) -> None:
        """Go to the first line of that time or later.

        Raises:
            UsageError: the text is no time, or no line is shown.
        """
        rows = self.view.rows
        last = rows.read(rows.count() - 1, 1) if rows.count() else ()
        if not last:
            raise UsageError("No line is shown that has a time.")
        row = await asyncio.to_thread(rows.at, moment(text, last[0].at))
        self.view.go_to_line(rows.number(row))
