"""The help page."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.commands.all import SESSION_COMMANDS
from runbook_app.tui.screens.dialog import Dialog, Frame
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.help import HelpEntry, page

if TYPE_CHECKING:
    from textual.app import ComposeResult


_WIDEST = 110
_CHROME = 6
"""Columns of the frame, its padding and the scroll bar."""


class HelpScreen(Dialog[None]):
    DEFAULT_CSS = """
    HelpScreen > Frame { width: 110; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("q,question_mark", "close", show=False)]

    def __init__(self, situation: Situation, width: int) -> None:
        super().__init__()
        entries = [
            HelpEntry(
                group=command.group,
                key=command.key,
                label=command.label,
                help=command.help,
                usable=command.enabled(situation),
            )
            for command in SESSION_COMMANDS
        ]
        self._rows = page(entries, min(_WIDEST, width * 96 // 100) - _CHROME)

    def compose(self) -> ComposeResult:
        with Frame() as frame:
            frame.entitle("Keys", "ctrl+p finds any of them by name · escape closes")
            with VerticalScroll():
                yield Static(paint.lines(self._rows))
