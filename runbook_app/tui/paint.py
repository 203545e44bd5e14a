"""The one place where a view model's text becomes what the terminal shows.

Everything passes through `neutralise` here and nothing is read as markup.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from textual.content import Content

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui.view.words import Line, Tone

STYLES: dict[Tone, str] = {
    Tone.PLAIN: "",
    Tone.DIM: "$dim",
    Tone.STRONG: "bold",
    Tone.GOOD: "$success",
    Tone.BAD: "bold $error",
    Tone.WARN: "$warning",
    Tone.ACCENT: "$accent",
    Tone.LIVE: "bold $background on $warning",
    Tone.COPY: "bold $background on $accent",
    Tone.DRY: "bold $background on $success",
}


def clean(text: str) -> str:
    """Make any text one safe line."""
    return neutralise(text).replace("\n", " ").replace("\r", " ")


def line(spans: Line) -> Content:
    return Content.assemble(*((clean(text), STYLES[tone]) for text, tone in spans))


def lines(rows: Sequence[Line]) -> Content:
    return Content("\n").join([line(row) for row in rows])


@lru_cache(maxsize=1024)
def edges(left: Line, right: Line, width: int) -> Content:
    """Put two texts at the two edges of a row; the left one gives way, with an ellipsis."""
    tail = line(right)
    room = max(0, width - tail.cell_length - (1 if right else 0))
    if room == 0:
        return tail.truncate(width, ellipsis=True, pad=True)
    gap = " " if right else ""
    return Content.assemble(line(left).truncate(room, ellipsis=True, pad=True), gap, tail)


def differs(content: Content, shown: object) -> bool:
    """Whether it looks other than what is shown; `==` of two contents compares their text alone."""
    return not (isinstance(shown, Content) and content.is_same(shown))


def joined(parts: Sequence[Line], width: int, separator: str = " │ ") -> Content:
    """Put parts side by side and go on in a new row where they do not fit."""
    rows: list[Content] = [Content()]
    for part in (line(part) for part in parts if part):
        row = rows[-1]
        if not row.cell_length:
            rows[-1] = part
        elif row.cell_length + len(separator) + part.cell_length <= width:
            rows[-1] = Content.assemble(row, (separator, STYLES[Tone.DIM]), part)
        else:
            rows.append(part)
    return Content("\n").join(rows)
