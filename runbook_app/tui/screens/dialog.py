"""The frame that all dialogs share."""

from __future__ import annotations

from typing import TypeVar

from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from runbook_app.tui import paint
from runbook_app.tui.screens.keyed import KeyedScreen
from runbook_app.tui.view.words import Line, Tone

Result = TypeVar("Result")


WIDTH = 96
"""Columns of a dialog where the terminal has them."""


class Frame(Vertical):
    """A box in the middle of the screen, with a title and the keys that work in it."""

    DEFAULT_CSS = """
    Frame {
        width: 96;
        max-width: 96%;
        height: auto;
        max-height: 92%;
        padding: 0 1;
        border: $mode-border $mode;
        background: $surface;
        & VerticalScroll { height: auto; max-height: 1fr; scrollbar-size-vertical: 1; }
        & Input, & Input:focus { height: 1; border: none; padding: 0 1; background: $panel; }
        & Input:focus { background-tint: $accent 15%; }
        & TextArea, & TextArea:focus { border: none; padding: 0; background: $panel; }
        & .error { color: $error; text-style: bold; }
        & .label { color: $dim; }
    }
    """

    def __init__(self, title: str, keys: Line) -> None:
        super().__init__()
        self.border_title = paint.line(((title, Tone.STRONG),))
        self.border_subtitle = paint.line(keys)


class Dialog(ModalScreen[Result], KeyedScreen[Result]):
    """A dialog that `escape` closes without a result."""

    DEFAULT_CSS = """
    Dialog { align: center middle; }
    """

    def framed(self, title: str) -> Frame:
        return Frame(title, self.key_line())

    def action_text_page(self, by: int) -> None:
        text = self.query_one(VerticalScroll)
        text.scroll_relative(y=by * max(1, text.size.height - 1), animate=False)

    def state_changed(self) -> None:
        """The session has moved on; a dialog about it shows that, or closes."""


def label(text: str, tone: Tone = Tone.DIM) -> Line:
    return ((text, tone),)
