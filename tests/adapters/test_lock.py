"""The driver's lock on a target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runbook_app.adapters.lock import TargetLock
from runbook_app.domain.errors import EnvironmentLacks, LockedError
from runbook_app.testing.clock import FixedClock

ROOT = Path(__file__).parents[2]


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    return folder


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def holder_process(target: Path, home: Path, then: str) -> subprocess.Popen[str]:
    source = f"""
        import os, subprocess, sys
        from pathlib import Path
        from runbook_app.adapters.lock import TargetLock

        lock = TargetLock(Path({str(target)!r}), Path({str(home)!r}))
        lock.acquire("20251024-080000-phase1-ab12", "ada")
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
    held = TargetLock(target, home, FixedClock())
    held.acquire("20251024-080000-phase1-ab12", "ada")
    with pytest.raises(LockedError) as caught:
        TargetLock(target, home).acquire("other", "bob")
    held.release()
    said = str(caught.value)
    for words in ("20251024-080000-phase1-ab12", "ada", str(os.getpid()), os.uname().nodename):
        assert words in said
    assert "2025-10-24T08:00:00.000Z" in said
    assert "runbook attach 20251024-080000-phase1-ab12" in said
    assert caught.value.exit_code == 4


def test_a_released_lock_can_be_taken_and_leaves_no_details(target, home):
    first, second = TargetLock(target, home), TargetLock(target, home)
    first.acquire("one", "ada")
    first.acquire("one", "ada")
    first.release()
    first.release()
    assert list((home / "locks").iterdir()) == []
    second.acquire("two", "bob")
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
    lock.acquire("two", "bob")
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
