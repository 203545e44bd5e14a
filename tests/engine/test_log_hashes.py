"""A finished step carries the hash of its log: what is altered later is found, and where."""

from __future__ import annotations

import sqlite3
from typing import cast

import pytest
from msgspec.structs import replace

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.logs import SqliteLogWriter, digests
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.state import StepStatus
from runbook_app.headless.verify import Finding, verify_logs

from .world import World, plan_of, step

SAYS = step("only.says", "child", argv=["sh", "-c", "echo first; echo second"])
FAILS = replace(step("only.fails", "child", argv=["sh", "-c", "echo why; exit 3"]), retries=1)


def found(world: World) -> Finding:
    finding = Finding()
    journal = SqliteJournal(world.folder / "journal.db", SystemClock(), read_only=True)
    try:
        verify_logs(journal, lambda name: digests(world.folder / "logs.db", name), finding)
    finally:
        journal.close()
    return finding


def sql(world: World, statement: str) -> None:
    connection = sqlite3.connect(world.folder / "logs.db")
    with connection:
        assert connection.execute(statement).rowcount == 1
    connection.close()


@pytest.fixture
async def world(driven) -> World:
    async with driven(plan_of(SAYS, FAILS)) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.fails").status is StepStatus.FAILED)
        await session.send(cmd.RetryStep, step="only.fails")
        await session.until(lambda: session.state.step("only.fails").attempt == 3)
        await session.idle()
    return cast(World, session.world)


def journal_of(world: World) -> list[Entry]:
    journal = SqliteJournal(world.folder / "journal.db", SystemClock(), read_only=True)
    try:
        return journal.read()
    finally:
        journal.close()


async def test_the_log_of_each_finished_step_is_as_its_hash_says(world: World) -> None:
    bodies = [entry.body for entry in journal_of(world)]
    hashes = [e.log_sha256 for e in bodies if isinstance(e, ev.StepSucceeded | ev.StepFailed)]
    assert len(hashes) == len({*hashes}) == 3
    assert all(hashes)
    finding = found(world)
    assert (finding.wrong, finding.lines) == ([], ["Logs      of 2 steps are as their hashes say"])


async def test_what_was_logged_after_its_event_changes_nothing(world: World) -> None:
    writer = SqliteLogWriter(world.folder / "logs.db")
    writer.write("api", "only.says", b"late\n")
    writer.close()
    assert found(world).wrong == []


NEWEST = "first = (SELECT max(first) FROM chunks WHERE step = 'only.says')"
SHOUTED = "CAST(upper(CAST(body AS TEXT)) AS BLOB)"
CHANGES = {
    "changed": f"UPDATE chunks SET body = {SHOUTED} WHERE {NEWEST}",
    "taken out": f"DELETE FROM chunks WHERE {NEWEST}",
    "put in": f"INSERT INTO chunks SELECT -1, 1, at, '', step, x'0a' FROM chunks WHERE {NEWEST}",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
async def test_an_altered_log_is_found_with_its_step_and_entry(world: World, change: str) -> None:
    sql(world, change)
    (wrong,) = found(world).wrong
    entry = next(e.seq for e in journal_of(world) if isinstance(e.body, ev.StepSucceeded))
    assert wrong.startswith(
        f"The log of step only.says is not the one whose hash stands in entry {entry} "
    )


async def test_a_log_that_is_gone_is_found(world: World) -> None:
    for path in world.folder.glob("logs.db*"):
        path.unlink()
    assert len(found(world).wrong) == 2
