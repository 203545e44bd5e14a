"""Artefacts on disk: encrypted, private, and durable in the right order."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.durable import write_durably
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.domain.errors import JournalError


@pytest.fixture
def sealer(tmp_path):
    return FileKeySealer(tmp_path / "keys" / "artefacts.key")


@pytest.fixture
def artefacts(tmp_path, sealer):
    return FolderArtefacts(tmp_path / "session", sealer)


def test_files_and_folders_are_private_whatever_the_umask(artefacts):
    before = os.umask(0o000)
    try:
        path = artefacts.put_sealed("tls-001", b"x")
        artefacts.put("reports/one.md", b"x")
    finally:
        os.umask(before)
    modes = {
        str(p.relative_to(artefacts.folder())): p.stat().st_mode & 0o777
        for p in artefacts.folder().rglob("*")
    }
    assert modes == {
        "captures": 0o700,
        path: 0o600,
        "reports": 0o700,
        "reports/one.md": 0o600,
    }


def test_the_file_is_synced_then_renamed_then_its_folder_synced(artefacts, monkeypatch):
    artefacts.put("reports/zero.md", b"so that the folder exists")
    order = []
    fsync, replace = os.fsync, os.replace

    def synced(descriptor):
        name = Path(f"/proc/self/fd/{descriptor}").readlink().name
        order.append("folder" if name == "reports" else "file")
        fsync(descriptor)

    def renamed(source, destination):
        order.append("rename")
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", renamed)
    artefacts.put("reports/one.md", b"x")
    assert order == ["file", "rename", "folder"]


def test_a_new_folder_is_itself_made_durable(artefacts, monkeypatch):
    synced = []
    fsync = os.fsync

    def noted(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    artefacts.put("reports/one.md", b"x")
    folder = artefacts.folder()
    assert synced[:2] == [str(folder.parent), str(folder)]
    assert synced[-1] == str(folder / "reports")


def test_a_failed_write_keeps_the_old_artefact_and_leaves_nothing_else(artefacts, monkeypatch):
    artefacts.put("reports/one.md", b"old")

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(JournalError, match="No space left"):
        artefacts.put("reports/one.md", b"new")
    monkeypatch.undo()
    assert artefacts.get("reports/one.md") == b"old"
    assert [p.name for p in (artefacts.folder() / "reports").iterdir()] == ["one.md"]


def test_a_short_write_is_continued(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:3]))
    write_durably(tmp_path / "a", b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_the_key_is_made_once_and_private(tmp_path, sealer):
    before = os.umask(0o000)
    try:
        sealed = sealer.seal(b"x")
    finally:
        os.umask(before)
    key = tmp_path / "keys" / "artefacts.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700
    assert len(key.read_bytes()) == 32
    assert FileKeySealer(key).open(sealed) == b"x"
    assert [p.name for p in key.parent.iterdir()] == ["artefacts.key"]


def test_two_who_make_the_key_at_once_use_the_same(tmp_path):
    key = tmp_path / "artefacts.key"
    sealed: list[bytes] = []
    start = threading.Barrier(4)

    def seal() -> None:
        start.wait()
        sealed.append(FileKeySealer(key).seal(b"x"))

    threads = [threading.Thread(target=seal) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [FileKeySealer(key).open(one) for one in sealed] == [b"x"] * 4


def test_who_is_late_to_make_the_key_takes_the_one_that_is_there(tmp_path):
    first, late = FileKeySealer(tmp_path / "key"), FileKeySealer(tmp_path / "key")
    sealed = first.seal(b"x")
    assert late._make() == (tmp_path / "key").read_bytes()
    assert late.open(sealed) == b"x"


def test_the_same_content_is_never_sealed_to_the_same_bytes(sealer):
    assert sealer.seal(b"x") != sealer.seal(b"x")


@given(position=st.integers(0, 59), flip=st.integers(1, 255))
def test_a_change_in_any_byte_is_noticed(tmp_path_factory, position, flip):
    sealer = FileKeySealer(tmp_path_factory.mktemp("key") / "key")
    sealed = bytearray(sealer.seal(b"a capture of some length"))
    assert len(sealed) == 60
    sealed[position] ^= flip
    with pytest.raises(JournalError, match="altered"):
        sealer.open(bytes(sealed))


@pytest.mark.parametrize("rubbish", [b"", b"RBSEAL1\n", b"RBSEAL1\n" + b"x" * 12, b"plain text"])
def test_what_was_not_sealed_is_refused(sealer, rubbish):
    sealer.seal(b"x")
    with pytest.raises(JournalError, match="altered"):
        sealer.open(rubbish)


def test_a_missing_or_wrong_key_is_named_and_none_is_made(tmp_path, sealer):
    sealed = sealer.seal(b"x")
    other = tmp_path / "other.key"
    with pytest.raises(JournalError, match=r"other\.key is missing"):
        FileKeySealer(other).open(sealed)
    assert not other.exists()
    other.write_bytes(b"short")
    with pytest.raises(JournalError, match="5 bytes instead of 32"):
        FileKeySealer(other).open(sealed)
    other.write_bytes(bytes(32))
    with pytest.raises(JournalError, match="another key"):
        FileKeySealer(other).open(sealed)
