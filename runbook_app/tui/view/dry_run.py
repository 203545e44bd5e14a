"""The dry run's page: how far it has come, and what it foresees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from runbook_app.domain.errors import RunbookError
from runbook_app.domain.forecast import Ahead, Certainty, Forecast
from runbook_app.domain.forecast_page import LABEL, Kind, Row, Weight, counted_words, item_rows
from runbook_app.tui.view.words import Line, Tone

_TONES = {
    Weight.PLAIN: Tone.PLAIN,
    Weight.STRONG: Tone.STRONG,
    Weight.FAINT: Tone.DIM,
    Weight.GOOD: Tone.GOOD,
    Weight.BAD: Tone.BAD,
    Weight.CARE: Tone.WARN,
}
_LABELS = {
    Certainty.PROVED: Tone.GOOD,
    Certainty.PREDICTED: Tone.ACCENT,
    Certainty.UNKNOWN: Tone.WARN,
}
_INDENTS = {Kind.OF_ITEM: 2, Kind.STEP: 2, Kind.OF_STEP: 4, Kind.TOLD: 4, Kind.TEXT: 6}


@dataclass(frozen=True, slots=True)
class Piece:
    """One line of it, before it is fitted to a width."""

    text: str
    tone: Tone = Tone.PLAIN
    label: str = ""
    label_tone: Tone = Tone.PLAIN
    indent: int = 0
    exact: bool = False
    """It is a line of a diff, a statement or a command: every blank of it counts."""
    heads: bool = False
    """It begins an item."""

    @property
    def hang(self) -> int:
        """Columns before the text, also where it goes on in a new row."""
        return self.indent + (LABEL + 2 if self.label else 0)

    @property
    def plain(self) -> str:
        label = f"{self.label:{LABEL}}  " if self.label else ""
        return f"{' ' * self.indent}{label}{self.text}".rstrip()

    def row(self, text: str, *, first: bool) -> Line:
        """A row of it, with a part of its text."""
        if not (first and self.label):
            return ((" " * self.hang, Tone.PLAIN), (text, self.tone))
        label = f"{' ' * self.indent}{self.label:{LABEL}}  "
        return ((label, self.label_tone), (text, self.tone))


def pieces(found: Forecast | RunbookError | None) -> list[Piece]:
    """`found` None: it is not known yet; an error: why it can't be told."""
    match found:
        case None:
            return [Piece("Each step's check is asked, then the step is tried in memory alone.")]
        case RunbookError():
            said = [Piece(row, Tone.BAD) for row in found.message.splitlines()]
            return [*said, Piece(""), Piece(found.hint, Tone.STRONG)] if found.hint else said
    rows: list[Piece] = []
    for item in found.items:
        rows += [Piece("")] if rows else []
        rows += [piece for row in item_rows(item) for piece in _pieces(row)]
    return rows or [Piece("Nothing is left to do.")]


def _pieces(row: Row) -> Iterator[Piece]:
    indent, tone = _INDENTS.get(row.kind, 0), _TONES[row.weight]
    if row.kind is Kind.TEXT:
        yield Piece(row.text, tone, indent=indent, exact=True)
        return
    label = row.certainty.value if row.certainty else ""
    first, *more = row.text.splitlines() or [""]
    label_tone = _LABELS[row.certainty] if row.certainty else Tone.PLAIN
    head = Piece(first, tone, label, label_tone, indent, heads=row.kind is Kind.ITEM)
    yield head
    yield from (Piece(text, tone, indent=head.hang) for text in more)


def status(found: Forecast | RunbookError | None, ahead: Ahead | None) -> Line:
    """How far it has come, or what it comes to."""
    match found:
        case Forecast():
            return ((f"Nothing was changed: {counted_words(found)}", Tone.STRONG),)
        case RunbookError():
            return (("There is no dry run, and nothing was changed.", Tone.BAD),)
    if ahead is None:
        return (("reading plan and target …", Tone.ACCENT),)
    return (
        (f"step {ahead.place} of {ahead.total}  ", Tone.ACCENT),
        (f"{ahead.number} {ahead.title} …", Tone.PLAIN),
    )


def sought(found: Sequence[Piece], text: str, start: int, by: int) -> int | None:
    """The next piece (`by` 1) or the one before (-1) that holds a text, round the ends."""
    count, wanted = len(found), text.casefold()
    places = ((start + by * step) % count for step in range(1, count + 1))
    return next((place for place in places if wanted in found[place].plain.casefold()), None)
