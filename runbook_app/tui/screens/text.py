"""Asks for one line of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from runbook_app.tui import paint
from runbook_app.tui.screens.dialog import Dialog, Frame, label

if TYPE_CHECKING:
    from textual.app import ComposeResult


class TextDialog(Dialog[str]):
    def __init__(self, title: str, prompt: str, value: str = "") -> None:
        super().__init__()
        self._heading = title
        self._prompt = prompt
        self._value = value

    def compose(self) -> ComposeResult:
        with Frame() as frame:
            frame.entitle(self._heading, "enter accepts · escape leaves it")
            yield Static(paint.line(label(self._prompt)))
            yield Input(self._value, id="text")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        self.dismiss(text or None)
