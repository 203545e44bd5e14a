"""An engine process killed by SIGKILL at every named point ends where an undisturbed one does.

The matrix is the fast one: files, journal, captures and children are real, containers are not
there. Kills on the real stack are in `tests/real`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from runbook_app.adapters.children import start_time
from runbook_app.domain import commands as cmd
from runbook_app.domain.state import ItemStatus, StepStatus
from runbook_app.testing.crash import VARIABLE

from .world import SCORED, World, plan_of, step, until

pytestmark = pytest.mark.kill

STEP_POINTS = [
    f"{point}:{step}"
    for step in ("first.new", "first.base", "first.more", "second.base")
    for point in ("started", "applied", "effect")
]
POINTS = [
    *STEP_POINTS,
    "captured:first:1",
    "captured:first.new:2",
    "captured:first.base:3",
    "captured:first.more:4",
    "captured:second.base:1",
    "written:sub/new.txt",
    "half:base.txt",
    "half:base.txt#2",
    "half:base.txt#3",
    "checkpoint:first",
    "verified:first",
    "checkpoint:second",
    "verified:second",
]
ROLLBACK_POINTS = [
    "restored:first:base.txt",
    "restored:first:sub/new.txt",
    "restored:second:base.txt",
]


async def engine_process(
    world: World, crash_at: str = "", child: tuple[str, ...] = ()
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.engine.process",
        str(world.base),
        *child,
        env={**os.environ, VARIABLE: crash_at},
        cwd=Path(__file__).parents[2],
    )


async def drive(world: World, process: asyncio.subprocess.Process, *commands) -> None:
    """Send commands and confirm what is asked until nothing is left, or the engine is dead."""
    client = world.client()
    ended = asyncio.create_task(process.wait())
    epoch = client.state.epoch
    try:
        while client.state.epoch == epoch and not ended.done():
            await client.changes(0.1)
        for kind, fields in commands:
            await client.send(kind, **fields)
        while not ended.done():
            await client.changes(0.1)
            state = client.state
            if state.question:
                asked = state.question.id
                await client.send(cmd.AnswerQuestion, question=asked, answer="yes")
                await until_or(ended, client, lambda a=asked: not a_open(client, a))
            elif not state.commands and idle(state):
                await client.send(cmd.Stop)
                await ended
    finally:
        ended.cancel()
        client.close()


def a_open(client, question: str) -> bool:
    return client.state.question is not None and client.state.question.id == question


async def until_or(ended: asyncio.Task[int], client, holds_now) -> None:
    while not ended.done() and not holds_now():
        await client.changes(0.1)


def idle(state) -> bool:
    rolling = any(i.status is ItemStatus.ROLLING_BACK for i in state.items.values())
    return not state.intent.active and not rolling and state.running_step is None


RUN = (cmd.Run, {"auto": True, "unattended": True})
CHILD = ("sleep", "300")
BACK = (cmd.RollBackItem, {"item": "first", "with_dependents": True})


@pytest.fixture
async def undisturbed(tmp_path_factory) -> dict[str, tuple[int, bytes]]:
    world = World(tmp_path_factory.mktemp("undisturbed")).make()
    await world.begin()
    await drive(world, await engine_process(world), RUN)
    return world.files()


async def check_whole(world: World) -> None:
    client = world.client(read_only=True)
    assert client._journal.verify() is None
    assert all(step.status is not StepStatus.UNKNOWN for step in client.state.steps())
    assert client.state.children == {}
    client.close()


@pytest.mark.parametrize("point", POINTS)
async def test_a_killed_run_resumes_to_the_state_of_an_undisturbed_one(
    tmp_path: Path, undisturbed, point: str
) -> None:
    world = World(tmp_path).make()
    await world.begin()
    process = await engine_process(world, point)
    await drive(world, process, RUN)
    assert process.returncode == -signal.SIGKILL
    await drive(world, await engine_process(world), RUN)
    assert world.files() == undisturbed
    await check_whole(world)


@pytest.mark.parametrize("point", ROLLBACK_POINTS)
async def test_a_killed_rollback_goes_on_by_itself(tmp_path: Path, point: str) -> None:
    world = World(tmp_path).make()
    before = world.files()
    await world.begin()
    await drive(world, await engine_process(world), RUN)
    process = await engine_process(world, point)
    await drive(world, process, BACK)
    assert process.returncode == -signal.SIGKILL
    await drive(world, await engine_process(world), BACK)
    assert world.files() == before
    await check_whole(world)


@pytest.mark.parametrize("point", ["scored:base", "scored:odd"])
async def test_a_score_that_a_kill_cut_short_is_measured_from_its_start(
    tmp_path: Path, point: str
) -> None:
    world = World(tmp_path, SCORED).make()
    await world.begin()
    process = await engine_process(world, point, child=("score",))
    await drive(world, process, RUN)
    assert process.returncode == -signal.SIGKILL
    await drive(world, await engine_process(world, child=("score",)), RUN)
    client = world.client(read_only=True)
    (taken,) = client.state.scores
    assert (taken.started.moment, len(taken.checks)) == ("before", 5)
    assert {c.points for c in taken.checks if c.check == "new"} == {0}
    client.close()
    await check_whole(world)


async def test_a_recheck_that_a_kill_cut_short_says_so_and_counts_for_nothing(
    tmp_path: Path,
) -> None:
    world = World(tmp_path).make()
    await world.begin()
    await drive(world, await engine_process(world), RUN)
    (world.root / "sub" / "new.txt").unlink()
    process = await engine_process(world, "rechecked:new-is-there")
    client = world.client()
    await until(client, lambda: client.state.epoch == 2)
    await client.send(cmd.Recheck)
    assert await process.wait() == -signal.SIGKILL
    process = await engine_process(world)
    await until(client, lambda: client.state.recheck is not None and client.state.recheck.over)
    assert "cut short" in client.state.recheck.abandoned.reason
    assert client.state.items["first"].drifted == []
    await client.send(cmd.Recheck)
    await until(client, lambda: client.state.recheck.finished is not None)
    assert [line.id for line in client.state.items["first"].drifted] == ["new-is-there"]
    await client.send(cmd.Stop)
    assert await process.wait() == 0
    client.close()


async def test_a_child_dies_with_its_engine_and_its_end_is_recorded(tmp_path: Path) -> None:
    world = World(tmp_path, plan_of(step("only.a", "child", argv=CHILD))).make()
    await world.begin()
    process = await engine_process(world, child=CHILD)
    client = world.client()
    await until(client, lambda: client.state.epoch == 1)
    await client.send(cmd.Run, auto=True)
    await until(client, lambda: bool(client.state.children))
    (child,) = client.state.children.values()
    process.kill()
    await process.wait()
    async with asyncio.timeout(10):
        while start_time(child.pid) == child.pid_started:
            await asyncio.sleep(0.02)
    client.close()
    again = await engine_process(world, child=("true",))
    await drive(world, again, RUN)
    await check_whole(world)
