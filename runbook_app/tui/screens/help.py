"""The help page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import CloseHelp, FindByName
from runbook_app.tui.screens.dialog import Dialog
from runbook_app.tui.view.help import HelpEntry, page
from runbook_app.tui.view.words import BLANK, Line, folded

if TYPE_CHECKING:
    from textual.app import ComposeResult


_WIDEST = 110
_CHROME = 6
"""Columns of the frame, its padding and the scroll bar."""


class HelpScreen(Dialog[None]):
    DEFAULT_CSS = """
    HelpScreen > Frame { width: 110; }
    """
    KEYS = (FindByName(), CloseHelp())
    has_palette = False

    def __init__(self, entries: Sequence[HelpEntry], about: str = "") -> None:
        super().__init__()
        self._entries = entries
        self._about = about
        self._body = Static()

    def compose(self) -> ComposeResult:
        with self.framed("Keys"), VerticalScroll():
            yield self._body

    def on_mount(self) -> None:
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        room = min(_WIDEST, self.app.size.width * 96 // 100) - _CHROME
        self._body.update(paint.lines([*_about(self._about, room), *page(self._entries, room)]))


def _about(text: str, width: int) -> list[Line]:
    return [*folded(text, width), BLANK] if text else []
