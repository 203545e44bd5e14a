"""A target's folder copied whole, and apart."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import pytest

from runbook_app.adapters.folder_copy import FolderCopy, check_apart
from runbook_app.domain.errors import ActionError, EnvironmentLacks, UsageError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "target"
    (root / "src").mkdir(parents=True)
    (root / "src" / "run.sh").write_bytes(b"\x00#!/bin/sh")
    (root / "src" / "run.sh").chmod(0o750)
    (root / "src").chmod(0o2711)
    (root / "link").symlink_to("src/run.sh")
    (root / ".git").mkdir()
    (root / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    return root


def state(root: Path) -> dict[str, tuple[object, ...]]:
    return {
        str(path.relative_to(root)): (
            stat.filemode(path.lstat().st_mode),
            path.lstat().st_uid,
            path.lstat().st_gid,
            path.readlink() if path.is_symlink() else path.is_file() and path.read_bytes(),
        )
        for path in sorted((root, *root.rglob("*")))
    }


def test_bytes_modes_links_and_the_repository_come_along(root: Path, tmp_path: Path) -> None:
    FolderCopy(root, tmp_path / "copy").run()
    assert state(tmp_path / "copy") == state(root)


def test_owners_come_along_without_taking_set_uid_away(root: Path, tmp_path: Path) -> None:
    other = 12345 if os.geteuid() == 0 else os.getuid()  # nobody else may give a file away
    os.chown(root / "src" / "run.sh", other, other if os.geteuid() == 0 else os.getgid())
    os.chown(root / "link", other, -1, follow_symlinks=False)
    (root / "src" / "run.sh").chmod(0o4750)
    FolderCopy(root, tmp_path / "copy").run()
    assert state(tmp_path / "copy") == state(root)


def test_sockets_and_pipes_do_not(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
        FolderCopy(root, tmp_path / "copy").run()
    assert not (tmp_path / "copy" / "pipe").exists()
    assert not (tmp_path / "copy" / "s").exists()


def test_a_folder_that_is_filled_later_comes_empty(root: Path, tmp_path: Path) -> None:
    FolderCopy(root, tmp_path / "copy", frozenset([root / "src"])).run()
    assert list((tmp_path / "copy" / "src").iterdir()) == []


def test_what_can_not_be_copied_is_told_as_a_lack(root: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(EnvironmentLacks, match="can't be copied"):
        FolderCopy(root, tmp_path / "copy").run()


def test_a_copy_can_be_ended(root: Path, tmp_path: Path) -> None:
    work = FolderCopy(root, tmp_path / "copy")
    work.end()
    with pytest.raises(ActionError, match="ended"):
        work.run()


def test_a_folder_of_its_own_is_apart(root: Path) -> None:
    (root / "out").symlink_to("/etc/hostname")
    check_apart(root)


@pytest.mark.parametrize("way", ["{root}/src", "../target/src", "src/../../target/src"])
def test_a_link_that_leads_back_from_outside_is_refused(root: Path, way: str) -> None:
    (root / "back").symlink_to(way.format(root=root))
    with pytest.raises(UsageError, match="back"):
        check_apart(root)


def test_a_linked_work_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /elsewhere\n")
    with pytest.raises(UsageError, match="linked work tree"):
        check_apart(tmp_path)


def test_a_repository_that_names_its_work_tree_is_refused(root: Path) -> None:
    (root / ".git" / "config").write_text("[core]\n\tworktree = /srv/staging\n")
    with pytest.raises(UsageError, match=r"core\.worktree"):
        check_apart(root)
