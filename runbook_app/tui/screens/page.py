"""A page of Markdown, read beside the work."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Markdown, Static

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui import paint
from runbook_app.tui.view.words import Line, Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Page(Screen[None]):
    DEFAULT_CSS = """
    Page {
        & > VerticalScroll { padding: 0 2; }
        & > #page-title { height: 1; padding: 0 1; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,g", "close", "Close", show=False),
        Binding("j", "down", "Down", show=False),
        Binding("k", "up", "Up", show=False),
    ]

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
        right: Line = (("escape closes", Tone.DIM),)
        self.query_one("#page-title", Static).update(paint.edges(left, right, width))

    def _to_anchor(self) -> None:
        self.query_one(Markdown).goto_anchor(self._anchor)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_down(self) -> None:
        self.query_one("#page").scroll_down()

    def action_up(self) -> None:
        self.query_one("#page").scroll_up()
