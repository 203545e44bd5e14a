"""A ten-hour session, compressed: what a real engine holds in memory and on disk."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bench import machine, programs, samples
from bench.metric import Lacking, Points, Samples, Size, at_most, curve, metric

AREA = "limits"
STEPS = 100
EVENTS = 20_000
SHORT = 0.1
"""Part of the whole after which memory is held against: caches and queues are full by then."""


@dataclass(frozen=True, slots=True)
class Session:
    lines: int
    memory: list[tuple[int, float]]
    """Log lines stored so far, and resident MiB of engine and log writer."""
    journal: float
    logs: float
    """MiB on disk."""
    events: int
    resume: float
    """Milliseconds from opening the finished session until its state is folded."""
    seconds: float


@cache
def session(lines: int) -> Session:
    """Run one with so many lines and, in proportion to ten million, up to 20,000 events."""
    events = max(STEPS, EVENTS * lines // 10_000_000)
    with samples.folder() as base:
        words = (base, STEPS, lines // STEPS, events // STEPS)
        process = subprocess.Popen(programs.child("engine", *words), stdout=subprocess.PIPE)
        memory: list[tuple[int, float]] = []
        while process.poll() is None:
            stored = _stored(base / "session" / "logs.db")
            resident = machine.memory(process.pid)
            if stored and resident:  # a process that has just ended has no memory any more
                memory.append((stored, resident))
            time.sleep(0.25)
        said = process.communicate()[0]
        if process.returncode:
            raise Lacking(f"the engine ended with {process.returncode}")
        found = json.loads(programs.output(programs.child("engine", *words, "--resume")))
        return Session(
            lines=lines,
            memory=memory,
            journal=_size(base, "journal.db"),
            logs=_size(base, "logs.db"),
            events=int(found["events"]),
            resume=found["seconds"] * 1e3,
            seconds=json.loads(said)["seconds"],
        )


def _stored(path: Path) -> int:
    """Lines of a log that is being written, as a screen counts them."""
    from runbook_app.adapters.logs import SqliteLogReader

    reader = SqliteLogReader(path)
    try:
        return reader.count()
    finally:
        reader.close()


def _size(base: Path, name: str) -> float:
    return sum(file.stat().st_size for file in (base / "session").glob(f"{name}*")) / 2**20


@metric(AREA, "memory for a million log lines", goal=at_most(5), unit="MiB")
def memory_growth(size: Size) -> Samples:
    """Between a tenth of the session and its end, by the sampled curve."""
    ran = session(size.lines)
    note = (
        f"{ran.lines:,} lines and {ran.events:,} events in {ran.seconds:.0f} s; "
        f"journal {ran.journal:.1f} MiB, logs {ran.logs:.0f} MiB; resume {ran.resume:.0f} ms; "
        "one run"
    )
    return Samples(ours=[per_million(ran.memory, ran.lines)], note=note)


def per_million(memory: Sequence[tuple[int, float]], lines: int) -> float:
    """MiB that a million lines add between a tenth of the lines and the last one's arrival.

    What is sampled after that is an engine that ends, and gives memory back.

    Raises:
        Lacking: there are no two such samples.
    """
    arriving = dict(reversed(memory))  # the first sample of each number of lines
    late = sorted(point for point in arriving.items() if point[0] >= SHORT * lines)
    if len(late) < 2:
        raise Lacking("too short to see memory grow")
    return (late[-1][1] - late[0][1]) / (late[-1][0] - late[0][0]) * 1e6


@curve(AREA, "memory of the engine", grows_with="log lines", unit="MiB")
def memory_curve(size: Size) -> Points:
    ran = session(size.lines)
    return tenths(ran.memory, ran.lines)


def tenths(memory: Sequence[tuple[int, float]], lines: int) -> Points:
    """Of samples of memory those that are nearest to each tenth of the lines.

    Raises:
        Lacking: they are one and the same.
    """
    wanted = [lines * tenth // 10 for tenth in range(1, 11)]
    chosen = [min(memory, key=lambda point: abs(point[0] - at)) for at in wanted]
    unique = sorted(dict(chosen).items())
    if len(unique) < 2:
        raise Lacking("too short for a curve")
    return Points(sizes=[at for at, _ in unique], values=[resident for _, resident in unique])
