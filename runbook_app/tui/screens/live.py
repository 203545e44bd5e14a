"""A page beside the session screen, drawn anew as the session goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.commands.all import meant
from runbook_app.tui.pages import PAGES, PageKind
from runbook_app.tui.view.keys import bar
from runbook_app.tui.view.words import Line, Tone, text_of
from runbook_app.tui.widgets.banner import BannerLine

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from runbook_app.tui.screens.session import SessionScreen
    from runbook_app.tui.view.banner import Banner

_CHROME = 3
"""Columns of the padding and the scroll bar."""


class LivePage(Screen[None]):
    DEFAULT_CSS = """
    LivePage {
        & > VerticalScroll { padding: 0 1; scrollbar-size-vertical: 1; height: 1fr; }
        & > #page-title, & > #page-keys { height: auto; padding: 0 1; background: $surface; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"command({key!r})", show=False)
            for key in dict.fromkeys(c.key for kind in PAGES for c in kind.commands)
        ),
        Binding("escape", "close", show=False),
        Binding("j", "scroll(1)", show=False),
        Binding("k", "scroll(-1)", show=False),
    ]

    def __init__(self, session_screen: SessionScreen, kind: PageKind) -> None:
        super().__init__()
        self.kind = kind
        self._session_screen = session_screen
        self._body = Static(id="page-body")

    def compose(self) -> ComposeResult:
        yield Static(id="page-title")
        yield BannerLine(id="page-banner")
        with VerticalScroll(id="page"):
            yield self._body
        yield Static(id="page-keys")

    def on_mount(self) -> None:
        self.query_one("#page").focus()
        self._session_screen.show()

    def on_resize(self) -> None:
        self._session_screen.show()

    def rows(self) -> list[Line]:
        return self.kind.rows(self._session_screen, max(20, self.app.size.width - _CHROME))

    def text(self) -> str:
        """All of it, as plain text without borders."""
        rows = [paint.clean(text_of(row)).rstrip() for row in self.rows()]
        return "\n".join(rows) + "\n"

    def show(self, banner: Banner) -> None:
        """Draw what has changed; a reader's place is kept."""
        width = max(20, self.app.size.width - 2)
        title: Line = (
            *self._session_screen.marker,
            ("  ", Tone.PLAIN),
            (self.kind.title, Tone.STRONG),
        )
        self.query_one("#page-title", Static).update(paint.edges(title, (), width))
        self.query_one(BannerLine).show(banner)
        content = paint.lines(self.rows())
        if content != self._body.content:
            self._body.update(content)
        situation = self._session_screen.situation()
        keys = [(c.key, c.label_in(situation)) for c in self.kind.commands if c.enabled(situation)]
        self.query_one("#page-keys", Static).update(paint.lines(bar(keys, width, 2)))

    def action_command(self, key: str) -> None:
        screen = self._session_screen
        command, refusal = meant(key, screen.situation(), self.kind.commands)
        if refusal:
            screen.tell(refusal, severity="warning")
        elif command:
            screen.give(command)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        self.query_one("#page").scroll_relative(y=by, animate=False)
