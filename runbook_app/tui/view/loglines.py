"""Log lines as they are shown: a fixed prefix, and text cut to what can be scrolled to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

from runbook_app.domain.sanitise import neutralise
from runbook_app.ports.journal import LogLine, Sought

LONGEST = 8_000
"""Characters of a line that are shown; the rest is counted. A dumped blob must not freeze us."""

_SOURCE = 9


@dataclass(frozen=True, slots=True)
class ShownLine:
    PREFIX: ClassVar[int] = 19
    """Characters of a prefix."""

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


def plain(line: LogLine, *, head: bool) -> str:
    """A whole line as it is copied: safe for a terminal, with its time and source or without."""
    text = neutralise(line.text).replace("\n", " ")
    return f"{line.at} {neutralise(line.source)} {text}" if head else text


MARKED = 100
"""Most matches of a regular expression in one line that are looked at to mark them."""


def occurrences(text: str, sought: Sought) -> list[tuple[int, int]]:
    """Start and end of each place where the sought text stands, the first ones."""
    if isinstance(sought, tuple):
        sought = re.compile("|".join(map(re.escape, sought)), re.IGNORECASE)
    if not isinstance(sought, str):
        spans = (found.span() for found in islice(sought.finditer(text), MARKED))
        return [(start, end) for start, end in spans if end > start]
    found: list[tuple[int, int]] = []
    start = text.find(sought) if sought else -1
    while start >= 0:
        found.append((start, start + len(sought)))
        start = text.find(sought, start + len(sought))
    return found
