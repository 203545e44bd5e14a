"""The machine's clock is set off an hour while a step runs: no time is counted by it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import commands as cmd
from runbook_app.domain.clock import to_text
from runbook_app.domain.state import ItemStatus, StepStatus
from runbook_app.domain.status import report_lines, status_report

from .world import World, plan_of, run_engine, step, until

WAIT = "touch {ready}; while [ ! -e {go} ]; do sleep 0.05; done"
HOUR = timedelta(hours=1)


class SettableClock(SystemClock):
    """The machine's clock, as far as it was set off."""

    def __init__(self) -> None:
        self.off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_step_takes_as_long_as_it_took(tmp_path: Path, jump: timedelta) -> None:
    go, ready = tmp_path / "go", tmp_path / "ready"
    argv = ["sh", "-c", WAIT.format(go=go, ready=ready)]
    steps = (step("only.a", "child", argv=argv), step("only.b", "write", path="b", text="b"))
    world = World(tmp_path, plan_of(*steps)).make()
    clock = world.clock = SettableClock()
    await world.begin()
    client = world.client()
    async with world.engine() as engine:
        running = asyncio.create_task(run_engine(engine, 1))
        await until(client, lambda: client.state.epoch == 1)
        await client.send(cmd.Run, auto=True)
        await until(client, ready.exists)
        clock.off = jump
        go.touch()
        await until(client, lambda: client.state.items["only"].status is ItemStatus.SUCCEEDED)
        engine.stop("done")
        await running
    state = client.state
    client.close()
    for each in ("only.a", "only.b"):
        assert state.step(each).status is StepStatus.SUCCEEDED
        assert 0 <= state.step(each).seconds("") < HOUR.total_seconds() / 2
    told = report_lines(status_report(state, world.plan, to_text(clock.now())))
    assert not [line for line in told if "(-" in line or "(1h" in line], told
    journal = SqliteJournal(world.folder / "journal.db", clock, read_only=True)
    assert journal.verify() is None
    journal.close()
