"""Who holds a target, and `--take-over`: real engines, real locks, and no Docker engine."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.adapters.children import start_time
from runbook_app.adapters.demo import Demo
from runbook_app.cli import commands
from runbook_app.domain import events as ev
from runbook_app.engine.client import SessionClient
from tests.cli.test_verify import PLAN, home

pytestmark = pytest.mark.kill

__all__ = ["home"]

WHY = "its engine hangs"


@pytest.fixture
def target(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A target without a stack, where no Docker engine is to be found."""
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "compose.yml").write_text("services: {}\n")
    (folder / "motd").write_text("hello\n")
    (tmp_path / "motd.yaml").write_text(PLAN)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(doctor, "require", lambda *_: None)
    return folder


class Holder:
    """A session with an engine of its own that holds the target, and does nothing."""

    def __init__(self, target: Path) -> None:
        self.session: SessionClient = bootstrap.create_session(
            target.parent / "motd.yaml", target, {}
        )
        self.session.ensure_engine()
        self.session.refresh()
        assert self.session.state.engine is not None
        self.pid = self.session.state.engine.pid
        self.started = self.session.state.engine.pid_started

    @property
    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def hang(self) -> None:
        """Stop its process, three minutes ago."""
        os.kill(self.pid, signal.SIGSTOP)
        (details,) = (bootstrap.home() / "locks").iterdir()
        old = details.stat().st_mtime - 180
        os.utime(details, (old, old))

    def end(self) -> None:
        self.session.refresh()
        newest = self.session.state.engine
        if newest is not None and self.session.engine_alive():
            os.kill(newest.pid, signal.SIGKILL)
        if self.alive:
            os.kill(self.pid, signal.SIGKILL)
        self.session.close()


@pytest.fixture
def holder(target: Path) -> Iterator[Holder]:
    holder = Holder(target)
    yield holder
    holder.end()


def runbook(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments))


def run(*options: str) -> Result:
    return runbook("run", "motd.yaml", "--target", "target", "--yes", *options)


async def append(holder: Holder, event: ev.ChildStarted) -> None:
    await holder.session._journal.append(event)


def taken() -> ev.LockTaken:
    """What the newest session has on record of a lock that it took."""
    session = bootstrap.open_session(None, Path("target"), read_only=True)
    session.close()
    ((found, _),) = session.state.locks_taken
    return found


def test_a_second_driver_learns_who_where_since_when_and_the_last_heartbeat(holder: Holder) -> None:
    state = holder.session.state
    assert state.started is not None
    wanted = (
        f"Session {state.id} holds ",
        f"driven by {state.started.operator} on {state.started.host}, process {holder.pid}, since",
        "last heartbeat ",
        f"kill {holder.pid}",
    )
    for found in (run(), runbook("resume", "--target", "target", "--headless", "--yes")):
        assert found.exit_code == 4
        for words in wanted:
            assert words in found.stderr
    assert holder.alive
    assert [found.id for found in bootstrap.list_sessions()] == [state.id]


def test_a_hanging_driver_is_called_stale_and_taken_over_with_a_reason_on_record(
    holder: Holder, target: Path
) -> None:
    password = secrets.token_hex(12)
    (target / ".env").write_text(f"API_PASSWORD={password}\n")
    holder.hang()
    refused = run()
    assert refused.exit_code == 4
    assert "its engine has shown no life for 3m" in refused.stderr
    assert "--take-over REASON" in refused.stderr
    found = run("--take-over", f"  it hangs,\n\x1b[2J with {password} ")
    assert found.exit_code == 0, found.output
    assert not holder.alive
    record = taken()
    assert (record.session, record.pid) == (holder.session.id, holder.pid)
    assert (record.how, record.by) == ("killed", record.operator)
    assert record.reason == "it hangs, \x1b[2J with [secret:API_PASSWORD]"
    progress = next(target.glob("*PROGRESS*")).read_text()
    shown = [
        runbook("status", "--target", "target").output,
        runbook("report", "--target", "target").output,
        progress,
        found.output,
    ]
    for text in shown:
        assert "its engine killed" in text
        assert password not in text
        assert "\x1b" not in text


def test_without_a_reason_nobody_is_displaced(holder: Holder) -> None:
    for command in (("run", "motd.yaml"), ("resume",), ("rollback", "look")):
        for reason in ("", " \n", "--yes"):
            found = runbook(*command, "--target", "target", "--take-over", reason)
            assert found.exit_code == 2
            assert "say why" in found.stderr
    assert holder.alive


def test_a_driver_that_answers_stops_at_a_safe_point_first(holder: Holder) -> None:
    assert run("--take-over", WHY).exit_code == 0
    holder.session.refresh()
    assert holder.session.state.engine_stopped is not None
    assert taken().how == "stopped"


def test_a_session_s_own_engine_is_taken_over_by_resume(holder: Holder) -> None:
    holder.hang()
    found = runbook("resume", "--target", "target", "--headless", "--yes", "--take-over", WHY)
    assert found.exit_code == 0, found.output
    assert not holder.alive
    record = taken()
    assert (record.session, record.how, record.reason) == (holder.session.id, "killed", WHY)
    holder.session.refresh()
    assert holder.session.state.epoch == 2


def test_a_rollback_takes_over_and_ends_its_engine_with_it(holder: Holder) -> None:
    holder.hang()
    found = runbook("rollback", "look", "--target", "target", "--yes", "--take-over", WHY)
    assert not holder.alive
    assert taken().reason == WHY
    holder.session.refresh()
    assert holder.session.state.engine is None, found.output


def test_what_a_displaced_engine_left_at_work_is_ended(holder: Holder) -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    left = ev.ChildStarted(
        pid=child.pid, pid_started=start_time(child.pid) or "", argv=("sleep", "60")
    )
    asyncio.run(append(holder, left))
    holder.hang()
    try:
        assert run("--take-over", WHY).exit_code == 0
        assert child.poll() == -signal.SIGTERM
    finally:
        child.kill()
        child.wait()


def test_the_lock_of_a_driver_that_has_died_is_had_and_that_is_on_record(holder: Holder) -> None:
    os.kill(holder.pid, signal.SIGKILL)
    while holder.alive:
        pass
    assert run().exit_code == 0
    record = taken()
    assert (record.session, record.pid) == (holder.session.id, holder.pid)
    assert (record.how, record.reason) == ("ended", "")
    status = runbook("status", "--target", "target").output
    assert "whose process had ended" not in status, "nothing that needs attention"


@pytest.fixture
def removed(holder: Holder, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the engine was alive when the demo was taken away; empty while it is there."""
    found: list[bool] = []
    monkeypatch.setattr(Demo, "remove", lambda _: found.append(holder.alive))
    return found


def test_the_engine_of_a_demo_ends_before_it_is_removed(
    holder: Holder, removed: list[bool]
) -> None:
    done = runbook("demo", "target", "--remove")
    assert done.exit_code == 0, done.output
    assert (
        f"Ending the engine of session {holder.session.id} at its next safe point." in done.output
    )
    assert removed == [False]


def test_a_demo_whose_engine_does_not_end_stays(
    holder: Holder, removed: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_app.cli.demo.PATIENCE", 0.5)
    os.kill(holder.pid, signal.SIGSTOP)
    done = runbook("demo", "target", "--remove")
    assert done.exit_code == 2
    assert f"still works on the demo, pid {holder.pid}" in done.output
    assert removed == []
