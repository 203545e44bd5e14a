"""The help page, made from the command classes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import wrap

from runbook_app.tui.view.words import BLANK, Line, Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class HelpEntry:
    group: str
    key: str
    label: str
    help: str
    usable: bool
    """It can be given now."""


_KEY, _LABEL = 10, 26
_APART = 1
_NARROWEST = 20


def page(entries: Iterable[HelpEntry], width: int) -> list[Line]:
    """Commands by group; those that can't be given now are dim."""
    groups: dict[str, list[HelpEntry]] = {}
    keys = _KEY
    for entry in entries:
        keys = max(keys, len(entry.key) + _APART)
        groups.setdefault(entry.group, []).append(entry)
    found: list[Line] = []
    for name, members in groups.items():
        found += [BLANK, ((name, Tone.ACCENT),)]
        for entry in members:
            found += _entry(entry, keys, width)
    return [*found[1:], BLANK, *_signs()]


def _entry(entry: HelpEntry, keys: int, width: int) -> list[Line]:
    indent = keys + _LABEL
    first, *rest = wrap(entry.help, max(_NARROWEST, width - indent))
    return [
        (
            (f"{entry.key:<{keys}}", Tone.STRONG if entry.usable else Tone.DIM),
            (f"{entry.label:<{_LABEL}}", Tone.PLAIN if entry.usable else Tone.DIM),
            (first, Tone.DIM),
        ),
        *(((" " * indent + row, Tone.DIM),) for row in rest),
    ]


def _signs() -> list[Line]:
    return [
        (("Signs", Tone.ACCENT),),
        (
            ("○ pending  ", Tone.DIM),
            ("● running  ◐ waiting for a person  ", Tone.PLAIN),
            ("✓ done  ", Tone.GOOD),
            ("✗ failed  ", Tone.BAD),
            ("» skipped by a waiver", Tone.WARN),
        ),
        (
            ("? unknown: it ran when the engine died  ", Tone.BAD),
            ("↺ rolled back  - unavailable: its action is missing", Tone.PLAIN),
        ),
    ]
