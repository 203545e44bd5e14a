"""A session's folder: private whatever the umask, and still shown when its journal is damaged."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import JournalError
from runbook_app.engine.client import SessionClient
from tests.cli.test_leaks import record
from tests.cli.test_take_over import target
from tests.cli.test_verify import begun, home, runbook

__all__ = ["begun", "home", "target"]


async def driven(session: SessionClient) -> None:
    """Have an engine do all of the plan, and end it."""
    session.ensure_engine()
    session.refresh()
    await session.send(cmd.Run, auto=True, unattended=True)
    async with asyncio.timeout(60):
        while not session.state.nothing_left:
            await session.changes()
    assert session.state.engine is not None
    os.kill(session.state.engine.pid, signal.SIGKILL)


def test_nothing_that_a_session_writes_can_be_read_by_others(home: Path, target: Path) -> None:
    before = os.umask(0)
    try:
        with closing(bootstrap.create_session(Path("motd.yaml"), target, {})) as session:
            asyncio.run(driven(session))
            assert runbook("export", session.id).exit_code == 0
    finally:
        os.umask(before)
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in (home, *home.rglob("*"))}
    sockets = {path for path in modes if path.is_socket()}
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}
    assert all(path.parent.stat().st_mode & 0o077 == 0 for path in sockets)
    names = {path.name for path in modes}
    assert {"journal.db", "logs.db", "engine.log", "signal.json", "signal.md"} <= names
    assert {"motd.yaml", "captures.key", "signing.key", "known-secrets.sealed"} <= names


def test_a_session_with_a_flipped_bit_in_its_journal_is_still_shown(begun: Path) -> None:
    record(begun, *(ev.NoteAdded(text=f"note {number}", by="op") for number in range(4)))
    for seq in range(1, 6):
        with closing(sqlite3.connect(begun / "journal.db", isolation_level=None)) as journal:
            (sound,) = journal.execute("SELECT body FROM entries WHERE seq = ?", (seq,)).fetchone()
            flipped = bytes([sound[0] ^ 1, *sound[1:]])
            journal.execute("UPDATE entries SET body = ? WHERE seq = ?", (flipped, seq))
        with closing(bootstrap.open_session(begun.name, begun, read_only=True)) as session:
            assert [note.text for note in session.state.notes] == [
                f"note {number}" for number in range(4) if number + 2 != seq
            ]
        shown = runbook("status", begun.name)
        assert shown.exit_code == 0, shown.output
        assert "Look at it" in shown.stdout
        lost = f"The record is damaged: entry {seq} of the journal can't be read"
        assert (lost in shown.stdout) is (seq < 5)  # nothing follows the last one
        with pytest.raises(JournalError, match=f"Entry {seq} of ") as refused:
            bootstrap.open_session(begun.name, begun)
        assert "read-only" in refused.value.hint
        with closing(sqlite3.connect(begun / "journal.db", isolation_level=None)) as journal:
            journal.execute("UPDATE entries SET body = ? WHERE seq = ?", (sound, seq))
