"""What both programs share: the themes, and no colour when none is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from textual.app import App
from textual.filter import LineFilter, NoColor

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui.theme import DAY, NIGHT

Result = TypeVar("Result")


class StyledApp(App[Result]):
    def __init__(self) -> None:
        super().__init__()
        self.register_theme(NIGHT)
        self.register_theme(DAY)
        self.theme = NIGHT.name  # set before the first paint, or all styles are made twice

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal to give to another program for a while."""
        return self._driver is not None and self._driver.can_suspend

    def call_person(self, words: str) -> None:
        """Ring the terminal's bell, and have it show a notification if it can (OSC 9)."""
        if self._driver is not None:
            self._driver.write(f"\a\x1b]9;runbook: {neutralise(words)}\a")

    def get_line_filters(self) -> Sequence[LineFilter]:
        """With `NO_COLOR` no colour code is written at all; Textual's own way leaves greys."""
        return [NoColor()] if self.no_color else super().get_line_filters()
