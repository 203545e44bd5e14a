"""The record can't be written in the middle of a run: the engine stops, and says why."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app.domain.state import ItemStatus

from .stage import Gate, Stage

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

ROOM = "600m"
"""What a session asks for at its start; nothing of it is really used."""


def as_root(*argv: str) -> None:
    command = argv if os.geteuid() == 0 else ("sudo", "-n", *argv)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{argv}: {done.stderr}"


class Disk:
    """A file system of its own whose size can be changed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        owner = f"uid={os.geteuid()},gid={os.getegid()},mode=0700"
        as_root("mount", "-t", "tmpfs", "-o", f"size={ROOM},{owner}", "rbtest", str(place))

    def fill(self) -> None:
        """Leave not one free page."""
        usage = os.statvfs(self.place)
        used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
        as_root("mount", "-o", f"remount,size={used}", str(self.place))

    def free(self) -> None:
        as_root("mount", "-o", f"remount,size={ROOM}", str(self.place))

    def remove(self) -> None:
        # Lazily: the engine that found it full may still be closing its files.
        as_root("umount", "--lazy", str(self.place))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    made = Disk(place)
    yield made
    made.remove()


@pytest.fixture
def full(disk: Disk, stage: Stage) -> Stage:
    """The stage with its sessions on that disk."""
    stage.home = disk.place / "home"
    return stage


def test_a_full_disk_ends_the_engine_with_the_reason_and_nothing_is_lost(
    full: Stage, disk: Disk, gate: Gate
) -> None:
    process = full.run_to(gate)
    before = full.entries()
    disk.fill()
    gate.open()
    result = full.end_of(process)
    assert result.returncode == 1
    assert re.search(r"The engine ended: .* full\. Free space on .*, then resume", result.stderr)
    assert str(full.folder) in result.stderr
    assert "Traceback" not in (full.folder / "engine.log").read_text()
    assert full.entries()[: len(before)] == before
    assert full.sound()
    status = full.runbook("status")
    assert status.returncode == 0
    assert "interrupted" in status.stdout
    assert "full. Free space on" in status.stdout
    assert not (full.root / "more").exists(), "nothing was done that could not be recorded"
    refused = full.runbook("resume", "--headless", "--yes", "-q")
    assert refused.returncode == 5
    assert "disk space" in refused.stderr
    disk.free()
    result = full.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert full.state().items["keys"].status is ItemStatus.SUCCEEDED
    assert full.sound()


def test_a_journal_taken_away_ends_the_engine_with_the_reason(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    journal = stage.folder / "journal.db"
    journal.rename(journal.with_name("elsewhere"))
    gate.open()
    result = stage.end_of(process)
    journal.with_name("elsewhere").rename(journal)
    assert result.returncode == 1
    assert (
        f"The engine ended: {journal} was removed or replaced while it was in use. "
        "Put the file back, then resume the session."
    ) in result.stderr
    result = stage.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert stage.sound()
