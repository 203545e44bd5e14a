"""Plans, sessions and logs of any size to measure on."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.logs import SqliteLogWriter
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import Body
from runbook_app.domain.plan import Call, Item, Plan, Step, TargetSpec

STEPS_PER_ITEM = 50
COMPOSE = "compose.yaml"
_BATCH = 5_000


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder, on the disk that `$TMPDIR` names."""
    with tempfile.TemporaryDirectory(prefix="rb-bench-") as name:
        yield Path(name)


def plan_text(steps: int) -> str:
    """A plan file with so many steps, each as a shipped plan writes it."""
    head = "plan: bench\ntitle: Bench plan\nversion: '1'\nvariables: {port: 8001}\n"
    parts = [f"{head}target: {{compose: {COMPOSE}}}\nitems:\n"]
    for number in range(steps):
        item, place = divmod(number, STEPS_PER_ITEM)
        if place == 0:
            parts.append(
                f"  - id: item{item}\n    number: {item + 1}\n    title: Objective {item}\n"
                "    checkpoint:\n      - confirm: Ready to begin\n"
                "    rollback: captures\n    steps:\n"
            )
        parts.append(
            f"      - id: step{place}\n"
            f"        title: Confirm that part {number} is as it should be\n"
            "        why: So that the next part can rely on it\n"
            "        estimate: 5m\n"
            "        action: manual.confirm\n"
            "        with:\n"
            f"          text: Part {number} answers on port ${{port}}\n"
            "          person_required: false\n"
        )
    return "".join(parts)


def plan_file(base: Path, steps: int) -> Path:
    path = base / f"plan-{steps}.yaml"
    path.write_text(plan_text(steps), encoding="utf-8")
    return path


def plan(steps: int, action: str, **parameters: object) -> Plan:
    """A plan in memory: items without checkpoint, of steps that all call one action."""
    items = []
    for first in range(0, steps, STEPS_PER_ITEM):
        number = first // STEPS_PER_ITEM
        made = tuple(
            Step(
                id=f"item{number}.step{place}",
                title=f"Step {first + place}",
                call=Call(action=action, parameters=parameters),
            )
            for place in range(min(STEPS_PER_ITEM, steps - first))
        )
        items.append(
            Item(id=f"item{number}", number=number + 1, title=f"Objective {number}", steps=made)
        )
    return Plan(
        id="bench",
        title="Bench plan",
        version="1",
        path="plan.yaml",
        sha256="0" * 64,
        items=tuple(items),
        target=TargetSpec(compose=COMPOSE),
    )


def session(base: Path, plan_path: Path) -> str:
    """The id of a new session below `base`, begun as `runbook open` does it."""
    from runbook_app import bootstrap

    target = base / "target"
    target.mkdir(exist_ok=True)
    (target / COMPOSE).write_text("services: {api: {image: none}}\n", encoding="utf-8")
    os.environ["RUNBOOK_HOME"] = str(base / "home")
    try:
        made = bootstrap.create_session(plan_path, target, {})
        made.close()
    finally:
        del os.environ["RUNBOOK_HOME"]
    return made.id


def started(plan: Plan) -> ev.SessionStarted:
    return ev.SessionStarted(
        session="s",
        plan=plan.id,
        plan_title=plan.title,
        plan_path=plan.path,
        plan_sha256=plan.sha256,
        target="/srv/target",
        operator="op",
        host="h",
        program="0",
        variables={},
        outline=outline(plan),
    )


def bodies(plan: Plan, count: int) -> Iterator[Body]:
    """So many events of a session: every step of the plan again and again."""
    yield started(plan)
    yield ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h")
    told, attempt = 2, 0
    while True:
        attempt += 1
        for item, step in plan.steps():
            for event in (
                ev.StepStarted(item=item.id, step=step.id, attempt=attempt, parameters={}),
                ev.StepProgressed(item=item.id, step=step.id, text="half of it is done"),
                ev.StepSucceeded(item=item.id, step=step.id),
            ):
                if told >= count:
                    return
                told += 1
                yield event


def journal(path: Path, plan: Plan, count: int) -> None:
    """Write a journal through the program's own, in large groups."""

    async def write() -> None:
        journal = SqliteJournal(path, SystemClock())
        batch: list[Body] = []
        for body in bodies(plan, count):
            batch.append(body)
            if len(batch) == _BATCH:
                await journal.append(*batch)
                batch.clear()
        await journal.append(*batch)
        journal.close()

    asyncio.run(write())


def log_lines(first: int, count: int) -> bytes:
    """Lines of 110 bytes; one in 997 is an ERROR, number 7 of each million holds `needle`."""
    return b"".join(
        b"2025-10-24T08:00:00.000Z %-5s request %09d from 10.1.0.7 took 4 ms%s\n"
        % (
            b"ERROR" if number % 997 == 0 else b"INFO",
            number,
            b" needle".ljust(40)
            if number % 1_000_000 == 7
            else b" GET /customers/1234 200 keep-alive xxx",
        )
        for number in range(first, first + count)
    )


def logs(path: Path, count: int) -> None:
    """A log store of so many lines, written through the program's own writer."""
    writer = SqliteLogWriter(path)
    block = 1_000
    for first in range(0, count, block):
        writer.write("api", "item0.step0", log_lines(first, min(block, count - first)))
    writer.close()


def text_log(path: Path, count: int) -> None:
    """The same lines as a text file, for programs that read one."""
    block = 10_000
    with path.open("wb") as file:
        for first in range(0, count, block):
            file.write(log_lines(first, min(block, count - first)))
