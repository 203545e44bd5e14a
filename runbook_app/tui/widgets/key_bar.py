"""The footer: what `r` would undo, and the keys that can be pressed now."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from runbook_app.tui import paint
from runbook_app.tui.view.keys import KeyLabel, bar
from runbook_app.tui.view.words import Line


class KeyBar(Static):
    DEFAULT_CSS = """
    KeyBar { height: auto; padding: 0 1; background: $surface; }
    """

    def show(self, undo: Line, keys: Sequence[KeyLabel], rows: int) -> None:
        width = max(20, self.app.size.width - 2)
        top = paint.edges(undo, (), width) if undo else Content()
        content = Content("\n").join([top, paint.lines(bar(keys, width, rows))])
        if paint.differs(content, self.content):
            self.update(content)
