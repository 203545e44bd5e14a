"""The screen: what a large plan costs, and keys while log lines pour in.

In an app without a terminal, but for "in a terminal": there the whole program runs in one, and a
key is timed from its byte to the bytes of what it changed. No terminal's own painting is in it.
"""

from __future__ import annotations

import json
import subprocess
import time
from functools import cache
from pathlib import Path
from typing import Any

from bench import programs, samples
from bench.metric import Points, Samples, Size, at_most, compare, curve, decades, metric
from bench.statistics import median, percentile

AREA = "screen"
RATE = 50_000
KEYS = 20
STORED, STEADY = 300_000, 1_000
"""Lines that the program's log has when keys are pressed, and lines a second that come then."""

_PLACES = ((b"\x1b[A", b"HELD"), (b"f", b"following"))
"""A key of the log, and what its title says then."""


def _screen(*words: object) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(programs.output(programs.child("screen", *words)))
    return found


def _mount(kind: str, nodes: int) -> float:
    return float(_screen(kind, nodes)["mount"])


@metric(AREA, "mount a plan tree", against="Textual's Tree", goal=at_most(0.25), unit="ms")
def mount(size: Size) -> Samples:
    return compare(
        size.runs,
        lambda: _mount("tree", size.steps),
        lambda: _mount("textual-tree", size.steps),
        note=f"{size.steps:,} nodes",
    )


@metric(AREA, "key to painted in a plan tree, P95", goal=at_most(30), unit="ms")
def tree_keys(size: Size) -> Samples:
    runs = [percentile(_screen("tree", size.steps)["keys"], 95) for _ in range(size.runs)]
    return Samples(ours=runs, note=f"{size.steps:,} nodes")


@cache
def _under_load(runs: int) -> list[dict[str, Any]]:
    """A log view on a log that another process writes."""
    found = []
    with samples.folder() as base:
        path = base / "logs.db"
        samples.logs(path, 1_000)
        feed = subprocess.Popen(programs.child("feed", path, RATE))
        try:
            time.sleep(1)
            found += [_screen("load", path, KEYS) for _ in range(runs)]
        finally:
            feed.kill()
            feed.wait()
    return found


def _note(runs: list[dict[str, Any]]) -> str:
    return f"{median([run['rate'] for run in runs]):,.0f} lines/s of {RATE:,} came"


def _percentiles(size: Size, what: str, percent: float) -> Samples:
    runs = _under_load(size.runs)
    return Samples(ours=[percentile(run[what], percent) for run in runs], note=_note(runs))


@metric(AREA, "loop lag while logs pour in, P95", goal=at_most(20), unit="ms")
def lag(size: Size) -> Samples:
    return _percentiles(size, "lags", 95)


@metric(AREA, "loop lag while logs pour in, P99", goal=at_most(50), unit="ms")
def worst_lag(size: Size) -> Samples:
    return _percentiles(size, "lags", 99)


@metric(AREA, "key to painted while logs pour in, P95", goal=at_most(50), unit="ms")
def log_keys(size: Size) -> Samples:
    return _percentiles(size, "keys", 95)


@cache
def _in_terminal(runs: int) -> list[list[float]]:
    """Milliseconds of each key, in the whole program on a session whose log another one writes."""
    with samples.folder() as base:
        session = samples.session(base, samples.plan_file(base, 100))
        path = base / "home" / session / "logs.db"
        samples.logs(path, STORED)
        feed = subprocess.Popen(programs.child("feed", path, STEADY))
        try:
            return [_keys(base, session) for _ in range(runs)]
        finally:
            feed.kill()
            feed.wait()


def _keys(base: Path, session: str) -> list[float]:
    """Leave the newest line and follow it again, as often as `KEYS` says."""
    terminal = programs.Terminal(
        [*programs.RUNBOOK, "attach", session, "--read-only"],
        {"RUNBOOK_HOME": str(base / "home")},
    )
    took = []
    try:
        terminal.until(b"following")
        terminal.press(b"l", b"copy")  # a key of the log: it has the focus
        terminal.rest(0.5)
        for number in range(KEYS):
            took.append(terminal.press(*_PLACES[number % 2]))
            terminal.rest(0.1)
    finally:
        terminal.close()
    return took


def _of_keys(size: Size, percent: float) -> Samples:
    runs = [percentile(run, percent) for run in _in_terminal(size.runs)]
    return Samples(ours=runs, note=f"{STEADY:,} lines/s into {STORED:,}; {KEYS} keys a run")


@metric(AREA, "key to painted in a terminal, P50", goal=at_most(25), unit="ms")
def terminal_keys(size: Size) -> Samples:
    return _of_keys(size, 50)


@metric(AREA, "key to painted in a terminal, P95", goal=at_most(50), unit="ms")
def slow_terminal_keys(size: Size) -> Samples:
    return _of_keys(size, 95)


@curve(AREA, "mount a plan tree", grows_with="nodes", unit="ms", quick=False)
def growth(size: Size) -> Points:
    sizes = decades(size.steps, smallest=100)
    values = [median([_mount("tree", nodes) for _ in range(3)]) for nodes in sizes]
    return Points(sizes=sizes, values=values)
