"""Start-up: whole processes, up to their end or to their first picture."""

from __future__ import annotations

import sys

from bench import programs, samples
from bench.metric import Samples, Size, at_most, compare, metric

AREA = "start-up"


@metric(AREA, "runbook --version", against="import asyncio", goal=at_most(1.5), unit="ms")
def version(size: Size) -> Samples:
    return compare(
        2 * size.runs,
        lambda: programs.wall([*programs.RUNBOOK, "--version"]),
        lambda: programs.wall([sys.executable, "-c", "import asyncio"]),
    )


@metric(
    AREA,
    "first paint, plan of 100 steps",
    against="a bare Textual app",
    goal=at_most(1.3),
    unit="ms",
)
def first_paint(size: Size) -> Samples:
    with samples.folder() as base:
        session = samples.session(base, samples.plan_file(base, 100))
        command = [*programs.RUNBOOK, "attach", session, "--read-only"]
        home = {"RUNBOOK_HOME": str(base / "home")}
        return compare(
            size.runs,
            lambda: programs.first_paint(command, b"Objective 0", home),
            lambda: programs.first_paint(programs.child("bare_app"), b"Objective 0"),
            note="in a terminal of 120×40",
        )
