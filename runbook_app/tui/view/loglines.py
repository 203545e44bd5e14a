"""Log lines as they are shown: a fixed prefix, and text cut to what can be scrolled to."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.sanitise import neutralise
from runbook_app.ports.journal import LogLine

LONGEST = 8_000
"""Characters of a line that are shown; the rest is counted. A dumped blob must not freeze us."""

_SOURCE = 9


@dataclass(frozen=True, slots=True)
class ShownLine:
    prefix: str
    """`09:11:58 nginx    `"""
    text: str
    """Safe for a terminal, one line."""


def shown(line: LogLine) -> ShownLine:
    raw = line.text
    text = neutralise(raw[:LONGEST]).expandtabs(4).replace("\n", " ").replace("\r", " ")
    if len(raw) > LONGEST:
        text += f" … {len(raw) - LONGEST} more characters"
    source = neutralise(line.source)[:_SOURCE]
    return ShownLine(f"{line.at[11:19]:<8} {source:<{_SOURCE}} ", text)


def occurrences(text: str, sought: str) -> list[tuple[int, int]]:
    """Start and end of each place where the sought text stands."""
    found: list[tuple[int, int]] = []
    start = text.find(sought) if sought else -1
    while start >= 0:
        found.append((start, start + len(sought)))
        start = text.find(sought, start + len(sought))
    return found


def position(count: int, bottom: int, *, following: bool) -> str:
    """The pane's foot: how many lines, and whether it follows."""
    if following:
        return f"{count:,} lines · following"
    below = max(0, count - bottom)
    return f"{count:,} lines · held, {below:,} below · f follows"
