"""Asks to choose one of a few things."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import Choose, DialogHelp, LeaveIt, TextDown, TextUp
from runbook_app.tui.screens.dialog import Dialog
from runbook_app.tui.view.words import Line
from runbook_app.tui.widgets.choice_list import ChoiceList, Option

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ChooseDialog(Dialog[int]):
    """Its result is the index of the chosen option."""

    KEYS = (Choose(), TextDown(), TextUp(), LeaveIt(), DialogHelp())

    def __init__(self, title: str, text: Sequence[Line], options: Sequence[Option]) -> None:
        super().__init__()
        self._heading = title
        self._text = text
        self._list = ChoiceList(options, id="options")

    def compose(self) -> ComposeResult:
        with self.framed(self._heading):
            with VerticalScroll(can_focus=False):
                yield Static(paint.lines(self._text))
            yield self._list

    def on_mount(self) -> None:
        self._list.focus()

    def on_rows_chosen(self) -> None:
        self.action_accept()

    def action_accept(self) -> None:
        self.dismiss(self._list.cursor)
