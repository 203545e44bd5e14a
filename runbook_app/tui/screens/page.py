"""A page of Markdown, read beside the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widgets import Markdown, Static

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import CloseGuide, DialogHelp, ScrollDown, ScrollUp
from runbook_app.tui.screens.keyed import KeyedScreen
from runbook_app.tui.view.words import Line, Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Page(KeyedScreen[None]):
    DEFAULT_CSS = """
    Page {
        & > VerticalScroll { padding: 0 2; }
        & > #page-title { height: 1; padding: 0 1; background: $surface; }
    }
    """
    KEYS = (CloseGuide(), ScrollUp(), ScrollDown(), DialogHelp())

    def __init__(self, marker: Line, heading: str, text: str, *, anchor: str = "") -> None:
        """`marker` says what mode the session is in."""
        super().__init__()
        self._marker = marker
        self._text = "\n".join(neutralise(row) for row in text.splitlines())
        self._heading = heading
        self._anchor = anchor

    def compose(self) -> ComposeResult:
        yield Static(id="page-title")
        with VerticalScroll(id="page"):
            yield Markdown(self._text, open_links=False)

    def on_mount(self) -> None:
        self.query_one("#page").focus()
        self._title()
        if self._anchor:
            self.call_after_refresh(self._to_anchor)

    def on_resize(self) -> None:
        self._title()

    def _title(self) -> None:
        width = max(10, self.app.size.width - 2)
        left: Line = (*self._marker, ("  ", Tone.PLAIN), (self._heading, Tone.STRONG))
        self.query_one("#page-title", Static).update(paint.edges(left, self.key_line(), width))

    def _to_anchor(self) -> None:
        self.query_one(Markdown).goto_anchor(self._anchor)

    def action_down(self) -> None:
        self.query_one("#page").scroll_down()

    def action_up(self) -> None:
        self.query_one("#page").scroll_up()
