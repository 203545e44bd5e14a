"""How long the steps of earlier sessions took, read without folding their journals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from runbook_app.adapters.sqlite_file import connect_read_only
from runbook_app.domain.entry import decode
from runbook_app.domain.errors import JournalError
from runbook_app.domain.events import StepSucceeded

_SUCCEEDED = "SELECT body FROM entries WHERE kind = 'StepSucceeded'"


def step_durations(journals: Iterable[Path]) -> dict[str, tuple[float, float]]:
    """The shortest and the longest time in seconds of each step that succeeded, by its id.

    A journal that can't be read is left out: these figures are for an estimate.
    """
    found: dict[str, tuple[float, float]] = {}
    for path in journals:
        for step, seconds in _durations(path):
            low, high = found.get(step, (seconds, seconds))
            found[step] = (min(low, seconds), max(high, seconds))
    return found


def _durations(path: Path) -> list[tuple[str, float]]:
    try:
        with closing(connect_read_only(path)) as connection:
            bodies = [decode(body) for (body,) in connection.execute(_SUCCEEDED)]
    except (sqlite3.Error, JournalError):
        return []
    return [
        (body.step, body.seconds)
        for body in bodies
        if isinstance(body, StepSucceeded) and body.seconds is not None
    ]
