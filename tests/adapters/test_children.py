"""Children are journaled before they act, and nothing of them is left behind."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from runbook_app.adapters import children as module
from runbook_app.adapters.children import Children, start_time
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.domain.events import ChildEnded, ChildStarted

STAND_IN = Path(__file__).with_name("engine_stand_in.py")


@pytest.fixture
def events() -> list[ChildStarted | ChildEnded]:
    return []


@pytest.fixture
def children(events) -> Children:
    async def record(event: ChildStarted | ChildEnded) -> None:
        events.append(event)

    return Children(record)


async def until(condition, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.01)


def pid_in(file: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(file.read_text())
    return 0


async def test_both_streams_input_and_exit_code_come_back(children, tmp_path):
    script = "cat; echo wrong >&2; exit 3"
    result = await children.run(["sh", "-c", script], cwd=tmp_path, stdin=b"in\n" * 50_000)
    assert (result.exit_code, result.stderr) == (3, b"wrong\n")
    assert result.stdout == b"in\n" * 50_000


async def test_a_command_that_reads_nothing_gets_its_input_without_an_error(children, tmp_path):
    assert (await children.run(["true"], cwd=tmp_path, stdin=b"x" * 1_000_000)).ok


async def test_the_start_is_journaled_before_the_command_acts(tmp_path):
    seen = []

    async def record(event):
        seen.append((type(event), (tmp_path / "mark").exists()))

    await Children(record).run(["touch", "mark"], cwd=tmp_path)
    assert seen == [(ChildStarted, False), (ChildEnded, True)]


async def test_a_command_whose_start_can_not_be_journaled_never_acts(tmp_path):
    started = []

    async def record(event):
        started.append(event.pid)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        await Children(record).run(["touch", "mark"], cwd=tmp_path)
    assert not (tmp_path / "mark").exists()
    assert start_time(started[0]) is None


async def test_the_journal_names_pid_start_time_and_exit_code(children, events, tmp_path):
    await children.run(["sh", "-c", "echo $$ > pid; exit 7"], cwd=tmp_path, item="i", step="i.s")
    started, ended = events
    assert started.pid == pid_in(tmp_path / "pid")
    assert int(started.pid_started) > 0
    assert (started.item, started.step) == ("i", "i.s")
    assert (ended.pid, ended.pid_started) == (started.pid, started.pid_started)
    assert ended.exit_code == 7


async def test_a_reading_command_can_stay_out_of_the_journal(children, events, tmp_path):
    await children.run(["true"], cwd=tmp_path, journaled=False)
    assert events == []


async def test_a_missing_program_is_named_with_what_to_do(children, events, tmp_path):
    with pytest.raises(EnvironmentLacks, match="no-such-program") as caught:
        await children.run(["no-such-program"], cwd=tmp_path)
    assert "Install" in caught.value.hint
    assert events == []


async def test_variables_are_added_and_removed(children, tmp_path, monkeypatch):
    monkeypatch.setenv("OLD", "1")
    result = await children.run(
        ["sh", "-c", 'echo "$NEW ${OLD-gone}"'],
        cwd=tmp_path,
        environment={"NEW": "2", "OLD": None},
    )
    assert result.text == "2 gone\n"


async def test_the_log_gets_whole_lines_as_they_come(children, tmp_path):
    lines: list[bytes] = []
    script = "printf half; echo err >&2; sleep 0.05; echo ' done'; printf last"
    await children.run(["sh", "-c", script], cwd=tmp_path, log=lines.append)
    assert sorted(lines) == [b"err\n", b"half done\n", b"last"]


async def test_time_over_ends_the_whole_group(children, tmp_path):
    script = "sleep 100 & echo $! > inner; echo $$ > outer; wait"
    with pytest.raises(ActionError, match="did not end within"):
        await children.run(["sh", "-c", script], cwd=tmp_path, timeout=timedelta(seconds=0.3))
    assert start_time(pid_in(tmp_path / "outer")) is None
    assert start_time(pid_in(tmp_path / "inner")) is None


async def test_a_child_that_ignores_sigterm_is_killed(children, events, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.2)
    script = "trap '' TERM; while :; do sleep 0.05; done"
    with pytest.raises(ActionError):
        await children.run(["sh", "-c", script], cwd=tmp_path, timeout=timedelta(seconds=0.2))
    assert events[-1].exit_code == -signal.SIGKILL


async def test_a_cancelled_run_comes_back_only_when_the_child_has_ended(children, events, tmp_path):
    script = (
        "trap 'sleep 0.3; touch tidied; exit 0' TERM; echo $$ > pid; while :; do sleep 0.02; done"
    )
    task = asyncio.create_task(children.run(["sh", "-c", script], cwd=tmp_path))
    await until(lambda: pid_in(tmp_path / "pid"))
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()  # a second time, while it is ending
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (tmp_path / "tidied").exists()
    assert isinstance(events[-1], ChildEnded)
    assert start_time(pid_in(tmp_path / "pid")) is None


async def test_a_child_of_the_child_does_not_stay_behind(children, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.2)
    result = await children.run(["sh", "-c", "sleep 100 & echo $! > inner"], cwd=tmp_path)
    assert result.ok
    assert start_time(pid_in(tmp_path / "inner")) is None


def stand_in(folder: Path, *command: str, **variables: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, **variables}
    return subprocess.Popen([sys.executable, STAND_IN, folder, *command], env=environment)


def leader(folder: Path, *command: str) -> subprocess.Popen[bytes]:
    """A process that leads a group, and is no child of `Children`."""
    return subprocess.Popen(command, cwd=folder, start_new_session=True)


async def test_a_child_dies_with_the_engine(tmp_path):
    with stand_in(tmp_path, "sh", "-c", "echo $$ > pid; exec sleep 100") as engine:
        await until(lambda: pid_in(tmp_path / "pid"))
        engine.kill()
    await until(lambda: start_time(pid_in(tmp_path / "pid")) is None)


async def test_without_setpriv_a_child_dies_with_the_engine_too(tmp_path):
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("sh", "sleep"):
        (tools / name).symlink_to(shutil.which(name) or "")
    with stand_in(tmp_path, "sh", "-c", "echo $$ > pid; exec sleep 100", PATH=str(tools)) as engine:
        await until(lambda: pid_in(tmp_path / "pid"))
        engine.kill()
    await until(lambda: start_time(pid_in(tmp_path / "pid")) is None)


async def test_an_engine_killed_before_the_go_leaves_a_child_that_never_acts(tmp_path):
    with stand_in(tmp_path, "touch", "mark", HANG="1") as engine:
        await until(lambda: (tmp_path / "journal").exists() and (tmp_path / "journal").read_text())
        pid = int((tmp_path / "journal").read_text().split()[1])
        engine.kill()
    await until(lambda: start_time(pid) is None)
    assert not (tmp_path / "mark").exists()


async def test_a_survivor_is_ended_with_its_group(children, tmp_path):
    """The leader died with the engine, a child of it did not."""
    script = "sleep 100 & echo $! > inner; echo $$ > outer; wait"
    with stand_in(tmp_path, "sh", "-c", script) as engine:
        await until(lambda: pid_in(tmp_path / "outer"))
        engine.kill()
    _, pid, started = (tmp_path / "journal").read_text().split()
    await until(lambda: start_time(int(pid)) is None)
    assert start_time(pid_in(tmp_path / "inner")) is not None

    assert await children.end_survivor(int(pid), started)
    assert start_time(pid_in(tmp_path / "inner")) is None
    assert not await children.end_survivor(int(pid), started)


async def test_a_survivor_that_ignores_sigterm_is_killed(children, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "GRACE", 0.2)
    script = "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done"
    with leader(tmp_path, "sh", "-c", script) as survivor:
        await until(lambda: pid_in(tmp_path / "pid"))
        assert await children.end_survivor(survivor.pid, start_time(survivor.pid) or "")
        assert survivor.wait() == -signal.SIGKILL


async def test_another_process_of_the_same_number_is_not_touched(children, tmp_path):
    with leader(tmp_path, "sleep", "100") as stranger:
        assert not await children.end_survivor(stranger.pid, "1")
        assert stranger.poll() is None
        stranger.kill()


async def test_a_group_of_others_that_has_lost_its_leader_is_not_touched(children, tmp_path):
    with leader(tmp_path, "sh", "-c", "sleep 100 & echo $! > inner") as gone:
        gone.wait()
    inner = pid_in(tmp_path / "inner")
    assert not await children.end_survivor(gone.pid, "1")
    assert start_time(inner) is not None
    os.kill(inner, signal.SIGKILL)


def test_start_time_tells_processes_of_one_number_apart():
    assert start_time(os.getpid()) == start_time(os.getpid())
    assert start_time(2**22 + 1) is None
