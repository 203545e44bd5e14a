"""psql in the database's container, by hand, from the real screen, and a rollback after it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.domain.hands import within
from runbook_app.engine.client import SessionClient
from tests.cli.terminal import Screen
from tests.engine.test_hands import logged

from .demos import TLS, Demo, made_demo

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with made_demo(tmp_path, "hands") as made:
        yield made


def test_a_table_made_in_psql_is_on_record_and_found_by_the_rollbacks_proof(demo: Demo) -> None:
    run = demo.runbook("run", str(TLS), "--target", ".", "--yes", "--until", "certificates")
    assert run.returncode == 0, run.stdout + run.stderr
    session = bootstrap.open_session(None, demo.root)
    session.ensure_engine()
    screen = Screen(demo.root)
    try:
        go_in_and_out(screen, "psql as", "1", "create table by_hand (n int);\n", "CREATE TABLE")
        go_in_and_out(screen, "psql as", "2", "select 6 * 7 as answer;\n", "42")
        go_in_and_out(screen, "a shell in db", "3", "echo $((6 * 7))x\n", "42x")
        asyncio.run(all_out(session, 3))
        hands = list(session.state.hands.values())
        assert [one.came_out.exit_code for one in hands if one.came_out] == [0, 0, 0]
        assert {one.went_in.step for one in hands} == {"certificates"}
        assert "CREATE TABLE" in logged(session.folder)
        back = demo.runbook("rollback", "tls", "--target", ".", "--yes")
    finally:
        screen.close()
        session.close()
    told = back.stdout + back.stderr
    assert back.returncode == 1, told
    assert "was touched by hand (psql as" in told
    assert "by_hand" in told
    assert "NOT PROVEN" in told


def go_in_and_out(screen: Screen, shown: str, key: str, typed: str, answer: str) -> None:
    """Choose a way in by its number, type something, see the answer, and leave."""
    screen.until("by hand")
    screen.type("!")
    screen.until(shown)
    screen.type(key)
    screen.until("It is on record")
    screen.type(typed)
    screen.until(answer)
    screen.type("\x04")
    screen.until("by hand")


async def all_out(session: SessionClient, count: int) -> None:
    async with asyncio.timeout(120):
        while len(session.state.hands) < count or within(session.state):
            await session.changes(0.5)
