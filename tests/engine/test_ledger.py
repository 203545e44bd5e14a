"""The engine's state is the journal's, in its order, whoever else writes meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.redaction import Redactor
from runbook_app.testing.doorbell import MemoryDoorbell


def note(text: str) -> ev.NoteAdded:
    return ev.NoteAdded(text=text, by="engine")


async def test_what_another_process_wrote_comes_first(tmp_path: Path) -> None:
    journals = [SqliteJournal(tmp_path / "journal.db", SystemClock()) for _ in range(2)]
    ledger = Ledger(journals[0], MemoryDoorbell(), Redactor())
    told: list[str] = []
    ledger.listeners.append(
        lambda entries: told.extend(getattr(entry.body, "text", "") for entry in entries)
    )
    await ledger.emit(note("one"))
    await journals[1].append(note("two"), note("three"))
    await ledger.emit(note("four"), note("five"))
    await ledger.emit(note("six"))
    assert told == ["one", "two", "three", "four", "five", "six"]
    assert ledger.state.seq == 6
    for journal in journals:
        journal.close()


async def test_one_s_own_event_is_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(tmp_path / "journal.db", SystemClock())
    ledger = Ledger(journal, MemoryDoorbell(), Redactor())
    monkeypatch.setattr(journal, "read", lambda *_: [])
    await ledger.emit(note("one"))
    assert ledger.state.seq == 1
    journal.close()
