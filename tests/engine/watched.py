"""Engine, guard and check of a world, each in a process of its own.

`python -m tests.engine.watched ROLE BASE [STEP]`; the world's plan lies in BASE.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import msgspec

from runbook_app.adapters import sqlite_file
from runbook_app.adapters.children import Children, forget, start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.guards import stand_by
from runbook_app.engine import confirming, guard
from runbook_app.engine.afresh import check_step
from runbook_app.engine.redaction import Redactor
from runbook_app.testing.crash import PASSED, VARIABLE

from .world import Actions, FileTarget, World

SHORT = 0.1
"""Seconds, in the place of longer waits."""
UNANSWERED = 3.0


def drive(world: World) -> None:
    confirming.AGAIN = SHORT
    client = world.client(read_only=True)
    epoch = client.state.epoch + 1
    client.close()
    asyncio.run(world.drive(epoch))


def watch(world: World) -> None:
    for variable in (VARIABLE, PASSED):
        os.environ.pop(variable, None)
    guard.POLL = guard.FIRST_PAUSE = SHORT
    guard.ANSWER = sqlite_file.BUSY_SECONDS = UNANSWERED
    client = world.client()
    me = os.getpid()
    ours = guard.Guard(
        client,
        SystemClock(),
        pid=me,
        pid_started=start_time(me) or "",
        end=Children(forget).end_survivor,
    )
    stand_by()
    asyncio.run(ours.stand())


def check(world: World, step: str) -> None:
    client = world.client(read_only=True)
    redactor = Redactor()
    target = FileTarget(world.root, world.folder / "scratch", Children(forget), redactor)
    found = asyncio.run(
        check_step(
            client.state,
            world.plan,
            step,
            registry=Actions(),
            target=target,
            mask=redactor.text,
        )
    )
    sys.stdout.buffer.write(msgspec.json.encode(found))


def main(role: str, base: str, *rest: str) -> None:
    world = World.at(Path(base))
    match role:
        case "engine":
            drive(world)
        case "guard":
            watch(world)
        case "check":
            check(world, *rest)


if __name__ == "__main__":
    main(*sys.argv[1:])
