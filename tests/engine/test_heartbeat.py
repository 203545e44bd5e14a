"""The engine's own loop shows life, also while it waits for work that is to end."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from msgspec import structs

from runbook_app.adapters.children import start_time
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.state import StepStatus
from runbook_app.engine.engine import Engine

from .world import World, plan_of, step, until

STUBBORN = 'trap "" TERM; touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done'


def started() -> ev.EngineStarted:
    pid = os.getpid()
    return ev.EngineStarted(epoch=1, pid=pid, pid_started=start_time(pid) or "", host="h")


async def test_an_idle_engine_shows_life_at_each_turn(tmp_path: Path) -> None:
    world = World(tmp_path).make()
    await world.begin()
    beats = 0

    def beat(engine: Engine) -> None:
        nonlocal beats
        beats += 1
        if beats == 3:
            engine.stop("seen to live")

    async with world.engine() as engine, asyncio.timeout(30):
        await engine.run(started(), begun=lambda: None, beat=lambda: beat(engine))
    assert beats == 3


async def test_an_engine_that_waits_for_a_cancelled_step_shows_life(tmp_path: Path) -> None:
    go, ready = tmp_path / "go", tmp_path / "ready"
    argv = ["sh", "-c", STUBBORN.format(go=go, ready=ready)]
    world = World(tmp_path, plan_of(step("only.a", "child", argv=argv))).make()
    await world.begin()
    client = world.client()

    def beat() -> None:
        client.refresh()
        if client.state.step("only.a").stopping:
            go.touch()

    async with world.engine() as engine:
        running = asyncio.create_task(engine.run(started(), begun=lambda: None, beat=beat))
        await until(client, lambda: client.state.epoch == 1)
        await client.send(cmd.Run, auto=True)
        await until(client, ready.exists)
        await client.send(cmd.CancelStep)
        await until(client, lambda: client.state.step("only.a").status is StepStatus.FAILED)
        engine.stop("the test is over")
        await running
    client.close()
    assert go.exists()


async def test_what_displaced_sessions_left_in_containers_is_ended_by_every_later_engine(
    tmp_path: Path,
) -> None:
    taken = ev.LockTaken(
        session="displaced",
        operator="ada",
        host="h",
        pid=7,
        since="2025-10-24T08:00:00.000Z",
        heartbeat="2025-10-24T08:00:00.000Z",
        how="killed",
        by="bo",
        reason="it hangs",
    )
    world = World(tmp_path).make()
    await world.begin()
    for locks in ((taken, structs.replace(taken, session="s")), ()):
        async with world.engine() as engine:
            engine.stop("at once")
            await engine.run(started(), begun=lambda: None, taken=locks)
        assert world.target.displaced == ("displaced",)
