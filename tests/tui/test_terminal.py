"""A terminal that does not take what is drawn, as behind a slow line."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any

import pytest
from textual.drivers._writer_thread import WriterThread

from runbook_app.domain import events as ev
from runbook_app.ports.journal import LogLine
from runbook_app.testing.session import FakeSession
from runbook_app.tui.terminal import behind
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import text, until_shown


def app_with(driver: object) -> Any:
    return SimpleNamespace(_driver=driver)


def test_behind_is_who_has_not_taken_the_last_picture():
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as file:
        writer = WriterThread(file)
        app = app_with(SimpleNamespace(_writer_thread=writer))
        assert not behind(app)
        writer.start()
        for _ in range(3):
            writer.write("x" * 100_000)
        assert behind(app)
        left = 300_000
        while left:
            left -= len(os.read(reading, left))
        writer.stop()
        assert not behind(app)
    os.close(reading)


def test_a_driver_without_a_queue_is_never_behind():
    assert not behind(app_with(None))
    assert not behind(app_with(SimpleNamespace()))


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A line that is slow while it is told to be."""
    found = SimpleNamespace(slow=False)
    for module in ("screens.session", "widgets.log_view"):
        monkeypatch.setattr(f"runbook_app.tui.{module}.behind", lambda _: found.slow)
    return found


async def test_what_the_journal_says_waits_for_the_terminal_and_is_drawn_then(
    session: FakeSession,
    opened: Open,
    line: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr("runbook_app.tui.screens.session.TICK", 3_600.0)
    stage.tls_running(session)
    async with opened(session) as pilot:
        line.slow = True
        for done in range(5):
            session.emit(ev.StepProgressed(item="tls", step="tls.test", text=f"{done} of 5 seen"))
            await pilot.pause(0.1)
        assert "of 5 seen" not in text(pilot)
        line.slow = False
        await until_shown(pilot, "4 of 5 seen")


async def test_log_lines_wait_for_the_terminal_and_the_newest_are_drawn_then(
    session: FakeSession, opened: Open, line: SimpleNamespace
):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await until_shown(pilot, "following")
        line.slow = True
        number = session.logs.count()
        session.logs.stored.append(LogLine(number, stage.NOW, "nginx", "", "a line that waits"))
        await pilot.pause(0.3)
        assert "a line that waits" not in text(pilot)
        line.slow = False
        await until_shown(pilot, "a line that waits")
