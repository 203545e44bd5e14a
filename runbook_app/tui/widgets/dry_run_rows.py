"""What a dry run foresees, in rows that are fitted to the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from rich.cells import chop_cells
from textual.content import Content

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui import paint
from runbook_app.tui.view.dry_run import Piece
from runbook_app.tui.view.words import Line
from runbook_app.tui.widgets.rows import Rows

_MARK = 1
"""Columns of the cursor's mark."""
_NARROWEST = 20
"""Columns that a text has in any case."""


class DryRunRows(Rows):
    def __init__(self) -> None:
        super().__init__(id="foreseen")
        self.pieces: Sequence[Piece] = ()
        self._width = 0
        self._rows: list[Line] = []
        self._of: list[int] = []
        """Number of the piece of each row."""

    @property
    def at(self) -> int:
        """The piece that the cursor is on."""
        return self._of[self.cursor] if self._of else 0

    def show(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.cursor = 0
        self._fit()

    def go_to(self, piece: int) -> None:
        self.place_cursor(self._of.index(piece))

    def row_count(self) -> int:
        return len(self._rows)

    def row(self, index: int, width: int) -> Content:
        del width
        return paint.line(self._rows[index])

    def on_resize(self) -> None:
        if self.scrollable_content_region.width != self._width:
            at = self.at
            self._fit()
            if self._of:
                self.go_to(at)

    def _fit(self) -> None:
        self._width = self.scrollable_content_region.width
        self._rows, self._of = [], []
        for number, piece in enumerate(self.pieces):
            texts = _folded(piece, max(_NARROWEST, self._width - _MARK - piece.hang))
            self._rows += [piece.row(text, first=at == 0) for at, text in enumerate(texts)]
            self._of += [number] * len(texts)
        self.rows_changed()


def _folded(piece: Piece, room: int) -> list[str]:
    text = neutralise(piece.text)
    parts = [text] if piece.exact else wrap(text, room)
    return [row for part in parts for row in chop_cells(part, room)] or [""]
