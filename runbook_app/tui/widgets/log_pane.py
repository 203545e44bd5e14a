"""The log with its search line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.css.query import NoMatches
from textual.message import Message
from textual.widgets import Input

from runbook_app.ports.journal import LogReader
from runbook_app.tui import paint
from runbook_app.tui.view.loglines import position
from runbook_app.tui.view.words import Tone
from runbook_app.tui.widgets.log_view import LogView

if TYPE_CHECKING:
    from textual.app import ComposeResult


class LogPane(Vertical):
    DEFAULT_CSS = """
    LogPane {
        & > LogView { height: 1fr; padding: 0 0 0 1; }
        & > Input, & > Input:focus { height: 1; border: none; padding: 0 1; background: $panel; }
    }
    """

    class Sought(Message):
        """A text to search for was entered, or taken back."""

    def __init__(self, reader: LogReader) -> None:
        super().__init__(id="log", classes="pane")
        self.view = LogView(reader)
        self.missed = False
        """The last search found nothing."""

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.label()

    def on_log_view_changed(self) -> None:
        self.label()

    def label(self) -> None:
        view = self.view
        self.border_title = "Log"
        text = position(view.count, view.bottom, following=view.following)
        if view.sought:
            text = f"{'NOT FOUND' if self.missed else 'search'}: {view.sought} · {text}"
        text = view.trouble or text
        self.border_subtitle = paint.line(((text, Tone.PLAIN),))

    # Search

    def open_search(self) -> None:
        try:
            self.query_one(Input).focus()
        except NoMatches:
            found = Input(self.view.sought, placeholder="search the log", id="search")
            self.mount(found)
            found.focus()

    async def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value != self.view.sought:
            self.view.sought, self.view.found = event.value, None
        await event.input.remove()
        self.view.focus()
        self.missed = False
        self.view.refresh()
        self.label()
        self.post_message(self.Sought())

    async def close_search(self) -> None:
        """Leave the search line, or, when it is closed, forget what was sought."""
        try:
            await self.query_one(Input).remove()
        except NoMatches:
            self.view.sought, self.view.found, self.missed = "", None, False
            self.view.refresh()
        self.view.focus()
        self.label()

    async def find(self, *, forward: bool) -> None:
        if self.view.sought:
            self.missed = not await self.view.seek(forward=forward)
            self.label()
