"""The driver's lock on a target."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_app.adapters import displacing
from runbook_app.adapters.displacing import end_holder
from runbook_app.adapters.lock import TargetLock
from runbook_app.domain.errors import EnvironmentLacks, LockedError
from runbook_app.testing.clock import FixedClock

ROOT = Path(__file__).parents[2]
STOPS = "signal.signal(signal.SIGTERM, lambda *_: (lock.release(), sys.exit(0)))"


class Later(FixedClock):
    """Two minutes on: whoever showed life just now is stale."""

    def __init__(self) -> None:
        super().__init__(datetime.now(UTC) + timedelta(minutes=2))


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def holder_process(
    target: Path, home: Path, then: str, *, beats: bool = True
) -> subprocess.Popen[str]:
    source = f"""
        import os, signal, subprocess, sys
        from pathlib import Path
        from runbook_app.adapters.lock import TargetLock

        lock = TargetLock(Path({str(target)!r}), Path({str(home)!r}))
        lock.acquire("20251024-080000-phase1-ab12", "ada", beats={beats})
        {then}
        print("held", flush=True)
        sys.stdin.read()
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(source)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_driver_learns_who_holds_it_where_since_when_and_what_to_do(target, home):
    clock = FixedClock()
    held = TargetLock(target, home, clock)
    held.acquire("20251024-080000-phase1-ab12", "ada", beats=True)
    clock.advance(4)
    with pytest.raises(LockedError) as caught:
        TargetLock(target, home, clock).acquire("other", "bob")
    held.release()
    said = str(caught.value)
    for words in ("20251024-080000-phase1-ab12", "ada", str(os.getpid()), os.uname().nodename):
        assert words in said
    assert "2025-10-24T08:00:00.000Z" in said
    assert "last heartbeat 4s ago, at 2025-10-24 08:00:00 UTC" in said
    assert "runbook attach 20251024-080000-phase1-ab12" in said
    assert caught.value.exit_code == 4


def test_a_heartbeat_is_written_at_most_every_ten_seconds_and_by_the_holder_alone(target, home):
    clock = FixedClock()
    held, other = TargetLock(target, home, clock), TargetLock(target, home, clock)
    held.acquire("one", "ada", beats=True)
    (details,) = (home / "locks").iterdir()
    begun = clock.now().timestamp()
    seen = []
    for beating in (held, held, other, held):
        clock.advance(6)
        beating.beat()
        seen.append(details.stat().st_mtime - begun)
    held.release()
    held.beat()
    assert seen == [0, 12, 12, 24]
    assert not details.exists()


def test_an_engine_without_a_heartbeat_for_a_minute_is_called_stale(target, home):
    clock = FixedClock()
    held = TargetLock(target, home, clock)
    held.acquire("one", "ada", beats=True)
    clock.advance(190)
    refusal = TargetLock(target, home, clock).refusal()
    assert "its engine has shown no life for 3m10s, since 2025-10-24 08:00:00 UTC" in str(refusal)
    assert "--take-over REASON" in str(refusal)
    held.beat()
    assert "no life" not in str(TargetLock(target, home, clock).refusal())
    held.release()
    assert TargetLock(target, home, clock).refusal() is None


def test_a_measurement_has_no_heartbeat_and_is_not_taken_over(target, home):
    process = holder_process(target, home, "", beats=False)
    with pytest.raises(LockedError, match="no engine") as caught:
        TargetLock(target, home, Later()).acquire("two", "bob", take_over=True)
    assert "no life" not in caught.value.message
    assert f"kill {process.pid}" in caught.value.hint
    assert process.poll() is None
    end(process)


def test_a_process_of_another_machine_is_not_taken_over(target, home):
    process = holder_process(target, home, "")
    (details,) = (home / "locks").iterdir()
    details.write_text(details.read_text().replace(os.uname().nodename, "host-b"))
    with pytest.raises(LockedError, match="host-b") as caught:
        TargetLock(target, home).acquire("two", "bob", take_over=True)
    assert "from another machine" in caught.value.message
    assert process.poll() is None
    end(process)


def test_a_holder_that_is_not_known_is_not_taken_over(target, home):
    process = holder_process(target, home / "other", "")
    with pytest.raises(LockedError, match="not recorded"):
        TargetLock(target, home).acquire("two", "bob", take_over=True)
    assert process.poll() is None
    end(process)


def test_a_number_that_belongs_to_another_process_by_now_is_not_signalled():
    process = subprocess.Popen(["sleep", "60"])
    assert end_holder(process.pid, "1", ask=True) == "ended"
    assert process.poll() is None
    process.kill()
    process.wait()
    assert end_holder(process.pid, "1", ask=True) == "ended"


def test_a_holder_that_answers_is_told_to_stop_and_gives_the_lock_back_itself(target, home):
    process = holder_process(target, home, STOPS)
    lock = TargetLock(target, home)
    before = lock.acquire("two", "bob", take_over=True)
    assert before is not None
    assert before.how == "stopped"
    assert before.holder.pid == process.pid
    assert process.wait() == 0
    process.communicate()
    lock.release()


def test_a_stopped_holder_is_killed_and_the_lock_had_when_it_has_ended(target, home):
    process = holder_process(target, home, STOPS)
    process.send_signal(signal.SIGSTOP)
    with pytest.raises(LockedError, match="no life"):
        TargetLock(target, home, Later()).acquire("two", "bob")
    lock = TargetLock(target, home, Later())
    before = lock.acquire("two", "bob", take_over=True)
    assert before is not None
    assert before.how == "killed"
    assert (before.holder.session, before.holder.operator) == ("20251024-080000-phase1-ab12", "ada")
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    lock.release()


def test_a_holder_that_reaches_no_safe_point_in_time_is_killed(target, home, monkeypatch):
    monkeypatch.setattr(displacing, "PATIENCE", 0.1)
    process = holder_process(target, home, "signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    lock = TargetLock(target, home)
    before = lock.acquire("two", "bob", take_over=True)
    assert before is not None
    assert before.how == "killed"
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    lock.release()


def test_a_released_lock_can_be_taken_and_leaves_no_details(target, home):
    first, second = TargetLock(target, home), TargetLock(target, home)
    first.acquire("one", "ada")
    first.acquire("one", "ada")
    first.release()
    first.release()
    assert list((home / "locks").iterdir()) == []
    assert second.acquire("two", "bob") is None
    second.release()


def test_the_target_gets_no_file_and_the_details_are_private(target, home):
    lock = TargetLock(target, home)
    lock.acquire("one", "ada")
    (details,) = (home / "locks").iterdir()
    status = target.stat()
    assert list(target.iterdir()) == []
    assert details.name == f"{status.st_dev}-{status.st_ino}.json"
    assert details.stat().st_mode & 0o777 == 0o600
    assert (home / "locks").stat().st_mode & 0o777 == 0o700
    assert json.loads(details.read_text())["pid"] == os.getpid()
    lock.release()


def test_two_names_of_one_folder_are_one_target(target, home):
    link = target.parent / "link"
    link.symlink_to(target)
    held = TargetLock(target, home)
    held.acquire("one", "ada")
    with pytest.raises(LockedError):
        TargetLock(link, home).acquire("two", "bob")
    held.release()


def test_another_state_folder_does_not_get_around_the_lock(target, home):
    held = TargetLock(target, home)
    held.acquire("one", "ada")
    with pytest.raises(LockedError, match="not recorded"):
        TargetLock(target, home / "other").acquire("two", "bob")
    held.release()


def test_a_living_process_keeps_the_lock_and_a_killed_one_loses_it(target, home):
    process = holder_process(target, home, "")
    with pytest.raises(LockedError, match=f"process {process.pid}"):
        TargetLock(target, home).acquire("two", "bob")
    end(process)
    lock = TargetLock(target, home)
    before = lock.acquire("two", "bob")
    assert before is not None
    assert (before.holder.pid, before.how) == (process.pid, "ended")
    lock.release()


def test_a_child_that_outlives_the_holder_does_not_hold_the_lock(target, home):
    process = holder_process(
        target, home, 'print(subprocess.Popen(["sleep", "60"]).pid, file=sys.stderr, flush=True)'
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    process.kill()
    process.wait()
    lock = TargetLock(target, home)
    try:
        assert len(children) == 1
        lock.acquire("two", "bob")
    finally:
        os.kill(int(children[0]), 9)
        process.communicate()
        lock.release()


def test_details_of_a_dead_holder_are_not_believed(target, home):
    end(holder_process(target, home, ""))
    held = TargetLock(target, home)
    descriptor = os.open(target, os.O_RDONLY)
    assert held.holder(descriptor) is None
    (details,) = (home / "locks").iterdir()
    details.write_text("no JSON")
    assert held.holder(descriptor) is None
    os.close(descriptor)


def test_a_target_that_is_not_there_is_named(tmp_path, home):
    with pytest.raises(EnvironmentLacks, match="none"):
        TargetLock(tmp_path / "none", home).acquire("one", "ada")
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentLacks, match="file"):
        TargetLock(tmp_path / "file", home).acquire("one", "ada")


def test_a_lock_whose_details_cannot_be_written_is_not_held(target, tmp_path):
    (tmp_path / "home").write_text("a file in the way")
    with pytest.raises(EnvironmentLacks, match="RUNBOOK_HOME"):
        TargetLock(target, tmp_path / "home").acquire("one", "ada")
    lock = TargetLock(target, tmp_path / "elsewhere")
    lock.acquire("one", "ada")
    lock.release()
