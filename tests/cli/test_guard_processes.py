"""The program's own guard and check, as the processes that an engine starts."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from actions.secrets import create_tests
from runbook_app import bootstrap
from runbook_app.adapters.children import Children, forget, start_time
from runbook_app.adapters.demo import Demo
from runbook_app.adapters.guards import DetachedGuards
from runbook_app.cli import commands
from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Progress
from runbook_app.engine.client import SessionClient
from runbook_app.testing.run import FakeTarget
from tests.cli.test_done_before import tell

pytestmark = pytest.mark.kill

STEP = "code.tests"
PLAN = """\
plan: code
title: Code
version: "1"
target: {compose: compose.yml}
items:
  - id: code
    number: 1
    title: Code
    checkpoint: [{confirm: Ready}]
    rollback: captures
    steps:
      - id: tests
        title: Write tests
        action: secrets.create_tests
        with: {path: test_secrets.py}
        confirm_within: 10m
"""


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionClient]:
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "compose.yml").write_text("services: {}\n")
    (tmp_path / "code.yaml").write_text(PLAN)
    session = bootstrap.create_session(tmp_path / "code.yaml", target, {})
    yield session
    session.close()


def guards(folder: Path) -> DetachedGuards:
    return DetachedGuards(
        folder,
        Children(forget),
        guard=[sys.executable, "-m", "runbook_app.processes.guard", str(folder)],
        check=[sys.executable, "-m", "runbook_app.processes.check", str(folder)],
    )


async def gone(pid: int, started: str) -> None:
    async with asyncio.timeout(60):
        while start_time(pid) == started:
            await asyncio.sleep(0.02)


async def test_the_check_of_a_step_is_asked_in_a_new_process(session, tmp_path) -> None:
    ours = guards(session.folder)
    found = await ours.check("code", STEP, timedelta(minutes=1))
    assert found.progress is Progress.NOT_DONE
    made = FakeTarget(tmp_path / "target")
    await made.apply(create_tests, path="test_secrets.py")
    written = made.folder / "test_secrets.py"
    written.rename(tmp_path / "target" / written.name)
    assert (await ours.check("code", STEP, timedelta(minutes=1))).progress is Progress.DONE


async def test_a_check_that_can_t_be_run_says_why(session) -> None:
    with pytest.raises(ActionError, match="KeyError"):
        await guards(session.folder).check("code", "code.none", timedelta(minutes=1))


async def test_a_guard_that_is_not_on_record_ends(session) -> None:
    guard = await guards(session.folder).start()
    assert start_time(guard.pid) == guard.pid_started
    guard.release()
    await gone(guard.pid, guard.pid_started)


async def test_the_guard_of_a_demo_ends_before_it_is_taken_away(
    session, tmp_path, monkeypatch
) -> None:
    removed: list[str | None] = []
    guard = await guards(session.folder).start()
    monkeypatch.setattr(Demo, "remove", lambda _: removed.append(start_time(guard.pid)))
    armed = ev.GuardArmed(
        item="code", step=STEP, within=600, pid=guard.pid, pid_started=guard.pid_started
    )
    await asyncio.to_thread(tell, session.folder, armed)
    guard.release()
    words = ["demo", str(tmp_path / "target"), "--remove"]
    done = await asyncio.to_thread(CliRunner().invoke, commands, words)
    assert done.exit_code == 0, done.output
    assert f"Ended the guard that would have reverted step {STEP}." in done.output
    assert len(removed) == 1
    assert removed[0] != guard.pid_started


@pytest.mark.parametrize(
    "over",
    [
        ev.StepConfirmed(item="code", step=STEP, by="op", how="on the screen"),
        ev.GuardArmed(item="code", step=STEP, within=600, pid=1, pid_started="0"),
        ev.RollbackFinished(item="code", proven=True),
    ],
    ids=["confirmed", "another stands", "rolled back"],
)
async def test_a_guard_on_record_stands_without_an_engine_as_long_as_it_is_needed(
    session, over
) -> None:
    guard = await guards(session.folder).start()
    armed = ev.GuardArmed(
        item="code", step=STEP, within=600, pid=guard.pid, pid_started=guard.pid_started
    )
    await asyncio.to_thread(tell, session.folder, armed)
    guard.release()
    async with asyncio.timeout(60):
        while session.reverts_in() is None:
            await session.changes(0.1)
    assert start_time(guard.pid) == guard.pid_started
    await asyncio.to_thread(tell, session.folder, over)
    await gone(guard.pid, guard.pid_started)
