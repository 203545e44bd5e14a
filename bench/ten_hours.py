"""The screen through a ten-hour session, compressed: its memory, its keys, and a slow line.

The whole program runs in a terminal and reads a session whose log and journal others write. Pages
are opened and closed all along.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench import machine, programs, samples
from bench.limits import per_million, tenths
from bench.metric import Points, Samples, Size, at_most, curve, metric
from bench.statistics import median, percentile
from runbook_app.adapters.logs import SqliteLogReader

AREA = "ten_hours"
LINES_A_SECOND, ENTRIES_A_SECOND = 50_000, 100
SLOW = 125_000
"""Bytes a second: 1 Mbit/s."""
SLOW_SECONDS = 30.0

_PAGES = (
    (b"t", b"Timeline"),
    (b"v", b"Evidence"),
    (b"p", b"Reports"),
)
"""A key from the session screen, and what its page says."""
_BACK = (b"\x1b", b"Log")


@dataclass(slots=True)
class Hours:
    keys: list[float] = field(default_factory=list)
    """Milliseconds of each key."""
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Log lines so far, and resident MiB of the program."""


@contextmanager
def _session() -> Iterator[tuple[Path, str, Path]]:
    """A session that others write: its base, its id, its log."""
    with samples.folder() as base:
        session = samples.session(base, samples.plan_file(base, 100))
        folder = base / "home" / session
        logs = folder / "logs.db"
        samples.logs(logs, 1_000)
        writers = [
            subprocess.Popen(programs.child("feed", logs, LINES_A_SECOND)),
            subprocess.Popen(programs.child("story", folder / "journal.db", ENTRIES_A_SECOND)),
        ]
        try:
            yield base, session, logs
        finally:
            for writer in writers:
                writer.kill()
                writer.wait()


def _attached(base: Path, session: str, rate: int = 0) -> programs.Terminal:
    return programs.Terminal(
        [*programs.RUNBOOK, "attach", session, "--read-only"],
        {"RUNBOOK_HOME": str(base / "home")},
        rate=rate,
    )


@cache
def hours(lines: int) -> Hours:
    found = Hours()
    with _session() as (base, session, logs):
        reader = SqliteLogReader(logs)
        terminal = _attached(base, session)
        try:
            terminal.until(b"following")
            while (stored := reader.count()) < lines:
                found.memory.append((stored, machine.memory(terminal.pid)))
                _round(terminal, found.keys)
        finally:
            terminal.close()
            reader.close()
    return found


def _round(terminal: programs.Terminal, keys: list[float]) -> None:
    for page in _PAGES:
        for key in (page, _BACK):
            keys.append(terminal.press(*key))
            terminal.rest(0.2)


@cache
def slow_line() -> list[float]:
    found: list[float] = []
    with _session() as (base, session, _):
        terminal = _attached(base, session, SLOW)
        try:
            terminal.until(b"following")
            terminal.rest(2)
            end = time.monotonic() + SLOW_SECONDS
            while time.monotonic() < end:
                _round(terminal, found)
        finally:
            terminal.close()
    return found


@metric(AREA, "memory of the screen for a million log lines", goal=at_most(5), unit="MiB")
def memory_growth(size: Size) -> Samples:
    ran = hours(size.lines)
    note = f"{size.lines:,} lines at {LINES_A_SECOND:,} a second, {len(ran.keys)} keys; one run"
    return Samples(ours=[per_million(ran.memory, size.lines)], note=note)


@metric(AREA, "keys of the last tenth", against="keys of the first", goal=at_most(1.3), unit="ms")
def drift(size: Size) -> Samples:
    """Whether a session that has grown answers as one that is new."""
    keys = hours(size.lines).keys
    tenth = max(len(_PAGES) * 2, len(keys) // 10)
    first, last = median(keys[:tenth]), median(keys[-tenth:])
    return Samples(ours=[last], other=[first], note=f"medians of {tenth} keys; one run")


@metric(AREA, "key to painted over 1 Mbit/s, P95", goal=at_most(1_000), unit="ms")
def slow_keys(size: Size) -> Samples:
    del size
    keys = slow_line()
    note = f"{LINES_A_SECOND:,} lines and {ENTRIES_A_SECOND} entries a second; {len(keys)} keys"
    return Samples(ours=[percentile(keys, 95)], note=note)


@curve(AREA, "memory of the screen", grows_with="log lines", unit="MiB")
def memory_curve(size: Size) -> Points:
    return tenths(hours(size.lines).memory, size.lines)
