"""A real engine that runs a plan of steps which do nothing but, if asked to, log and report.

`python -m bench.children.engine FOLDER STEPS LINES EVENTS` prints JSON: seconds by the journal from
the first step's start to the last one's end; LINES and EVENTS are of each step. With `--resume` it
opens the finished session instead, as a screen does, and prints how long that took. The world is
that of the engine's tests: journal, log store and captures are real, only containers are missing.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench import samples
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.clock import parse_time
from runbook_app.domain.plan import Plan
from runbook_app.ports.action import Action, Run, check
from tests.engine.world import World, run_engine, until

BLOCK = 500
"""Lines that come at once, some 55 KB."""
LOOK = 0.2
"""Seconds between two looks at the journal's end, which cost the engine next to nothing."""


@check
async def idle(run: Run, *, lines: int, events: int) -> None:
    """Log so many lines, as a child's output comes, tell so many events, and do nothing else."""
    done = told = 0
    while done < lines:
        block = min(BLOCK, lines - done)
        run.recorder.output_bytes(samples.log_lines(done, block))
        done += block
        while told * lines < done * events:
            told += 1
            run.progress(f"{done} of {lines} lines")
        await asyncio.sleep(0)


class Idle:
    """Implements `ports.action.Registry` with the one action."""

    def get(self, name: str) -> Action | None:
        return idle if name == idle.name else None

    def names(self) -> list[str]:
        return [idle.name]

    def parameters(self, action: Action) -> dict[str, Any]:
        del action
        return {}

    def coerce(self, action: Action, values: dict[str, object]) -> dict[str, object]:
        del action
        return values


def plan(steps: int, lines: int, events: int) -> Plan:
    return samples.plan(steps, idle.name, lines=lines, events=events)


async def run(base: Path, wanted: Plan) -> float:
    """Seconds that the steps took together."""
    world = World(base, wanted).make()
    world.registry = Idle()
    await world.begin()
    async with world.engine() as engine:
        work = asyncio.create_task(run_engine(engine, 1))
        client = world.client()
        await until(client, lambda: client.state.epoch == 1)
        await client.send(cmd.Run, auto=True, unattended=True)
        client.close()
        journal = SqliteJournal(world.folder / "journal.db", SystemClock(), read_only=True)
        while not _over(journal, world.plan):  # noqa: ASYNC110 - a doorbell would cost the engine
            await asyncio.sleep(LOOK)
        journal.close()
        client = world.client()
        await client.send(cmd.Stop)
        await work
        client.close()
    return _seconds(world)


def _over(journal: SqliteJournal, plan: Plan) -> bool:
    last = plan.items[-1].id
    newest = [entry.body for entry in journal.read(max(0, journal.tip()[0] - 10))]
    return any(isinstance(body, ev.ItemVerified) and body.item == last for body in newest)


def _seconds(world: World) -> float:
    journal = SqliteJournal(world.folder / "journal.db", SystemClock(), read_only=True)
    times = []
    after = 0
    while entries := journal.read(after):
        kinds = (ev.StepStarted, ev.StepSucceeded)
        times += [parse_time(entry.at) for entry in entries if isinstance(entry.body, kinds)]
        after = entries[-1].seq
    journal.close()
    return (times[-1] - times[0]).total_seconds()


def resume(base: Path, wanted: Plan) -> dict[str, float]:
    world = World(base, wanted)
    began = time.perf_counter()
    client = world.client(read_only=True)
    took = time.perf_counter() - began
    found = {"seconds": took, "events": float(client.state.seq)}
    client.close()
    return found


def main() -> None:
    base = Path(sys.argv[1])
    steps, lines, events = (int(word) for word in sys.argv[2:5])
    wanted = plan(steps, lines, events)
    if "--resume" in sys.argv:
        found = resume(base, wanted)
    else:
        found = {"seconds": asyncio.run(run(base, wanted))}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
