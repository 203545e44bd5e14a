"""Files of the target: captured first, written in one moment, put back exactly."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.files import FileCapturable, TargetFiles
from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import CaptureTaken
from runbook_app.ports.target import Prior

OTHER = 12345 if os.geteuid() == 0 else os.geteuid()
"""An owner that this account may give files to."""


class Target:
    """A target folder, its files, and the captures taken of them."""

    def __init__(self, root: Path, git: Git | None = None) -> None:
        self.root = root
        root.mkdir()
        self.captures: list[Prior] = []
        self.during: list[bytes] = []
        """What each file held when its capture was taken."""
        self.files = TargetFiles(root, self._capture, git)
        self.capturable = FileCapturable(root, git)

    async def _capture(self, prior: Prior) -> None:
        path = self.root / prior.name
        self.during.append(path.read_bytes() if path.exists() else b"absent")
        self.captures.append(prior)

    async def undo(self) -> list[bool]:
        return [
            await self.capturable.restore(taken(prior), prior.content)
            for prior in reversed(self.captures)
        ]


class Git:
    """Only what a capture asks of a repository."""

    def __init__(self, *dirty: str) -> None:
        self._dirty = dirty

    async def dirty(self, paths):
        return [path for path in paths if path in self._dirty]


def taken(prior: Prior) -> CaptureTaken:
    return CaptureTaken(
        id="1",
        item="tls",
        step="tls.one",
        kind=prior.kind,
        name=prior.name,
        path="captures/1",
        sha256="",
        summary=prior.summary,
    )


def snapshot(root: Path) -> dict[str, object]:
    """Everything a rollback has to bring back."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else None
        found[str(path.relative_to(root))] = (
            status.st_mode,
            status.st_uid,
            status.st_gid,
            content,
        )
    return found


@pytest.fixture
def target(tmp_path):
    return Target(tmp_path / "target")


async def test_a_new_file_is_0644_and_its_folders_0755_whatever_the_umask(target):
    before = os.umask(0o077)
    try:
        assert await target.files.write("nginx/conf/nginx.conf", b"events {}\n")
    finally:
        os.umask(before)
    assert (target.root / "nginx/conf/nginx.conf").stat().st_mode & 0o7777 == 0o644
    assert (target.root / "nginx").stat().st_mode & 0o7777 == 0o755
    assert (target.root / "nginx/conf").stat().st_mode & 0o7777 == 0o755


async def test_a_rewritten_file_keeps_its_mode_and_owner(target):
    path = target.root / "run.sh"
    path.write_bytes(b"old")
    path.chmod(0o4750)
    os.chown(path, OTHER, -1)
    path.chmod(0o4750)
    assert await target.files.write("run.sh", b"new")
    status = path.stat()
    assert (path.read_bytes(), status.st_mode & 0o7777, status.st_uid) == (b"new", 0o4750, OTHER)


async def test_a_key_is_private_before_it_has_content(target, monkeypatch):
    seen = []
    write = os.write

    def watching(descriptor, data):
        seen.append(os.fstat(descriptor).st_mode & 0o7777)
        return write(descriptor, data)

    monkeypatch.setattr(os, "write", watching)
    await target.files.write("key.pem", b"secret", mode=0o640, uid=OTHER)
    monkeypatch.undo()
    status = (target.root / "key.pem").stat()
    assert seen
    assert set(seen) == {0o600}
    assert (status.st_mode & 0o7777, status.st_uid) == (0o640, OTHER)


async def test_what_is_so_already_is_neither_captured_nor_written(target):
    await target.files.write("a", b"x", mode=0o600)
    inode = (target.root / "a").stat().st_ino
    target.captures.clear()
    assert not await target.files.write("a", b"x", mode=0o600)
    assert not await target.files.write("a", b"x")
    assert not await target.files.remove("missing")
    assert target.captures == []
    assert (target.root / "a").stat().st_ino == inode


async def test_a_change_of_mode_alone_is_a_change(target):
    await target.files.write("a", b"x")
    assert await target.files.write("a", b"x", mode=0o600)
    assert target.files.state("a").mode == 0o600


async def test_the_capture_comes_before_the_effect(target):
    (target.root / "a").write_text("before")
    await target.files.write("a", b"after")
    await target.files.remove("a")
    await target.files.write("b/c", b"new")
    assert target.during == [b"before", b"after", b"absent"]


async def test_a_capture_that_fails_prevents_the_change(tmp_path):
    async def failing(prior):
        raise ActionError("no space for the capture")

    root = tmp_path / "target"
    root.mkdir()
    (root / "a").write_text("before")
    files = TargetFiles(root, failing)
    for change in (files.write("a", b"after"), files.remove("a"), files.write("b/c", b"x")):
        with pytest.raises(ActionError, match="no space"):
            await change
    assert snapshot(root).keys() == {"a"}
    assert (root / "a").read_text() == "before"


async def test_a_write_that_fails_leaves_the_old_file_and_no_other(target, monkeypatch):
    (target.root / "a").write_text("before")

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(ActionError, match="No space left"):
        await target.files.write("a", b"after")
    monkeypatch.undo()
    assert [path.name for path in target.root.iterdir()] == ["a"]
    assert (target.root / "a").read_text() == "before"


async def test_a_write_is_synced_before_its_rename_and_the_folder_after(target, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        order.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112 - a descriptor's link
        fsync(descriptor)

    def renamed(source, destination):
        order.append("rename")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    await target.files.write("a", b"x")
    assert order == ["file", "rename", "folder"]


async def test_what_a_killed_write_left_aside_is_cleared_away(target):
    left = target.root / ".a.runbook-new"
    left.write_text("half")
    await target.files.write("a", b"x")
    assert not left.exists()
    left.write_text("half")
    await target.undo()
    assert snapshot(target.root) == {}


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "out/x"]
)
async def test_a_path_stays_inside_the_target(target, name):
    (target.root / "out").symlink_to(target.root.parent)
    for use in (target.files.path, target.files.exists, target.files.state, target.files.read):
        with pytest.raises(ActionError, match="not a file inside the target"):
            use(name)
    for change in (target.files.write(name, b"x"), target.files.remove(name)):
        with pytest.raises(ActionError, match="not a file inside the target"):
            await change
    assert target.captures == []


async def test_a_dangling_link_out_of_the_target_is_not_written_through(target):
    (target.root / "link").symlink_to(target.root.parent / "outside")
    with pytest.raises(ActionError, match="not a file inside"):
        await target.files.write("link", b"x")
    assert not (target.root.parent / "outside").exists()


async def test_a_loop_of_links_is_an_error_with_its_name(target):
    (target.root / "loop").symlink_to("loop")
    with pytest.raises(ActionError, match="loop"):
        target.files.read("loop")


async def test_a_file_reached_by_a_link_or_a_detour_is_captured_under_its_one_name(target):
    (target.root / "real").mkdir()
    (target.root / "real/a").write_text("before")
    (target.root / "link").symlink_to("real")
    (target.root / "alias").symlink_to("real/a")
    for name in ("link/a", "./real//a", "alias"):
        await target.files.write(name, name.encode())
    assert {prior.name for prior in target.captures} == {"real/a"}
    assert (target.root / "alias").is_symlink()


async def test_folders_and_other_things_are_no_files(target):
    (target.root / "folder").mkdir()
    os.mkfifo(target.root / "pipe")
    for name in ("folder", "pipe"):
        with pytest.raises(ActionError, match="not a regular file"):
            target.files.state(name)
        with pytest.raises(ActionError, match="not a regular file"):
            await target.files.write(name, b"x")
        with pytest.raises(ActionError, match="not a regular file"):
            await target.files.remove(name)


def test_a_missing_file_is_none_or_named(target):
    assert target.files.state("none") is None
    assert not target.files.exists("none")
    with pytest.raises(ActionError, match="no file none"):
        target.files.read("none")


async def test_everything_is_restored_byte_for_byte_with_mode_and_owner(target):
    kept = target.root / "conf" / "kept"
    kept.parent.mkdir(mode=0o750)
    kept.write_bytes(bytes(range(256)))
    os.chown(kept, OTHER, -1)
    kept.chmod(0o604)
    (target.root / "gone").write_bytes(b"will be removed")
    before = snapshot(target.root)
    await target.files.write("conf/kept", b"changed", mode=0o600, uid=os.geteuid())
    await target.files.remove("gone")
    await target.files.write("certs/ca/ca.pem", b"new")
    await target.files.write("certs/key.pem", b"new", mode=0o600)
    assert await target.undo() == [True] * 4
    assert snapshot(target.root) == before
    assert await target.undo() == [False] * 4


async def test_a_folder_made_for_a_file_stays_when_something_else_is_in_it(target):
    await target.files.write("certs/key.pem", b"new")
    (target.root / "certs/mine").write_text("by hand")
    await target.undo()
    assert snapshot(target.root).keys() == {"certs", "certs/mine"}


async def test_a_folder_that_was_there_before_stays_though_empty(target):
    (target.root / "certs").mkdir()
    await target.files.write("certs/key.pem", b"new")
    await target.undo()
    assert snapshot(target.root).keys() == {"certs"}


async def test_a_file_whose_folder_is_gone_is_restored_with_it(target):
    (target.root / "a").mkdir()
    (target.root / "a/b").write_text("x")
    await target.files.remove("a/b")
    (target.root / "a").rmdir()
    assert await target.undo() == [True]
    assert (target.root / "a/b").read_text() == "x"


async def test_a_link_put_in_the_file_s_place_is_replaced_not_followed(target):
    outside = target.root.parent / "outside"
    outside.write_text("not ours")
    (target.root / "a").write_text("before")
    await target.files.write("a", b"after")
    (target.root / "a").unlink()
    (target.root / "a").symlink_to(outside)
    assert "link" in await target.capturable.state("a")
    assert "link" in await target.capturable.difference(
        taken(target.captures[0]), target.captures[0].content
    )
    assert await target.undo() == [True]
    assert not (target.root / "a").is_symlink()
    assert (target.root / "a").read_text() == "before"
    assert outside.read_text() == "not ours"


async def test_a_folder_that_became_a_link_is_not_written_through(target):
    await target.files.write("certs/key.pem", b"new")
    (target.root / "certs").rename(target.root.parent / "moved")
    (target.root / "certs").symlink_to(target.root.parent / "moved")
    with pytest.raises(ActionError, match="become a symbolic link"):
        await target.undo()
    assert (target.root.parent / "moved/key.pem").exists()


async def test_the_state_tells_content_mode_and_owner_apart(target):
    states = [await target.capturable.state("a")]
    path = target.root / "a"
    path.write_text("x")
    states.append(await target.capturable.state("a"))
    path.chmod(0o600)
    states.append(await target.capturable.state("a"))
    path.write_text("y")
    states.append(await target.capturable.state("a"))
    assert len(set(states)) == 4
    assert states[0] == "absent"


async def test_the_difference_is_what_restoring_would_change(target):
    path = target.root / "a.conf"
    path.write_text("one\ntwo\n")
    prior = await target.capturable.prior("a.conf")
    path.write_text("one\n2\n")
    difference = await target.capturable.difference(taken(prior), prior.content)
    assert "-2\n+two" in difference
    difference = await target.capturable.difference(taken(prior), prior.content, since=True)
    assert "-two\n+2" in difference
    await target.capturable.restore(taken(prior), prior.content)
    assert await target.capturable.difference(taken(prior), prior.content) == ""


async def test_a_difference_in_mode_or_the_last_line_s_end_is_not_overlooked(target):
    path = target.root / "a.conf"
    path.write_text("one\n")
    prior = await target.capturable.prior("a.conf")
    path.chmod(0o600)
    assert "0600" in await target.capturable.difference(taken(prior), prior.content)
    path.chmod(0o644)
    path.write_text("one")
    assert "3 bytes" in await target.capturable.difference(taken(prior), prior.content)


@pytest.mark.parametrize(
    ("name", "mode", "data"),
    [
        ("a.conf", 0o600, b"hidden text"),
        ("key.pem", 0o644, b"hidden text"),
        (".env.example", 0o644, b"hidden text"),
        ("db_password.txt", 0o644, b"hidden text"),
        ("data.bin", 0o644, b"hidden text\0"),
        ("data.txt", 0o644, b"hidden text\xff"),
    ],
)
async def test_private_and_binary_files_are_shown_as_hashes_alone(target, name, mode, data):
    path = target.root / name
    path.write_bytes(data)
    path.chmod(mode)
    prior = await target.capturable.prior(name)
    path.write_bytes(b"other text")
    difference = await target.capturable.difference(taken(prior), prior.content)
    assert difference.count("sha256") == 2
    assert "text" not in difference.removeprefix(name)
    assert "text" not in prior.summary


async def test_a_file_with_changes_that_were_not_committed_is_marked(tmp_path):
    target = Target(tmp_path / "target", Git("mine"))
    assert (await target.capturable.prior("mine")).dirty
    assert not (await target.capturable.prior("theirs")).dirty


async def test_a_repository_that_cannot_answer_does_not_prevent_a_capture(tmp_path):
    class Broken(Git):
        async def dirty(self, paths):
            raise ActionError("not a git repository")

    target = Target(tmp_path / "target", Broken())
    assert not (await target.capturable.prior("a")).dirty


async def test_a_damaged_capture_is_an_error_that_names_it(target):
    prior = await target.capturable.prior("a")
    with pytest.raises(ActionError, match="capture of a"):
        await target.capturable.restore(taken(prior), b"rubbish")


async def test_a_cancelled_write_has_really_ended_when_it_returns(target, monkeypatch):
    events = []
    replace = os.replace
    loop = asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()

    def slow(source, destination):
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
        replace(source, destination)
        events.append("renamed")

    monkeypatch.setattr(os, "replace", slow)
    task = asyncio.create_task(target.files.write("a", b"x"))
    await begun.wait()
    task.cancel()
    loop.call_later(0.05, go_on.set)
    await asyncio.gather(task, return_exceptions=True)
    assert events == ["renamed"]


changes = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "d/a", "d/e/f"]),
        st.none() | st.binary(max_size=3),
        st.sampled_from([None, 0o600, 0o755]),
    ),
    max_size=12,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(before=changes, during=changes)
def test_any_changes_are_undone_to_the_very_same_tree(tmp_path_factory, before, during):
    target = Target(tmp_path_factory.mktemp("x") / "target")

    async def change(edits):
        for name, data, mode in edits:
            if data is None:
                await target.files.remove(name)
            else:
                await target.files.write(name, data, mode=mode)

    async def story():
        await change(before)
        target.captures.clear()
        expected = snapshot(target.root)
        await change(during)
        await target.undo()
        assert snapshot(target.root) == expected

    asyncio.run(story())
