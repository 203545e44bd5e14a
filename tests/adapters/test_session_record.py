"""What a session wrote down is read whole, also what is not in the main file yet."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from runbook_app.adapters.session_record import StoredRecord
from runbook_app.domain.errors import NotMeasured


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
