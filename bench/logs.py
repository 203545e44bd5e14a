"""The log store: rate, search, reading its end, size."""

from __future__ import annotations

import shutil
from pathlib import Path

from bench import peers, programs, samples
from bench.metric import (
    Lacking,
    Points,
    Samples,
    Size,
    at_most,
    compare,
    curve,
    decades,
    metric,
    timed,
)
from bench.statistics import median
from runbook_app.adapters.logs import SqliteLogReader

AREA = "logs"
SCREEN = 40


def _whole_search(path: Path) -> None:
    """Look at every line, for what is in none."""
    reader = SqliteLogReader(path)
    if reader.find("no line has this") is not None:
        raise AssertionError("found what is not there")
    reader.close()


def _end(path: Path) -> None:
    reader = SqliteLogReader(path)
    reader.lines(reader.count() - SCREEN, SCREEN)
    reader.close()


@metric(AREA, "search to the end", against="grep, whole process", goal=at_most(6), unit="ms")
def search(size: Size) -> Samples:
    grep = shutil.which("grep")
    if grep is None:
        raise Lacking("there is no grep")
    count = min(size.lines, 1_000_000)
    with samples.folder() as base:
        path, text = base / "logs.db", base / "text"
        samples.logs(path, count)
        samples.text_log(text, count)
        return compare(
            size.runs,
            timed(lambda: _whole_search(path)),
            lambda: programs.wall(["sh", "-c", f"grep -c 'no line has this' {text} || true"]),
            note=f"{count:,} lines; grep because ripgrep is not everywhere",
        )


@metric(AREA, "first hit, 1 line in 997", goal=at_most(100), unit="ms")
def first_hit(size: Size) -> Samples:
    with samples.folder() as base:
        path = base / "logs.db"
        samples.logs(path, min(size.lines, 1_000_000))

        def find() -> None:
            reader = SqliteLogReader(path)
            reader.find("ERROR", before=reader.count())
            reader.close()

        once = timed(find)
        return Samples(ours=[once() for _ in range(size.runs)], note="without the painting")


@metric(AREA, "the newest 40 lines", against="a tenth of the lines", goal=at_most(2), unit="ms")
def tail(size: Size) -> Samples:
    with samples.folder() as base:
        large, small = base / "large.db", base / "small.db"
        samples.logs(small, size.lines // 10)
        samples.logs(large, size.lines)
        note = f"{size.lines:,} lines"
        return compare(size.runs, timed(lambda: _end(large)), timed(lambda: _end(small)), note)


@metric(
    AREA,
    "a stored log, to its last line painted",
    against="toolong",
    goal=at_most(1),
    unit="ms",
    quick=False,
)
def opened_at_the_end(size: Size) -> Samples:
    toolong = peers.program("toolong", "tl")
    count = min(size.lines, 1_000_000)
    last = f"{count - 1:09}".encode()
    with samples.folder() as base:
        session = samples.session(base, samples.plan_file(base, 100))
        home = {"RUNBOOK_HOME": str(base / "home")}
        samples.logs(base / "home" / session / "logs.db", count)
        text = base / "text.log"
        samples.text_log(text, count)
        ours = [*programs.RUNBOOK, "attach", session, "--read-only"]
        return compare(
            size.runs,
            lambda: programs.first_paint(ours, last, home),
            lambda: programs.first_paint([toolong, str(text)], last),
            note=f"{count:,} lines, from the start of the process",
        )


@curve(AREA, "store log lines", grows_with="lines", unit="ms")
def growth_of_writing(size: Size) -> Points:
    sizes = decades(size.lines, smallest=1_000)
    values = []
    for lines in sizes:
        with samples.folder() as base:
            once = timed(lambda lines=lines, path=base / "logs.db": samples.logs(path, lines))  # type: ignore[misc]
            values.append(once())
    return Points(sizes=sizes, values=values)


@curve(AREA, "search to the end", grows_with="lines", unit="ms")
def growth_of_search(size: Size) -> Points:
    sizes = decades(size.lines, smallest=1_000)
    values = []
    for lines in sizes:
        with samples.folder() as base:
            path = base / "logs.db"
            samples.logs(path, lines)
            once = timed(lambda path=path: _whole_search(path))  # type: ignore[misc]
            values.append(median([once() for _ in range(3)]))
    return Points(sizes=sizes, values=values)
