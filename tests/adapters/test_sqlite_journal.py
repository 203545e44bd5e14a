"""The SQLite journal under damage, full disks, other processes and sudden death."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from runbook_app.adapters.sqlite_journal import SqliteJournal, _sound
from runbook_app.domain.entry import encode
from runbook_app.domain.errors import JournalError
from runbook_app.domain.events import NoteAdded
from runbook_app.testing.clock import FixedClock

ROOT = Path(__file__).parents[2]


def note(text: str) -> NoteAdded:
    return NoteAdded(text=text, by="ada")


def texts(journal: SqliteJournal) -> list[str]:
    bodies = [entry.body for entry in journal.read()]
    return [body.text for body in bodies if isinstance(body, NoteAdded)]


def open_journal(path: Path, *, read_only: bool = False) -> SqliteJournal:
    return SqliteJournal(path, FixedClock(), read_only=read_only)


async def filled(path: Path, count: int = 20) -> None:
    journal = open_journal(path)
    await journal.append(*[note(f"note number {n}") for n in range(1, count + 1)])
    journal.close()


def child(path: Path, body: str, **options) -> subprocess.Popen[bytes]:
    """A process with `journal` and `note` at hand."""
    prelude = f"""
        import asyncio, os, resource, sys
        from pathlib import Path
        from runbook_app.adapters.clock import SystemClock
        from runbook_app.adapters.sqlite_journal import SqliteJournal
        from runbook_app.domain.errors import JournalError
        from runbook_app.domain.events import NoteAdded

        def note(text):
            return NoteAdded(text=text, by="child")

        journal = SqliteJournal(Path({str(path)!r}), SystemClock())
    """
    source = textwrap.dedent(prelude) + textwrap.dedent(body)
    return subprocess.Popen(
        [sys.executable, "-c", source], stdout=subprocess.PIPE, cwd=ROOT, **options
    )


@pytest.mark.parametrize("umask", [0o000, 0o077, 0o277])
async def test_all_its_files_are_private_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        journal = open_journal(tmp_path / "journal.db")
        await journal.append(note("a"))
        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    journal.close()
    assert modes == {"journal.db": 0o600, "journal.db-wal": 0o600, "journal.db-shm": 0o600}


async def test_commits_never_happen_on_the_event_loop_s_thread(tmp_path):
    threads = set()

    class Spy(FixedClock):
        def now(self):
            threads.add(threading.get_ident())
            return super().now()

    journal = SqliteJournal(tmp_path / "journal.db", Spy())
    await journal.append(note("a"))
    journal.close()
    assert threads
    assert threading.get_ident() not in threads


async def test_what_waits_together_is_committed_together(tmp_path, monkeypatch):
    journal = open_journal(tmp_path / "journal.db")
    await journal.append(note("warm"))
    commits: list[int] = []
    commit = journal._commit

    def counting(connection, group):
        commits.append(len(group))
        return commit(connection, group)

    monkeypatch.setattr(journal, "_commit", counting)
    await asyncio.gather(*(journal.append(note(str(n))) for n in range(100)))
    journal.close()
    assert sum(commits) == 100
    assert len(commits) < 10


@pytest.mark.parametrize("seq", [1, 7, 20])
@pytest.mark.parametrize("column", ["at", "kind", "previous", "hash", "body"])
async def test_a_change_in_any_column_is_found_and_located(tmp_path, column, seq):
    path = tmp_path / "journal.db"
    await filled(path)
    with sqlite3.connect(path) as connection:
        (value,) = connection.execute(
            f"SELECT {column} FROM entries WHERE seq = ?", (seq,)
        ).fetchone()
        data = bytearray(value if isinstance(value, bytes) else value.encode())
        data[len(data) // 2] ^= 1
        changed = bytes(data) if isinstance(value, bytes) else data.decode()
        connection.execute(f"UPDATE entries SET {column} = ? WHERE seq = ?", (changed, seq))
    connection.close()
    journal = open_journal(path)
    assert journal.verify() == seq
    journal.close()


async def test_a_bit_flipped_in_any_byte_of_a_body_on_disk_is_found_and_located(tmp_path):
    path = tmp_path / "journal.db"
    await filled(path, count=3)
    sound = path.read_bytes()
    body = encode(note("note number 2"))
    start = sound.index(body)
    for offset in range(start, start + len(body)):
        data = bytearray(sound)
        data[offset] ^= 0x80
        path.write_bytes(data)
        journal = open_journal(path)
        assert journal.verify() == 2, offset
        journal.close()


async def test_a_removed_an_inserted_and_a_swapped_entry_are_found(tmp_path):
    for number, change in enumerate(
        [
            "DELETE FROM entries WHERE seq = 5",
            "UPDATE entries SET seq = seq + 1000 WHERE seq > 4",
            "UPDATE entries SET body = (SELECT body FROM entries WHERE seq = 9) WHERE seq = 5",
        ]
    ):
        path = tmp_path / f"{number}.db"
        await filled(path)
        with sqlite3.connect(path) as connection:
            connection.execute(change)
        connection.close()
        journal = open_journal(path)
        assert journal.verify() in (5, 6, 1005)
        journal.close()


async def test_a_damaged_entry_stops_reading_unless_it_is_read_only(tmp_path):
    path = tmp_path / "journal.db"
    await filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET body = x'00' WHERE seq IN (3, 4)")
        connection.execute("UPDATE entries SET at = CAST(x'ff' AS TEXT) WHERE seq = 6")
    connection.close()
    journal = open_journal(path)
    with pytest.raises(JournalError, match="Entry 3 "):
        journal.read(limit=5)
    journal.close()
    damaged = open_journal(path, read_only=True)
    assert [entry.seq for entry in damaged.read()] == [1, 2, 5, *range(7, 21)]
    assert [entry.seq for entry in damaged.read(after=1, limit=2)] == [2, 5]
    assert damaged.verify() == 3
    with pytest.raises(JournalError, match="reading only"):
        await damaged.append(note("x"))
    damaged.close()


ROW = (1, "2026-01-01T00:00:00.000Z", "NoteAdded", "0" * 64, "1" * 64, b"{}")


@pytest.mark.parametrize("column", range(1, 6))
@pytest.mark.parametrize("value", [None, 7, 0.5, "9999-99-99", "a\ufffd", b"\xff"])
def test_columns_that_are_not_what_was_written_are_told_from_those_that_are(column, value):
    """As a damaged record header leaves them: no statement puts such types into the table."""
    row = (*ROW[:column], value, *ROW[column + 1 :])
    text = isinstance(value, str) and "\ufffd" not in value
    fits = value == b"\xff" if column == 5 else text and column != 1
    assert _sound(ROW)
    assert _sound(row) == fits


async def test_pages_overwritten_with_rubbish_leave_what_is_before_them(tmp_path):
    path = tmp_path / "journal.db"
    await filled(path, count=2000)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = os.urandom(len(data) - len(data) // 2)
    path.write_bytes(data)
    journal = open_journal(path, read_only=True)
    bad = journal.verify()
    assert bad is not None
    good = journal.read(limit=5000)
    assert [entry.seq for entry in good] == list(range(1, len(good) + 1))
    assert len(good) >= bad - 1 > 0
    journal.close()


async def test_a_file_that_is_no_journal_is_named(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, but long enough to be taken for one" * 50)
    with pytest.raises(JournalError, match=r"journal\.db could not be opened"):
        open_journal(path)


def test_a_file_system_that_has_no_wal_is_refused_with_a_way_out(tmp_path, monkeypatch):
    in_memory = sqlite3.Connection(":memory:", isolation_level=None)
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: in_memory)
    with pytest.raises(JournalError, match="RUNBOOK_HOME"):
        open_journal(tmp_path / "journal.db")


def test_a_missing_journal_is_not_made_for_reading(tmp_path):
    with pytest.raises(JournalError, match="could not be opened"):
        open_journal(tmp_path / "journal.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


async def test_a_journal_deleted_under_the_engine_is_noticed(tmp_path):
    journal = open_journal(tmp_path / "journal.db")
    await journal.append(note("a"))
    (tmp_path / "journal.db").unlink()
    with pytest.raises(JournalError, match="removed or replaced"):
        await journal.append(note("b"))
    journal.close()


async def test_one_failing_append_in_a_group_does_not_fail_the_others(tmp_path, monkeypatch):
    journal = open_journal(tmp_path / "journal.db")
    commit = journal._commit

    def failing(connection, group):
        if any(body.text == "bad" for append in group for body, _ in append.bodies):
            raise sqlite3.OperationalError("string or blob too big")
        return commit(connection, group)

    monkeypatch.setattr(journal, "_commit", failing)
    outcomes = await asyncio.gather(
        *(journal.append(note(text)) for text in ("a", "bad", "b")), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [list, JournalError, list]
    assert texts(journal) == ["a", "b"]
    journal.close()


async def test_a_cancelled_append_is_written_whole(tmp_path):
    journal = open_journal(tmp_path / "journal.db")
    task = asyncio.create_task(journal.append(note("a"), note("b")))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    journal.close()
    journal = open_journal(tmp_path / "journal.db")
    assert [entry.seq for entry in journal.read()] == [1, 2]
    journal.close()


def test_a_full_disk_is_said_and_leaves_the_journal_readable(tmp_path):
    path = tmp_path / "journal.db"
    process = child(
        path,
        """
        async def main():
            await journal.append(note("before"))
            resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
            count = 1
            try:
                while True:
                    await journal.append(*[note("x" * 1000)] * 10)
                    count += 10
            except JournalError as error:
                print(count, error, sep="\\n", flush=True)
            print(len(journal.read()), journal.verify(), flush=True)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            await journal.append(note("space again"))
            print(journal.verify(), flush=True)

        asyncio.run(main())
        """,
    )
    output = process.communicate(timeout=60)[0].decode().splitlines()
    assert process.returncode == 0
    count, message, readable, again = output
    assert "Free space on the disk" in message
    assert readable == f"{count} None"
    assert again == "None"
    journal = open_journal(path)
    assert journal.tip()[0] == int(count) + 1
    assert journal.verify() is None
    journal.close()


def test_processes_that_append_at_once_keep_one_chain(tmp_path):
    path = tmp_path / "journal.db"
    body = """
        async def main():
            for number in range(200):
                await journal.append(note(f"{os.getpid()} {number}"))

        asyncio.run(main())
        journal.close()
    """
    processes = [child(path, body) for _ in range(3)]
    for process in processes:
        process.communicate(timeout=60)
    assert [process.returncode for process in processes] == [0, 0, 0]
    journal = open_journal(path)
    entries = journal.read()
    assert [entry.seq for entry in entries] == list(range(1, 601))
    assert journal.verify() is None
    for process in processes:
        own = [text for text in texts(journal) if text.startswith(f"{process.pid} ")]
        assert own == [f"{process.pid} {number}" for number in range(200)]
    journal.close()


@pytest.mark.kill
@pytest.mark.parametrize("acknowledged", [1, 37, 250])
def test_kill_loses_no_acknowledged_entry_and_the_chain_holds(tmp_path, acknowledged):
    path = tmp_path / "journal.db"
    process = child(
        path,
        """
        async def writer(name):
            number = 0
            while True:
                entries = await journal.append(note(f"{name} {number}"), note("second"))
                os.write(1, b"".join(b"%d\\n" % entry.seq for entry in entries))
                number += 1

        async def main():
            await asyncio.gather(*(writer(name) for name in range(4)))

        asyncio.run(main())
        """,
    )
    assert process.stdout
    told = [int(process.stdout.readline()) for _ in range(acknowledged)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.communicate()[0].splitlines()]
    journal = open_journal(path)
    assert journal.verify() is None
    seqs = {entry.seq for entry in journal.read()}
    assert set(told) <= seqs
    assert len(seqs) % 2 == 0, "an append is whole or absent"
    asyncio.run(journal.append(note("after")))
    assert journal.verify() is None
    journal.close()
