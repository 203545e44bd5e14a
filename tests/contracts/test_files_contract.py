"""What the target's files must do: real, in a test's folder, and where they are only predicted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from runbook_app.adapters.files import TargetFiles
from runbook_app.adapters.foresight.files import ForeseenFiles
from runbook_app.adapters.foresight.world import World
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Files
from runbook_app.ports.target import Prior
from runbook_app.testing.capabilities import FakeFiles, History


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    root: Path
    files: Files
    captured: Callable[[], list[str]]


def real(root: Path) -> Subject:
    captured: list[str] = []

    async def capture(prior: Prior) -> None:
        line = f"{prior.kind} {prior.name}"
        if line not in captured:
            captured.append(line)

    return Subject(root=root, files=TargetFiles(root, capture), captured=lambda: captured)


def fake(root: Path) -> Subject:
    history = History()
    return Subject(
        root=root, files=FakeFiles(root=root, history=history), captured=lambda: history.captured
    )


def foreseen(root: Path) -> Subject:
    """A change stands for the capture that a real one takes."""
    world = World(root)
    real = TargetFiles(root, no_capture)
    world.begin("1.1", asking=False)
    return Subject(
        root=root,
        files=ForeseenFiles(world, real, root.parent),
        captured=lambda: [f"file {name}" for name in (*world.changes(), *world.handed)],
    )


async def no_capture(prior: Prior) -> None:
    raise AssertionError(f"a dry run was about to change {prior.name}")


@pytest.fixture(params=[real, fake, foreseen])
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> Subject:
    make: Callable[[Path], Subject] = request.param
    return make(tmp_path)


async def test_a_new_file_comes_with_its_folders_and_is_readable(subject: Subject) -> None:
    assert await subject.files.write("a/b/c", b"text")
    assert subject.files.read("a/b/c") == b"text"
    state = subject.files.state("a/b/c")
    assert state
    assert (state.mode, state.size) == (0o644, 4)


async def test_a_file_keeps_its_mode_unless_told_otherwise(subject: Subject) -> None:
    await subject.files.write("key", b"1", mode=0o600)
    await subject.files.write("key", b"2")
    state = subject.files.state("key")
    assert state
    assert state.mode == 0o600


async def test_what_is_so_already_is_neither_written_nor_captured(subject: Subject) -> None:
    (subject.root / "a").write_bytes(b"text")
    (subject.root / "a").chmod(0o644)
    assert not await subject.files.write("a", b"text")
    assert not await subject.files.write("a", b"text", mode=0o644)
    assert subject.captured() == []


async def test_another_mode_alone_is_a_change(subject: Subject) -> None:
    (subject.root / "a").write_bytes(b"text")
    (subject.root / "a").chmod(0o644)
    assert await subject.files.write("a", b"text", mode=0o600)
    assert subject.captured() == ["file a"]


async def test_removing_captures_and_says_whether_there_was_a_file(subject: Subject) -> None:
    (subject.root / "a").write_bytes(b"text")
    assert await subject.files.remove("a")
    assert not await subject.files.remove("a")
    assert not subject.files.exists("a")
    assert subject.captured() == ["file a"]


async def test_what_a_command_is_about_to_change_or_make_is_captured(subject: Subject) -> None:
    (subject.root / "a").write_bytes(b"text")
    await subject.files.capture("a")
    await subject.files.capture("made/new")
    await subject.files.capture("a")
    assert subject.captured() == ["file a", "file made/new"]
    assert [path.name for path in subject.root.iterdir()] == ["a"]
    with pytest.raises(ActionError):
        await subject.files.capture("../x")


def test_a_missing_file_has_no_state(subject: Subject) -> None:
    assert subject.files.state("missing") is None
    assert not subject.files.exists("missing")


def test_a_path_may_not_leave_the_target(subject: Subject) -> None:
    (subject.root / "out").symlink_to("/tmp")
    for path in ("../x", "/etc/passwd", "out/x"):
        with pytest.raises(ActionError):
            subject.files.path(path)
