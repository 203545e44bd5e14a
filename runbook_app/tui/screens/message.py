"""Says what went wrong, in full, until somebody has read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widgets import Static

from runbook_app.domain.errors import RunbookError
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import CloseMessage, DialogHelp, TextDown, TextUp
from runbook_app.tui.screens.dialog import Dialog
from runbook_app.tui.view.words import BLANK, Line, Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class MessageDialog(Dialog[None]):
    KEYS = (CloseMessage(), TextDown(), TextUp(), DialogHelp())

    def __init__(self, title: str, error: BaseException | str) -> None:
        super().__init__()
        self._heading = title
        self._rows = words(error)

    def compose(self) -> ComposeResult:
        with self.framed(self._heading), VerticalScroll():
            yield Static(paint.lines(self._rows))


def words(error: BaseException | str) -> list[Line]:
    """What happened and where, then what to do next."""
    match error:
        case str():
            said, hint = error, ""
        case RunbookError():
            said, hint = error.message, error.hint
        case _:
            said, hint = f"{type(error).__name__}: {error}", ""
    rows: list[Line] = [((row, Tone.PLAIN),) for row in said.rstrip().splitlines()]
    return [*rows, BLANK, ((hint, Tone.STRONG),)] if hint else rows
