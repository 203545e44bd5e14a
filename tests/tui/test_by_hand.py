"""Going in by hand: recorded first, the terminal given away after it, and marked on the screen."""

from __future__ import annotations

import pytest
from textual.drivers.headless_driver import HeadlessDriver

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.testing.session import FakeSession
from runbook_app.tui.view.node import Node, NodeKind
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
from tests.tui.screen import (
    nothing_sent,
    notices,
    press,
    sent,
    session_screen,
    text,
    until,
    until_shown,
)


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that can give its terminal away."""
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)


def went_in(hands: str = "h1", step: str = "tls.test", during: str = "") -> ev.HandsWentIn:
    return ev.HandsWentIn(
        id=hands,
        by="op",
        way="psql",
        what="psql as postgres in db",
        item="tls",
        step=step,
        during=during,
        pid=1,
        pid_started="1",
    )


def touched(session: FakeSession) -> FakeSession:
    session.emit(went_in())
    session.emit(ev.HandsCameOut(id="h1", exit_code=0), at="2025-10-24T09:11:00.000Z")
    return session


async def test_it_is_recorded_before_the_terminal_is_given_away_and_its_end_after(
    session: FakeSession, opened: Open
):
    stage.tls_failed(session)
    commands_before: list[cmd.Command] = []
    session.by_hand.code = 3
    session.by_hand.meanwhile = lambda: commands_before.extend(session.sent)
    async with opened(session) as pilot:
        await press(pilot, "!")
        await until_shown(pilot, "psql as postgres in db")
        await press(pilot, "2")
        command = await sent(pilot, session, 2)
    (asked,) = commands_before
    assert isinstance(asked, cmd.GoInByHand)
    assert (asked.way, asked.what, asked.item) == ("psql", "psql as postgres in db", "tls")
    assert (asked.pid, asked.pid_started) == (4300, "2")
    assert session.by_hand.went == [("psql", asked.id)]
    assert isinstance(command, cmd.ComeOut)
    assert (command.hands, command.exit_code, command.reason) == (asked.id, 3, "")


async def test_nobody_goes_in_when_the_engine_refuses(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    session.answer = lambda _: "No."
    async with opened(session) as pilot:
        await press(pilot, "!")
        await until_shown(pilot, "psql as postgres in db")
        await press(pilot, "1")
        await until(pilot, lambda: "GoInByHand was rejected: No." in notices(pilot))
    assert session.by_hand.went == []


async def test_a_program_that_does_not_begin_is_told_and_recorded(
    session: FakeSession, opened: Open
):
    stage.tls_failed(session)
    session.by_hand.failure = ActionError("The container db is gone.")
    async with opened(session) as pilot:
        await press(pilot, "!")
        await until_shown(pilot, "psql as postgres in db")
        await press(pilot, "2")
        command = await sent(pilot, session, 2)
        assert "The container db is gone." in notices(pilot)
    assert isinstance(command, cmd.ComeOut)
    assert (command.exit_code, command.reason) == (None, "The container db is gone.")


async def test_its_end_is_told_to_the_next_engine_when_this_one_died(
    session: FakeSession, opened: Open
):
    stage.tls_failed(session)

    def die() -> None:
        session.emit(went_in(session.sent[-1].id))
        session.alive = False

    session.by_hand.meanwhile = die
    async with opened(session) as pilot:
        await press(pilot, "!")
        await until_shown(pilot, "psql as postgres in db")
        await press(pilot, "2")
        await until_shown(pilot, "ENGINE DEAD")
        assert len(session.sent) == 1
        session.emit(ev.EngineStarted(epoch=2, pid=1, pid_started="1", host="host"))
        session.alive = True
        session_screen(pilot).look_at_engine()
        await until(pilot, lambda: len(session.sent) > 1)
    command = session.sent[1]
    assert isinstance(command, cmd.ComeOut)
    assert command.epoch == 2


async def test_a_running_step_is_warned_of(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await press(pilot, "!")
        await until_shown(pilot, "is RUNNING: what you do now happens beside it")
        assert "Step 2.4 Test HTTPS access and redirects" in text(pilot)


async def test_an_observer_can_not_go_in(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    session.read_only = True
    async with opened(session) as pilot:
        await press(pilot, "!")
        await nothing_sent(pilot, session)
        assert "read-only" in notices(pilot)
    assert session.by_hand.went == []


async def test_without_a_terminal_it_says_why_not(
    session: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(HeadlessDriver, "can_suspend", False)
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await press(pilot, "!")
        await nothing_sent(pilot, session)
        assert "no terminal of its own to give away (runbook serve" in notices(pilot)
        assert "runbook attach fake" in notices(pilot)


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_the_step_is_marked_in_the_tree(
    session: FakeSession, opened: Open, size: tuple[int, int]
):
    touched(stage.tls_failed(session))
    async with opened(session, size) as pilot:
        rows = [row for row in text(pilot).splitlines() if "2.4" in row]
        assert any("touched by hand · FAILED" in row for row in rows), text(pilot)
        assert not any("touched" in row for row in text(pilot).splitlines() if "2.3" in row)


async def test_the_panel_says_who_was_in_when_and_how_it_ended(session: FakeSession, opened: Open):
    touched(stage.tls_failed(session))
    async with opened(session) as pilot:
        await until_shown(pilot, "Touched by hand: psql as postgres in db, by op")
        assert "exit code 0" in text(pilot)


async def test_those_who_look_see_that_somebody_is_in(session: FakeSession, opened: Open):
    stage.tls_running(session)
    session.emit(went_in(during="tls.test"))
    async with opened(session) as pilot:
        await until_shown(pilot, "by hand: psql as postgres in db, by op")


async def test_r_warns_before_it_rolls_a_touched_item_back(session: FakeSession, opened: Open):
    touched(stage.tls_failed(session))
    async with opened(session) as pilot:
        await until_shown(pilot, "touched by hand, captures may not cover that")
        await press(pilot, "r")
        await until_shown(pilot, "What was captured may not cover that")
        assert session.sent == []
        await press(pilot, "2")
        await nothing_sent(pilot, session)
        await press(pilot, "r")
        await until_shown(pilot, "What was captured may not cover that")
        await press(pilot, "1")
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RollBackItem)


async def test_the_failure_menu_leads_there_too(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        screen = session_screen(pilot)
        screen.plan_tree.select(Node(NodeKind.STEP, "tls", "tls.test"))
        screen.show()
        labels = [choice.label for choice in screen.situation().menu]
        await press(pilot, "enter", *["down"] * labels.index("Go in by hand"), "enter")
        await until_shown(pilot, "psql as postgres in db")
