"""What an earlier session did counts for a new one, as long as nothing found it to have drifted."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import events as ev
from runbook_app.domain.measure import Verdict

PLAN = """\
plan: motd
title: Message of the day
version: "1"
target: {compose: compose.yml}
items:
  - id: look
    number: 1
    title: Look at it
    steps:
      - {id: present, title: Find the file, action: files.present, with: {path: motd}}
    success:
      - {id: there, check: files.present, with: {path: motd}}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a session that has done its item."""
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    target = tmp_path / "target"
    target.mkdir()
    (target / "compose.yml").write_text("services: {}\n")
    (tmp_path / "motd.yaml").write_text(PLAN)
    session = bootstrap.create_session(tmp_path / "motd.yaml", target, {})
    session.close()
    tell(
        session.folder,
        ev.StepStarted(item="look", step="look.present", attempt=1, parameters={}),
        ev.StepSucceeded(item="look", step="look.present"),
        criterion("success", Verdict.PASSED),
        ev.ItemVerified(item="look"),
    )
    return session.folder


def tell(folder: Path, *events: ev.AnyEvent) -> None:
    async def append() -> None:
        journal = SqliteJournal(folder / "journal.db", SystemClock())
        await journal.append(*events)
        journal.close()

    asyncio.run(append())


def criterion(section: str, verdict: Verdict) -> ev.CheckFinished:
    return ev.CheckFinished(
        item="look", section=section, line="there", title="There", verdict=verdict
    )


def recheck(folder: Path, verdict: Verdict) -> None:
    tell(
        folder,
        ev.RecheckStarted(id="r", by="op", probes=False),
        criterion("recheck", verdict),
        ev.RecheckFinished(id="r", held=0, failed=0, not_measured=0),
    )


def test_an_item_counts_until_it_is_found_to_have_drifted(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    done = bootstrap.find_done_before("motd", "look", target)
    assert done is not None
    assert done.session == folder.name
    recheck(folder, Verdict.FAILED)
    assert bootstrap.find_done_before("motd", "look", target) is None
    recheck(folder, Verdict.PASSED)
    assert bootstrap.find_done_before("motd", "look", target) == done
