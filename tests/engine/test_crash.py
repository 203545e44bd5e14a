"""A child of an engine that is killed from outside. All other kills are in the matrix."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from runbook_app.adapters.children import start_time
from runbook_app.domain import commands as cmd
from runbook_app.domain.state import ItemStatus

from .world import World, plan_of, step, until

pytestmark = pytest.mark.kill


async def engine_process(world: World, *child: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.engine.process",
        str(world.base),
        *child,
        cwd=Path(__file__).parents[2],
    )


async def test_a_child_dies_with_its_engine_and_its_end_is_recorded(tmp_path: Path) -> None:
    child = ("sleep", "300")
    world = World(tmp_path, plan_of(step("only.a", "child", argv=child))).make()
    await world.begin()
    process = await engine_process(world, *child)
    client = world.client()
    await until(client, lambda: client.state.epoch == 1)
    await client.send(cmd.Run, auto=True)
    await until(client, lambda: bool(client.state.children))
    (running,) = client.state.children.values()
    process.kill()
    await process.wait()
    async with asyncio.timeout(10):
        while start_time(running.pid) == running.pid_started:
            await asyncio.sleep(0.02)
    again = await engine_process(world, "true")
    await until(client, lambda: client.state.epoch == 2)
    await client.send(cmd.Run, auto=True, unattended=True)
    await until(client, lambda: client.state.items["only"].status is ItemStatus.SUCCEEDED)
    await client.send(cmd.Stop)
    assert await again.wait() == 0
    client.refresh()
    assert client._journal.verify() is None
    assert client.state.children == {}
    client.close()
