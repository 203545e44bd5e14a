"""What the engine itself costs for each step."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from pathlib import Path

import yaml

from bench import peers, programs, samples
from bench.metric import Lacking, Points, Samples, Size, at_most, compare, curve, decades, metric
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev

AREA = "steps"
SERIES = 101
ROW = b"x" * 230


def engine_step(steps: int = SERIES) -> float:
    """Milliseconds a step in series: the whole engine, with journal, log, report and document."""
    with samples.folder() as base:
        words = programs.output(programs.child("engine", base, steps, 0, 0))
    return float(json.loads(words)["seconds"]) * 1e3 / steps


def _full_commits(count: int) -> float:
    """Milliseconds of one commit into a WAL with synchronous=FULL."""
    with samples.folder() as base:
        connection = sqlite3.connect(base / "limit.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body BLOB)")
        began = time.perf_counter()
        for _ in range(count):
            connection.execute("INSERT INTO entries (body) VALUES (?)", (ROW,))
        took = time.perf_counter() - began
        connection.close()
    return took * 1e3 / count


@metric(AREA, "durable no-op step", against="two WAL FULL commits", goal=at_most(2), unit="ms")
def step(size: Size) -> Samples:
    note = f"{SERIES} steps in series, status report and progress document included"
    return compare(size.runs, engine_step, lambda: 2 * _full_commits(200), note)


def _journaled(count: int, *, at_once: bool) -> float:
    """Milliseconds a step of two events, through the journal alone."""

    async def one(journal: SqliteJournal, number: int) -> None:
        name = f"item0.step{number}"
        await journal.append(ev.StepStarted(item="item0", step=name, attempt=1, parameters={}))
        await journal.append(ev.StepSucceeded(item="item0", step=name))

    async def work(path: Path) -> float:
        journal = SqliteJournal(path, SystemClock())
        await one(journal, count)
        began = time.perf_counter()
        if at_once:
            await asyncio.gather(*(one(journal, number) for number in range(count)))
        else:
            for number in range(count):
                await one(journal, number)
        took = time.perf_counter() - began
        journal.close()
        return took * 1e3 / count

    with samples.folder() as base:
        return asyncio.run(work(base / "journal.db"))


@metric(
    AREA,
    "two events through the journal",
    against="two WAL FULL commits",
    goal=at_most(2),
    unit="ms",
)
def events_in_series(size: Size) -> Samples:
    return compare(
        size.runs, lambda: _journaled(200, at_once=False), lambda: 2 * _full_commits(200)
    )


@metric(
    AREA,
    "two events, 50 in parallel",
    against="one WAL FULL commit",
    goal=at_most(1 / 4),
    unit="ms",
)
def events_in_parallel(size: Size) -> Samples:
    return compare(size.runs, lambda: _journaled(50, at_once=True), lambda: _full_commits(200))


DBOS = """
import sys, tempfile, time
from dbos import DBOS
with tempfile.TemporaryDirectory() as base:
    url = f"sqlite:///{base}/s.db"
    DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR"})

    @DBOS.step()
    def nothing():
        return 1

    @DBOS.workflow()
    def flow(count):
        began = time.perf_counter()
        for _ in range(count):
            nothing()
        return (time.perf_counter() - began) * 1e3 / count

    DBOS.launch()
    print(flow(%d))
    sys.stdout.flush()
    DBOS.destroy()
"""


@metric(
    AREA,
    "durable no-op step",
    against="DBOS, SQLite",
    goal=at_most(1 / 3),
    unit="ms",
    quick=False,
)
def beside_dbos(size: Size) -> Samples:
    python = peers.program("dbos", "python")

    def theirs() -> float:
        words = programs.output([python, "-c", DBOS % SERIES]).split()
        if not words:
            raise Lacking("DBOS printed nothing")
        return float(words[-1])

    return compare(size.runs, engine_step, theirs)


PREFECT = """
import time
from prefect import flow, task

@task
def nothing():
    return 1

@flow
def work(count):
    began = time.perf_counter()
    for _ in range(count):
        nothing()
    return (time.perf_counter() - began) * 1e3 / count

work(1)
print(work(%d))
"""


@metric(
    AREA,
    "durable no-op step",
    against="Prefect task",
    goal=at_most(1),
    unit="ms",
    quick=False,
)
def beside_prefect(size: Size) -> Samples:
    python = peers.program("prefect", "python")

    def theirs() -> float:
        with samples.folder() as home:
            quiet = {"PREFECT_HOME": str(home), "PREFECT_LOGGING_LEVEL": "ERROR"}
            words = programs.output([python, "-c", PREFECT % SERIES], **quiet).split()
        if not words:
            raise Lacking("Prefect printed nothing")
        return float(words[-1])

    note = "its server runs with an older fastapi than it asks for"
    return compare(size.runs, engine_step, theirs, note)


@metric(
    AREA,
    "durable no-op step",
    against="pyinfra python.call",
    goal=at_most(1 / 3),
    unit="ms",
    quick=False,
)
def beside_pyinfra(size: Size) -> Samples:
    pyinfra = peers.program("pyinfra", "pyinfra")
    deploy = (
        "from pyinfra.operations import python\n"
        "def nothing():\n    pass\n"
        "for n in range({}):\n    python.call(name=f'nothing {{n}}', function=nothing)\n"
    )
    with samples.folder() as base:

        def wall(steps: int) -> float:
            path = base / f"deploy{steps}.py"
            path.write_text(deploy.format(steps), encoding="utf-8")
            return programs.wall([pyinfra, "-y", "@local", str(path)])

        def slope() -> float:
            return (wall(SERIES) - wall(1)) / (SERIES - 1)

        return compare(size.runs, engine_step, slope, note="theirs as slope of whole processes")


@metric(
    AREA,
    "durable no-op step",
    against="Ansible command",
    goal=at_most(1 / 100),
    unit="ms",
    quick=False,
)
def beside_ansible(size: Size) -> Samples:
    del size
    ansible = peers.program("ansible", "ansible-playbook")
    with samples.folder() as base:

        def wall(steps: int) -> float:
            tasks = [{"name": f"task {n}", "ansible.builtin.command": "true"} for n in range(steps)]
            play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
            path = base / f"book{steps}.yaml"
            path.write_text(yaml.safe_dump([play]), encoding="utf-8")
            with_its_own = f"ansible_python_interpreter={Path(ansible).with_name('python')}"
            command = [ansible, "-i", "localhost,", "-c", "local", "-e", with_its_own, str(path)]
            return programs.wall(command)

        note = "theirs as slope of whole processes, 1 to 6 tasks"
        return compare(5, engine_step, lambda: (wall(6) - wall(1)) / 5, note)


@curve(AREA, "one step of a plan", grows_with="steps of the plan", unit="ms")
def growth(size: Size) -> Points:
    sizes = decades(size.steps, smallest=10)
    return Points(sizes=sizes, values=[engine_step(steps) for steps in sizes])
