"""Going in by hand in the real program: a real engine, a real terminal, and `sh`."""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.domain import commands as cmd
from runbook_app.domain.hands import within
from runbook_app.engine.client import SessionClient
from tests.cli.terminal import PATIENCE, Screen
from tests.cli.test_take_over import target
from tests.cli.test_verify import home
from tests.engine.test_hands import logged

__all__ = ["home", "target"]

pytestmark = pytest.mark.timeout(300)  # engine, screen and shell are processes of their own

RECORDED = """\
import sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("select body from entries").fetchall()
print("on", "record:", sum(b"HandsWentIn" in bytes(str(row[0]), "utf-8") for row in rows))
"""


@pytest.fixture
def session(target: Path) -> Iterator[SessionClient]:
    (target / ".env").write_text(f"API_TOKEN={secrets.token_hex(16)}\n")
    opened = bootstrap.create_session(target.parent / "motd.yaml", target, {})
    opened.ensure_engine()
    opened.refresh()
    yield opened
    asyncio.run(stop(opened))
    opened.close()


async def stop(opened: SessionClient) -> None:
    opened.refresh()
    await opened.send(cmd.Stop)
    while opened.engine_alive():
        await opened.changes(0.5)


@pytest.fixture
def screen(session: SessionClient, target: Path) -> Iterator[Screen]:
    found = Screen(target)
    yield found
    found.close()


def test_a_shell_is_on_record_before_it_begins_and_with_its_end_and_what_it_showed(
    session: SessionClient, screen: Screen, target: Path
) -> None:
    (target / "recorded.py").write_text(RECORDED)
    secret = (target / ".env").read_text().strip().partition("=")[2]
    screen.until("by hand")
    screen.type("!")
    screen.until("a shell in")
    screen.type("1")
    screen.until("It is on record")
    screen.type(f"{sys.executable} recorded.py {session.folder}/journal.db\n")
    screen.until("on record: 1")
    screen.type("stty size; cat .env; test -t 0 && echo at a ter''minal\n")
    screen.until("at a terminal")
    assert "40 120" in screen.shown
    assert secret in screen.shown
    screen.type("exit 3\n")
    screen.until("touched by hand")
    asyncio.run(until_out(session))
    (one,) = session.state.hands.values()
    assert one.came_out is not None
    assert one.came_out.exit_code == 3
    assert one.went_in.what == f"a shell in {target}"
    assert one.at < one.out_at
    text = logged(session.folder)
    assert "API_TOKEN=[secret:API_TOKEN]" in text
    assert "at a terminal" in text
    files = [path for path in session.folder.rglob("*") if path.is_file()]
    assert not [path for path in files if secret.encode() in path.read_bytes()]


def test_those_are_out_whose_terminal_was_closed(session: SessionClient, screen: Screen) -> None:
    screen.until("by hand")
    screen.type("!")
    screen.until("a shell in")
    screen.type("1")
    screen.until("It is on record")
    screen.close()
    asyncio.run(until_out(session))
    (one,) = session.state.hands.values()
    assert one.came_out is not None
    assert one.came_out.exit_code is None


async def until_out(session: SessionClient) -> None:
    async with asyncio.timeout(PATIENCE):
        while not session.state.hands or within(session.state):
            await session.changes(0.5)
