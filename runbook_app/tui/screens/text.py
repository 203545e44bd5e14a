"""Asks for one line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import Accept, DialogHelp, LeaveIt
from runbook_app.tui.screens.dialog import Dialog, label

if TYPE_CHECKING:
    from textual.app import ComposeResult


class TextDialog(Dialog[str]):
    KEYS = (Accept(), LeaveIt(), DialogHelp())

    def __init__(self, title: str, prompt: str, value: str = "") -> None:
        super().__init__()
        self._heading = title
        self._prompt = prompt
        self._value = value

    def compose(self) -> ComposeResult:
        with self.framed(self._heading):
            yield Static(paint.line(label(self._prompt)))
            yield Input(self._value, id="text")

    def action_accept(self) -> None:
        text = self.query_one(Input).value.strip()
        self.dismiss(text or None)
