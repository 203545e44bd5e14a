"""A person who does not look at the terminal is called when one is needed, once for each thing."""

from __future__ import annotations

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from runbook_app.domain import events as ev
from runbook_app.testing.session import FakeSession
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import session_screen, until, until_shown

NOTIFICATION = "\a\x1b]9;runbook: "


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Bells with their notifications."""
    found: list[str] = []

    def write(_: HeadlessDriver, data: str) -> None:
        if data.startswith(NOTIFICATION):
            found.append(data)

    monkeypatch.setattr(HeadlessDriver, "write", write)
    return found


async def test_a_question_a_failure_and_a_dead_engine_call_once_each(
    session: FakeSession, opened: Open, written: list[str]
):
    async with opened(stage.started(session)) as pilot:
        assert written == []
        stage.tls_running(session)
        stage.asked(session, "q1", "The team\x1b]9;x\a knows")
        await until_shown(pilot, "waiting for you")
        await until(pilot, lambda: written)
        session.emit(ev.NoteAdded(text="nothing new", by="op"))
        await until_shown(pilot, "waiting for you")
        assert written == [f"{NOTIFICATION}◐ waiting for you: The team␛]9;x␇ knows\a"]
        session.emit(ev.QuestionAnswered(id="q1", answer="yes", by="op"))
        stage.tls_failed(session)
        await until(pilot, lambda: len(written) == 2)
        assert "failed" in written[1]
        session.alive = False
        session_screen(pilot).look_at_engine()
        await until(pilot, lambda: len(written) == 3)
        assert "ENGINE DEAD" in written[2]


async def test_a_rollback_that_failed_and_the_end_of_the_work_call(
    session: FakeSession, opened: Open, written: list[str]
):
    async with opened(stage.tls_running(session)) as pilot:
        session.emit(
            ev.StepSucceeded(item="tls", step="tls.test"),
            ev.RollbackStarted(item="tls", by="op", reason=""),
            ev.RollbackFailed(item="tls", error="port 8001 is taken"),
        )
        await until(pilot, lambda: written)
        assert "port 8001 is taken" in written[0]
        session.emit(
            ev.RollbackStarted(item="tls", by="op", reason=""),
            ev.RollbackFinished(item="tls", proven=True, seconds=1),
            ev.NothingLeft(),
        )
        await until(pilot, lambda: len(written) == 2)
        assert "Nothing is left that can be done here (rolled back: 2;" in written[1]


async def test_who_comes_to_a_waiting_session_is_here_already(
    session: FakeSession, opened: Open, written: list[str]
):
    stage.asked(stage.tls_running(session), "q1", "Ready")
    async with opened(session) as pilot:
        await until_shown(pilot, "waiting for you")
    assert written == []


async def test_an_observer_is_not_called(session: FakeSession, opened: Open, written: list[str]):
    stage.started(session)
    session.read_only = True
    async with opened(session) as pilot:
        stage.asked(stage.tls_running(session), "q1", "Ready")
        await until_shown(pilot, "waiting for you")
    assert written == []
