"""Plan loading: parse and validate with positions kept."""

from __future__ import annotations

from pathlib import Path

import yaml

from bench import peers, programs, samples
from bench.metric import Points, Samples, Size, at_most, compare, curve, decades, metric, timed
from bench.statistics import median
from runbook_app.adapters.plan_file.nodes import PARSER, no_collection
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions

AREA = "plans"


@metric(AREA, "load and validate a plan", against="libyaml's events", goal=at_most(2), unit="ms")
def load(size: Size) -> Samples:
    with samples.folder() as base:
        path = samples.plan_file(base, size.steps)
        registry = InstalledActions()
        return compare(
            size.runs,
            timed(lambda: read_plan(path, registry, {}, None)),
            timed(lambda: _events(path)),
            note=f"{size.steps:,} steps",
        )


def _events(path: Path) -> None:
    parser = PARSER(path.read_text(encoding="utf-8"))
    with no_collection():
        while parser.get_event() is not None:
            pass


@metric(
    AREA,
    "runbook check",
    against="ansible-playbook --list-tasks",
    goal=at_most(1 / 20),
    unit="ms",
    quick=False,
)
def check_against_ansible(size: Size) -> Samples:
    return _beside_ansible(size.steps, runs=5)


@metric(
    AREA,
    "runbook check, 100 steps",
    against="ansible-playbook --list-tasks",
    goal=at_most(0.15),
    unit="ms",
)
def check_of_hundred(size: Size) -> Samples:
    return _beside_ansible(100, runs=size.runs)


def _beside_ansible(steps: int, *, runs: int) -> Samples:
    ansible = peers.program("ansible", "ansible-playbook")
    with samples.folder() as base:
        path = samples.plan_file(base, steps)
        book = base / "book.yaml"
        tasks = [
            {"name": f"part {n}", "ansible.builtin.debug": {"msg": f"part {n} answers"}}
            for n in range(steps)
        ]
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        book.write_text(yaml.dump([play], Dumper=yaml.CSafeDumper), encoding="utf-8")
        return compare(
            runs,
            lambda: programs.wall([*programs.RUNBOOK, "check", str(path)]),
            lambda: programs.wall([ansible, "-i", "localhost,", "--list-tasks", str(book)]),
            note=f"{steps:,} steps",
        )


@curve(AREA, "load and validate a plan", grows_with="steps", unit="ms")
def growth(size: Size) -> Points:
    registry = InstalledActions()
    sizes = decades(size.steps, smallest=10)
    values = []
    with samples.folder() as base:
        for steps in sizes:
            path = samples.plan_file(base, steps)
            once = timed(lambda path=path: read_plan(path, registry, {}, None))  # type: ignore[misc]
            values.append(median([once() for _ in range(3)]))
    return Points(sizes=sizes, values=values)
