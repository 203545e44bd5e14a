"""Many at once: sessions of a machine, and plans that run side by side."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import programs, samples
from bench.metric import Points, Size, curve, decades
from bench.statistics import median
from bench.steps import SERIES, engine_step

AREA = "many"
ENTRIES = 300
SIDE_BY_SIDE = (1, 2, 4, 8)


def _sessions(home: Path, base: Path, count: int) -> None:
    """A home with so many sessions, of some hundred entries each."""
    first = home / samples.session(base, samples.plan_file(base, 100))
    (first / "journal.db").unlink()
    samples.journal(first / "journal.db", samples.plan(100, "manual.confirm"), ENTRIES)
    for number in range(1, count):
        shutil.copytree(first, home / f"{first.name[:-4]}{number:04x}")


@curve(AREA, "runbook sessions", grows_with="sessions", unit="ms")
def listing(size: Size) -> Points:
    sizes = decades(size.steps // 10, smallest=1)
    values = []
    for count in sizes:
        with samples.folder() as base:
            home = base / "home"
            _sessions(home, base, count)
            command = [*programs.RUNBOOK, "sessions"]
            walls = [programs.wall(command, RUNBOOK_HOME=str(home)) for _ in range(3)]
            values.append(median(walls))
    return Points(sizes=sizes, values=values, note=f"{ENTRIES} entries each; the whole process")


@curve(AREA, "a step of a plan beside others", grows_with="plans side by side", unit="ms")
def side_by_side(size: Size) -> Points:
    del size
    values = [median(_steps_beside(plans)) for plans in SIDE_BY_SIDE]
    return Points(sizes=SIDE_BY_SIDE, values=values, note="each with an engine of its own")


def _steps_beside(plans: int) -> list[float]:
    """Milliseconds a step of each of so many engines that begin at once."""

    with ThreadPoolExecutor(plans) as pool:
        return list(pool.map(engine_step, [SERIES] * plans))
