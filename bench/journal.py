"""The journal at scale: resume, tail, verification, size."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from bench import samples
from bench.metric import (
    Points,
    Samples,
    Size,
    at_least,
    at_most,
    compare,
    curve,
    decades,
    metric,
    timed,
)
from bench.statistics import median
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.fold import fold
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState

AREA = "journal"
PAGE = 200
TIMES = 20
"""Reads that make one sample: a single one is over too soon."""


def _plan(size: Size) -> Plan:
    return samples.plan(min(size.steps, 1_000), "manual.confirm")


def resume(path: Path) -> SessionState:
    """Open and fold a journal, as engine and screen do when they start."""
    journal = SqliteJournal(path, SystemClock(), read_only=True)
    state = SessionState()
    while entries := journal.read(state.seq):
        fold(entries, state)
    journal.close()
    return state


def _tail(path: Path) -> Callable[[], None]:
    def read() -> None:
        journal = SqliteJournal(path, SystemClock(), read_only=True)
        for _ in range(TIMES):
            journal.read(journal.tip()[0] - PAGE)
        journal.close()

    return read


def _beside_a_tenth(size: Size, work: Callable[[Path], Callable[[], object]]) -> Samples:
    with samples.folder() as base:
        large, small = base / "large.db", base / "small.db"
        samples.journal(small, _plan(size), size.events // 10)
        samples.journal(large, _plan(size), size.events)
        note = f"{size.events:,} rows; there is no snapshot" if work is _resume else ""
        return compare(5, timed(work(large)), timed(work(small)), note or f"{size.events:,} rows")


def _resume(path: Path) -> Callable[[], object]:
    return lambda: resume(path)


@metric(AREA, "resume", against="a tenth of the rows", goal=at_most(1.5), unit="ms")
def resume_at_scale(size: Size) -> Samples:
    return _beside_a_tenth(size, _resume)


@metric(
    AREA,
    "the newest 200 entries, 20 times",
    against="a tenth of the rows",
    goal=at_most(2),
    unit="ms",
)
def tail_at_scale(size: Size) -> Samples:
    return _beside_a_tenth(size, _tail)


@metric(AREA, "fold and hash check", goal=at_least(100_000), unit="events/s")
def verification(size: Size) -> Samples:
    count = min(size.events, 100_000)
    with samples.folder() as base:
        path = base / "journal.db"
        samples.journal(path, _plan(size), count)

        def once() -> float:
            began = time.perf_counter()
            resume(path)
            journal = SqliteJournal(path, SystemClock(), read_only=True)
            if (broken := journal.verify()) is not None:
                raise AssertionError(f"entry {broken} does not fit")
            journal.close()
            return count / (time.perf_counter() - began)

        return Samples(ours=[once() for _ in range(size.runs)])


@curve(AREA, "resume", grows_with="events", unit="ms")
def growth_of_resume(size: Size) -> Points:
    sizes = decades(size.events, smallest=1_000)
    values = []
    with samples.folder() as base:
        for events in sizes:
            path = base / f"{events}.db"
            samples.journal(path, _plan(size), events)
            once = timed(_resume(path))
            values.append(median([once() for _ in range(3)]))
    return Points(sizes=sizes, values=values)


@curve(AREA, "size of the journal", grows_with="events", unit="MiB")
def growth_of_file(size: Size) -> Points:
    sizes = decades(size.events, smallest=1_000)
    values = []
    with samples.folder() as base:
        for events in sizes:
            path = base / f"{events}.db"
            samples.journal(path, _plan(size), events)
            values.append(path.stat().st_size / 2**20)
    return Points(sizes=sizes, values=values)
