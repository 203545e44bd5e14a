"""What every store of artefacts promises; the fake and the real one take the same tests."""

from __future__ import annotations

import pytest

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.domain.errors import JournalError
from runbook_app.testing.artefacts import MemoryArtefacts


@pytest.fixture(params=["memory", "folder"])
def artefacts(request, tmp_path):
    if request.param == "memory":
        return MemoryArtefacts(tmp_path)
    return FolderArtefacts(tmp_path, FileKeySealer(tmp_path / "keys" / "artefacts.key"))


@pytest.mark.parametrize("content", [b"", b"services: {}\n", bytes(range(256)) * 5000])
def test_a_sealed_artefact_comes_back_as_it_was(artefacts, content):
    path = artefacts.put_sealed("tls-001", content)
    assert path.startswith("captures/")
    assert artefacts.get_sealed(path) == content


def test_a_sealed_artefact_does_not_hold_its_plain_text(artefacts):
    path = artefacts.put_sealed("tls-001", b"a password in the clear")
    assert b"password" not in artefacts.get(path)


PIECE = 1 << 20


@pytest.mark.parametrize(
    "pieces", [[], [b"x"], [b"a" * (PIECE - 1), b"b"], [b"c" * 3_000_001], [b"d" * PIECE] * 2]
)
def test_a_sealed_stream_comes_back_as_it_was(artefacts, pieces):
    path = artefacts.put_sealed_stream("backup-1", iter(pieces))
    assert b"".join(artefacts.get_sealed_stream(path)) == b"".join(pieces)


def test_a_stream_that_breaks_leaves_nothing(artefacts):
    def broken():
        yield b"half"
        raise RuntimeError("the dump failed")

    with pytest.raises(RuntimeError, match="the dump failed"):
        artefacts.put_sealed_stream("backup-1", broken())
    with pytest.raises(JournalError, match="backup-1"):
        list(artefacts.get_sealed_stream("captures/backup-1.sealed"))


def test_a_removed_artefact_is_gone_and_may_be_removed_again(artefacts):
    path = artefacts.put_sealed("one", b"x")
    assert artefacts.exists(path)
    artefacts.remove(path)
    artefacts.remove(path)
    assert not artefacts.exists(path)
    with pytest.raises(JournalError):
        artefacts.get_sealed(path)


def test_a_plain_artefact_is_kept_and_replaced(artefacts):
    artefacts.put("reports/one.md", b"old")
    artefacts.put("reports/one.md", b"new")
    assert artefacts.get("reports/one.md") == b"new"


def test_a_missing_artefact_is_named(artefacts):
    with pytest.raises(JournalError, match="captures/none"):
        artefacts.get_sealed("captures/none")


@pytest.mark.parametrize("path", ["", "../out", "/etc/passwd", "reports/../../out"])
def test_a_path_stays_inside_the_session_folder(artefacts, path):
    with pytest.raises(JournalError, match="inside"):
        artefacts.put(path, b"x")


def test_the_folder_is_the_session_s(artefacts, tmp_path):
    assert artefacts.folder() == tmp_path
