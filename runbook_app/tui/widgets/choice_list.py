"""A menu: one row a choice, with a remark, and with a number while its keys are heard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.geometry import Size

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import CHOICES, ROWS, KeyCommand, bindings
from runbook_app.tui.view.words import Tone
from runbook_app.tui.widgets.rows import Rows

Option = tuple[str, str]
"""Label and remark."""


class ChoiceList(Rows):
    KEYS: ClassVar[tuple[KeyCommand, ...]] = (*ROWS, *CHOICES)
    BINDINGS: ClassVar[list[BindingType]] = bindings(CHOICES)
    DEFAULT_CSS = """
    ChoiceList { height: auto; max-height: 12; }
    """

    def __init__(self, options: Sequence[Option] = (), *, id: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(id=id)
        self.options: list[Option] = list(options)

    def on_mount(self) -> None:
        self.rows_changed()

    def offer(self, options: Sequence[Option]) -> None:
        if list(options) != self.options:
            self.options = list(options)
            self.cursor = 0
            self.rows_changed()
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        del container, viewport, width
        return self.row_count()

    def row_count(self) -> int:
        return len(self.options)

    def row(self, index: int, width: int) -> Content:
        label, remark = self.options[index]
        sign = f"{index + 1} " if self.has_focus else "· "
        left = ((sign, Tone.ACCENT), (label, Tone.PLAIN), (f"  {remark}", Tone.DIM))
        return paint.edges(left, (), width)

    @property
    def shows_cursor(self) -> bool:
        """Only where its keys are heard: elsewhere a number means something else."""
        return self.has_focus

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def action_choose(self) -> None:
        if self.options:
            self.post_message(self.Chosen(self))

    def action_choose_number(self, number: int) -> None:
        if number <= len(self.options):
            self.place_cursor(number - 1)
            self.action_choose()
