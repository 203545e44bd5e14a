"""The footer: as many keys as fit, the most needed first."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_app.tui.view.words import Line, Tone

KeyLabel = tuple[str, str]
_GAP = "  "


def bar(keys: Sequence[KeyLabel], width: int, rows: int) -> list[Line]:
    """Lay keys out in at most so many rows; the last two (leave, help) always stay."""
    if not keys:
        return []
    shown, kept = list(keys[:-2]), list(keys[-2:])
    while shown and len(_rows([*shown, *kept], width)) > rows:
        shown.pop()
    return [_line(row) for row in _rows([*shown, *kept], width)]


def _rows(keys: Sequence[KeyLabel], width: int) -> list[list[KeyLabel]]:
    rows: list[list[KeyLabel]] = [[]]
    used = 0
    for key in keys:
        size = len(key[0]) + 1 + len(key[1])
        if rows[-1] and used + len(_GAP) + size > width:
            rows.append([])
            used = 0
        used += size + (len(_GAP) if rows[-1] else 0)
        rows[-1].append(key)
    return rows


def _line(row: Sequence[KeyLabel]) -> Line:
    spans: list[tuple[str, Tone]] = []
    for index, (key, label) in enumerate(row):
        gap = _GAP if index else ""
        spans += [(f"{gap}{key}", Tone.ACCENT), (f" {label}", Tone.PLAIN)]
    return tuple(spans)
