"""What a session wrote down is read whole, also what is not in the main file yet."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
from contextlib import closing

import pytest

from runbook_app.adapters import session_record
from runbook_app.adapters.session_record import StoredRecord
from runbook_app.domain.errors import ActionError, NotMeasured


def test_texts_and_blobs_of_both_databases_are_read(tmp_path):
    with closing(sqlite3.connect(tmp_path / "journal.db")) as journal:
        journal.execute("PRAGMA journal_mode=WAL")
        journal.execute('CREATE TABLE "odd ""name" (n INTEGER, body TEXT)')
        journal.execute('INSERT INTO "odd ""name" VALUES (1, ?)', ["an entry"])
        journal.commit()
        with closing(sqlite3.connect(tmp_path / "logs.db")) as logs, logs:
            logs.execute("CREATE TABLE chunks (data BLOB)")
            logs.execute("INSERT INTO chunks VALUES (?)", [b"a" * 100_000])
        pieces = list(StoredRecord(tmp_path).pieces())
    assert pieces == [("journal.db", b"an entry"), ("logs.db", b"a" * 100_000)]


def test_what_can_not_be_read_is_not_taken_for_empty(tmp_path):
    with pytest.raises(NotMeasured, match=r"journal\.db can't be read"):
        list(StoredRecord(tmp_path).pieces())


def test_an_attached_file_is_copied_for_its_owner_alone(tmp_path):
    given = tmp_path / "scan of\x1b today.txt"
    given.write_bytes(b"evidence")
    given.chmod(0o644)
    session = tmp_path / "session"
    session.mkdir()
    kept = StoredRecord(session).attach(given)
    sha256 = hashlib.sha256(b"evidence").hexdigest()
    assert (kept.size, kept.sha256) == (8, sha256)
    assert kept.path == f"attachments/{sha256[:16]}-scan_of__today.txt"
    copy = session / kept.path
    assert copy.read_bytes() == b"evidence"
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700


def test_what_is_no_file_or_too_large_is_not_attached(tmp_path, monkeypatch):
    record = StoredRecord(tmp_path / "session")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"12345")
    monkeypatch.setattr(session_record, "MAX_ATTACHED", 4)
    for name, why in (
        ("gone", "can't be read: No such file"),
        ("pipe", "is no regular file"),
        ("large", "is larger than"),
        ("a\0b", "can't be read"),
    ):
        with pytest.raises(ActionError, match=why) as caught:
            record.attach(tmp_path / name)
        assert caught.value.hint
    assert not (tmp_path / "session").exists()
