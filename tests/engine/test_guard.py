"""A step that can lock people out reverts by itself unless it is confirmed, whoever is dead.

Engines, guards, checks and kills are real processes; the target is a folder.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import os
import signal
import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.adapters.children import start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.domain import commands as cmd
from runbook_app.domain.guard import Moment
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import GuardState, ItemStatus, StepStatus
from runbook_app.engine import confirming
from runbook_app.engine.client import SessionClient
from runbook_app.headless.confirm import ConfirmDriver
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.printer import LinePrinter
from runbook_app.testing.crash import VARIABLE

from .world import World, plan_of, step, told, until

pytestmark = pytest.mark.kill

SOON = timedelta(seconds=1)
LATER = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _often(monkeypatch) -> None:
    monkeypatch.setattr(confirming, "AGAIN", 0.1)


def guarded(within: timedelta, action: str = "write", **parameters: object) -> Plan:
    parameters = parameters or {"path": "sub/new.txt", "text": "new\n"}
    first = replace(step("only.a", action, **parameters), confirm_within=within)
    return plan_of(first, step("only.b", "append", path="base.txt", line="one"))


async def begin(base: Path, plan: Plan) -> World:
    world = World(base, plan).make()
    world.keep_plan()
    await world.begin()
    return world


def guard_of(client: SessionClient) -> GuardState:
    guard = client.state.items["only"].guard
    assert guard is not None
    return guard


def asked(client: SessionClient) -> bool:
    question = client.state.question
    return question is not None and question.kind == "guarded"


def counts(client: SessionClient) -> bool:
    guard = client.state.items["only"].guard
    return guard is not None and guard.counting is not None


def reverted(client: SessionClient) -> bool:
    return client.state.items["only"].status is ItemStatus.ROLLED_BACK


async def gone(pid: int, started: str) -> None:
    async with asyncio.timeout(30):
        while start_time(pid) == started:
            await asyncio.sleep(0.02)


async def kill(pid: int) -> None:
    started = start_time(pid)
    assert started
    os.kill(pid, signal.SIGKILL)
    await gone(pid, started)


async def crash(world: World, point: str) -> SessionClient:
    """Have an engine run into a crash point, in a process of its own."""
    client = world.client()
    engine = world.start_engine(**{VARIABLE: point})
    await until(client, lambda: client.state.epoch == 1)
    await client.send(cmd.Run, auto=True)
    try:
        assert await asyncio.to_thread(engine.wait, 60) == -signal.SIGKILL
    finally:
        engine.kill()
    client.refresh()
    return client


def check_reverted(world: World, client: SessionClient, before: object) -> None:
    rollback = client.state.items["only"].rollback
    assert rollback is not None
    assert rollback.proven
    assert world.files() == before
    started = client.state.items["only"].rollback_started
    assert started is not None
    assert started.reason.startswith("not confirmed within 1 s")


async def test_confirmed_in_time_it_stays_and_the_guard_goes(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.until(lambda: asked(session.client))
        armed = guard_of(session.client).armed
        assert start_time(armed.pid) == armed.pid_started
        assert session.state.step("only.b").status is StepStatus.PENDING
        await session.confirm()
        await session.idle()
        confirmed = session.state.step("only.a").confirmed
        assert (confirmed.how, confirmed.assumed) == ("answered on a screen", False)
        assert session.state.items["only"].status is ItemStatus.SUCCEEDED
        await gone(armed.pid, armed.pid_started)
    assert (world.root / "sub/new.txt").read_text() == "new\n"


async def test_the_guard_is_on_record_before_the_step_changes_anything(tmp_path) -> None:
    world = await begin(tmp_path, guarded(SOON))
    before = world.files()
    client = await crash(world, "before:GuardArmed")
    assert world.files() == before
    assert client.state.guarded is None
    client.close()


@pytest.mark.parametrize("point", ["half:base.txt", "after:GuardCounting"])
async def test_with_engine_and_screen_killed_the_guard_alone_reverts(tmp_path, point) -> None:
    world = await begin(tmp_path, guarded(SOON, "append", path="base.txt", line="locked"))
    before = world.files()
    client = await crash(world, point)
    armed = guard_of(client).armed
    assert os.getsid(armed.pid) == armed.pid
    await until(client, lambda: reverted(client), seconds=60)
    check_reverted(world, client, before)
    assert client.state.epoch == 2
    await gone(armed.pid, armed.pid_started)
    await until(client, lambda: client.state.engine is None)
    client.close()


async def test_unconfirmed_it_is_reverted_by_the_engine_that_runs(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(SOON))
    before = world.files()
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.until(lambda: reverted(session.client))
        check_reverted(world, session.client, before)
        assert session.state.epoch == 1
        assert session.state.items["only"].rollback_started.by == "guard"


@pytest.mark.parametrize("appending", [False, True], ids=["between appends", "while it appends"])
async def test_an_engine_that_hangs_is_ended_before_another_reverts(tmp_path, appending) -> None:
    world = await begin(tmp_path, guarded(timedelta(seconds=4)))
    before = world.files()
    client = world.client()
    engine = world.start_engine()
    await until(client, lambda: client.state.epoch == 1)
    await client.send(cmd.Run, auto=True)
    await until(client, lambda: asked(client))
    with sqlite3.connect(world.folder / "journal.db") as journal:
        if appending:
            journal.execute("BEGIN IMMEDIATE")
        engine.send_signal(signal.SIGSTOP)
        try:
            await asyncio.to_thread(engine.wait, 60)
            assert engine.poll() == -signal.SIGKILL
        finally:
            engine.kill()
    journal.close()
    await until(client, lambda: reverted(client))
    assert client.state.epoch == 2
    assert world.files() == before
    await until(client, lambda: client.state.engine is None)
    client.close()


async def test_a_guard_that_is_killed_is_followed_by_another_with_the_same_end(
    driven, tmp_path
) -> None:
    world = await begin(tmp_path, guarded(LATER))
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.until(lambda: asked(session.client))
        first = guard_of(session.client)
        killed, ends = first.armed.pid, first.counting.ends
        await kill(killed)
        await session.until(lambda: guard_of(session.client).armed.pid != killed)
        again = guard_of(session.client)
        assert (again.armed.again, again.counting.ends) == (confirming.LOST, ends)
        await session.confirm()
        await session.until(lambda: session.state.guarded is None)


async def test_with_the_guard_killed_too_the_next_engine_arms_another(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    client = await crash(world, "after:QuestionAsked")
    first = guard_of(client)
    await kill(first.armed.pid)
    client.close()
    async with driven(world.plan, world=world, epoch=2) as session:
        await session.until(lambda: guard_of(session.client).armed.pid != first.armed.pid)
        assert guard_of(session.client).counting == first.counting
        await session.until(lambda: asked(session.client))
        await session.confirm()
        await session.until(lambda: session.state.step("only.a").confirmed)


class Hours(SystemClock):
    """Hours later by the machine's own clock, or only by the one on the wall."""

    def __init__(self, *, own: int = 0, wall: int = 0) -> None:
        self._own, self._wall = own, wall

    def now(self) -> datetime:
        return super().now() + timedelta(hours=self._wall)

    def moment(self) -> Moment:
        real = super().moment()
        return dataclasses.replace(real, seconds=real.seconds + self._own * 3600)


async def test_a_time_that_is_long_over_is_reverted_before_anything_else(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    before = world.files()
    client = await crash(world, "after:GuardCounting")
    client.close()
    await kill(guard_of(client).armed.pid)
    called = told(world.folder / "scratch")
    world.clock = Hours(own=1)
    async with driven(world.plan, world=world, epoch=2) as session:
        await session.until(lambda: reverted(session.client))
        assert session.state.items["only"].rollback.proven
        reason = session.state.items["only"].rollback_started.reason
        assert reason == "not confirmed within 10 min, and no guard left"
    assert told(world.folder / "scratch") == called
    assert world.files() == before


async def test_a_wall_clock_that_jumps_changes_nothing(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    client = await crash(world, "after:GuardCounting")
    client.close()
    await kill(guard_of(client).armed.pid)
    world.clock = Hours(wall=1)
    async with driven(world.plan, world=world, epoch=2) as session:
        await session.until(lambda: guard_of(session.client).armed.again)
        assert session.client.reverts_in() > 0
        assert not reverted(session.client)
        await session.send(cmd.RollBackItem, item="only")
        await session.until(lambda: reverted(session.client))


async def test_a_check_that_fails_over_new_connections_confirms_nothing(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER, "lock", path="gate"))
    door = world.folder / "scratch" / "door"
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.until(lambda: session.state.guarded and guard_of(session.client).failed)
        assert "no new connection" in guard_of(session.client).failed.evidence
        assert session.state.question is None
        door.touch()
        await session.until(lambda: asked(session.client))
        door.unlink()
        await session.confirm()
        await session.until(lambda: guard_of(session.client).failed.by)
        assert session.state.step("only.a").confirmed is None
        door.touch()
        await session.until(lambda: asked(session.client))
        assert session.state.step("only.a").confirmed is None
        await session.confirm()
        await session.until(lambda: session.state.step("only.a").confirmed)
        await session.idle()


@pytest.mark.parametrize("point", ["after:StepSucceeded", "written:sub/new.txt"])
async def test_confirmed_from_a_new_shell_it_stays_though_the_engine_is_dead(
    tmp_path, point
) -> None:
    world = await begin(tmp_path, guarded(LATER))
    client = await crash(world, point)
    armed = guard_of(client).armed
    printer = LinePrinter(io.StringIO(), io.StringIO(), world.plan, colour=False)
    driver = ConfirmDriver(client, printer, "only.a", "runbook confirm", Interrupts())
    assert await driver.run() == 0
    assert client.state.step("only.a").confirmed.how == "runbook confirm"
    assert client.state.engine is None
    assert (world.root / "sub/new.txt").read_text() == "new\n"
    await gone(armed.pid, armed.pid_started)
    client.close()


async def test_no_reverts_at_once(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    before = world.files()
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.confirm("no")
        await session.until(lambda: reverted(session.client))
        assert "not confirmed" in session.state.items["only"].rollback_started.reason
    assert world.files() == before


async def test_a_step_whose_guard_does_not_come_up_does_not_begin(driven, tmp_path) -> None:
    world = await begin(tmp_path, guarded(LATER))
    before = world.files()
    (tmp_path / "plan").unlink()
    async with driven(world.plan, world=world) as session:
        await session.run()
        await session.idle()
        assert "did not come up" in session.state.step("only.a").error
        assert session.state.guarded is None
    assert world.files() == before
