"""A click does what a key does; nothing needs one."""

from __future__ import annotations

from textual.events import MouseScrollUp

from runbook_app.domain import commands as cmd
from runbook_app.engine.replay import ReplayedSession
from runbook_app.testing.logs import ListedLines
from runbook_app.testing.session import FakeSession
from runbook_app.tui.app import RunbookApp
from tests.tui import stage
from tests.tui.conftest import Open
from tests.tui.screen import press, sent, session_screen, until, until_shown


async def test_a_click_selects_a_row_of_the_plan(session: FakeSession, opened: Open):
    stage.tls_running(session)
    async with opened(session) as pilot:
        await pilot.click("#items", offset=(8, 1))
        await until_shown(pilot, "Item 1 · API security headers")


async def test_a_click_takes_a_way_out_of_a_failure(session: FakeSession, opened: Open):
    stage.tls_failed(session)
    async with opened(session) as pilot:
        await until_shown(pilot, "· Retry")
        await pilot.click("#ways-out", offset=(4, 1))
        command = await sent(pilot, session)
    assert isinstance(command, cmd.RetryStep)


async def test_a_click_answers_a_question(session: FakeSession, opened: Open):
    stage.tls_running(session)
    stage.asked(session, "q9", "Which?", step="tls.test", kind="choice", choices=("one", "two"))
    async with opened(session) as pilot:
        await until_shown(pilot, "2 two")
        await pilot.click("#answers", offset=(4, 1))
        command = await sent(pilot, session)
    assert isinstance(command, cmd.AnswerQuestion)
    assert command.answer == "two"


async def test_a_click_goes_to_the_log_and_keys_go_on_there(session: FakeSession, opened: Open):
    stage.fill_log(stage.tls_running(session))
    async with opened(session) as pilot:
        await pilot.click("#log", offset=(20, 5))
        await until(pilot, lambda: session_screen(pilot).panes.active == "log")
        await press(pilot, "l")
        await until(pilot, lambda: session_screen(pilot).panes.zoomed)


async def test_a_click_puts_the_cursor_on_a_line_of_the_log(session: FakeSession, opened: Open):
    stage.fill_log(stage.tls_running(session), 400)
    async with opened(session) as pilot:
        view = session_screen(pilot).log_pane.view
        await until(pilot, lambda: view.scroll_offset.y > 300)
        await pilot.click("#log-view", offset=(20, 4))
        await until(pilot, lambda: view.cursor == view.scroll_offset.y + 4)
        assert not view.following


async def test_the_wheel_holds_the_log_where_it_is(session: FakeSession, opened: Open):
    stage.fill_log(stage.tls_running(session), 400)
    async with opened(session) as pilot:
        view = session_screen(pilot).log_pane.view
        await until(pilot, lambda: view.scroll_offset.y > 300)
        await pilot._post_mouse_events([MouseScrollUp], "#log-view", offset=(20, 4))
        await until(pilot, lambda: not view.following)


async def test_a_click_on_the_slider_of_a_replay_goes_there(session: FakeSession):
    stage.tls_failed(session)
    record = session._entries
    replay = ReplayedSession("s", session.folder, session.plan, record, ListedLines([]))
    app = RunbookApp(replay, replay.now)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, f"entry 1 of {replay.last}")
        await pilot.click("#header", offset=(110, 2))
        await until_shown(pilot, f"entry {replay.last} of {replay.last}")
        await pilot.click("#header", offset=(50, 2))
        await until(pilot, lambda: replay.last // 3 < replay.position < replay.last * 2 // 3)
        await pilot.click("#header", offset=(1, 2))
        await until_shown(pilot, f"entry 1 of {replay.last}")
