"""psql in the database's container, by hand, from the real screen, and a rollback after it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.domain.hands import within
from runbook_app.engine.client import SessionClient
from tests.cli.terminal import PATIENCE, Screen
from tests.engine.test_hands import logged

from .demos import TLS, Demo, lives, made_demo

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

PSQL = "accounts="
"""Of its prompt: `accounts=#` for a superuser, `accounts=>` for others."""


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    with made_demo(tmp_path, "hands") as made:
        yield made


def test_a_table_made_in_psql_is_on_record_and_found_by_the_rollbacks_proof(demo: Demo) -> None:
    run = demo.runbook("run", str(TLS), "--target", ".", "--yes", "--until", "tls.certificates")
    assert run.returncode == 0, run.stdout + run.stderr
    session = bootstrap.open_session(None, demo.root)
    session.ensure_engine()
    screen = Screen(demo.root)
    try:
        sql = "create table by_hand (n int);\n"
        in_psql(session, screen, "psql", sql, "CREATE TABLE")
        in_psql(session, screen, "psql-app", "select 6 * 7 as answer;\n", "(1 row)")
        (shell,) = [way.name for way in session.by_hand.ways() if way.what == "a shell in db"]
        go_in(session, screen, shell)
        screen.type("echo $((6 * 7))x\n")
        screen.until("42x")
        come_out(session, screen, "exit\n")
        hands = list(session.state.hands.values())
        assert [one.came_out.exit_code for one in hands if one.came_out] == [0, 0, 0]
        assert {one.went_in.step for one in hands} == {"tls.certificates"}
        assert "CREATE TABLE" in logged(session.folder)
        back = demo.runbook("rollback", "tls", "--target", ".", "--yes")
    finally:
        screen.close()
        end_engine(session)
        session.close()
    told = back.stdout + back.stderr
    assert back.returncode == 1, told
    assert "was touched by hand (psql as" in told
    assert "by_hand" in told
    assert "NOT PROVEN" in told


def end_engine(session: SessionClient) -> None:
    """Nobody else ends the one that this test has started."""
    session.refresh()
    if (engine := session.state.engine) is None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.kill(engine.pid, signal.SIGTERM)
    deadline = time.monotonic() + PATIENCE
    while lives(engine.pid, engine.pid_started):
        assert time.monotonic() < deadline, "its engine does not end"
        time.sleep(0.1)


def in_psql(session: SessionClient, screen: Screen, way: str, sql: str, answer: str) -> None:
    """Whole lines are typed: psql loses a ctrl+d that comes before its next prompt, of anybody."""
    go_in(session, screen, way)
    screen.until(PSQL)
    screen.type(sql)
    screen.until(answer)
    come_out(session, screen, "\\q\n")


def go_in(session: SessionClient, screen: Screen, way: str) -> None:
    """Choose a way in by its number, once the dialog of that title is there."""
    number = [one.name for one in session.by_hand.ways()].index(way) + 1
    screen.until("leave")
    screen.type("!")
    screen.until("By hand")
    screen.type(str(number))
    screen.until("It is on record")


def come_out(session: SessionClient, screen: Screen, keys: str) -> None:
    screen.type(keys)
    screen.until("touched by hand")
    asyncio.run(out(session))


async def out(session: SessionClient) -> None:
    session.refresh()
    async with asyncio.timeout(PATIENCE):
        while not session.state.hands or within(session.state):
            await session.changes(0.5)
