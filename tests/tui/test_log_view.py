"""The log: reads only what is seen, holds its place, searches, obeys nothing."""

from __future__ import annotations

import pytest

from runbook_app.domain.errors import JournalError
from runbook_app.ports.journal import LogLine
from runbook_app.testing.session import FakeSession
from runbook_app.tui.view.loglines import LONGEST, occurrences, shown
from runbook_app.tui.widgets import log_view
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
from tests.tui.screen import press, session_screen, text, until, until_shown

MANY = 200_000


@pytest.fixture
def logged(session: FakeSession) -> FakeSession:
    return stage.fill_log(stage.tls_running(session), 400)


async def test_it_opens_at_the_newest_line(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        assert "00399 GET /health" in text(pilot)
        assert "following · 400 lines" in text(pilot)


async def test_only_visible_lines_are_read(session: FakeSession, opened: Open):
    stage.fill_log(stage.tls_running(session), MANY)
    async with opened(session) as pilot:
        assert f"{MANY:,} lines" in text(pilot)
        await press(pilot, "l", "home")
        await until_shown(pilot, "00000 GET /health")
        assert session.logs.fetched < MANY // 40


async def test_new_lines_are_followed(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        logged.logs.add("the newest line")
        await until_shown(pilot, "the newest line")


async def test_lines_that_fly_by_are_drawn_only_now_and_then(
    logged: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    async with opened(logged) as pilot:
        clock = [0.0]
        monkeypatch.setattr(log_view, "monotonic", lambda: clock[0])
        view = session_screen(pilot).log_pane.view
        logged.logs.add("drawn")
        await until_shown(pilot, "drawn")
        stage.fill_log(logged, 400)
        await until(pilot, lambda: view.rows.stored == 801)
        logged.logs.add("the newest line")
        await until(pilot, lambda: view.rows.stored == 802)
        await pilot.pause(2 * log_view.FRAME)
        assert "drawn" in text(pilot)
        clock[0] += 2 * log_view.FLOOD
        await until_shown(pilot, "the newest line")


@pytest.mark.parametrize("key", ["up", "pageup", "home"])
async def test_scrolling_up_holds_the_place_while_lines_arrive(
    logged: FakeSession, opened: Open, key: str
):
    async with opened(logged) as pilot:
        view = session_screen(pilot).log_pane.view
        await press(pilot, "l", key)
        await until(pilot, lambda: not view.following)
        place = view.scroll_offset.y
        for number in range(50):
            logged.logs.add(f"late {number}")
        await until(pilot, lambda: view.rows.stored == 450)
        await pilot.pause()
        assert view.scroll_offset.y == place
        assert "late" not in text(pilot)
        assert "HELD" in text(pilot)


@pytest.mark.parametrize("key", ["f", "end"])
async def test_following_resumes_by_key(logged: FakeSession, opened: Open, key: str):
    async with opened(logged) as pilot:
        await press(pilot, "l", "pageup")
        await until_shown(pilot, "HELD")
        logged.logs.add("the newest line")
        await press(pilot, key)
        await until_shown(pilot, "the newest line")
        assert "following" in text(pilot)


async def test_scrolling_down_to_the_end_does_not_resume_following(
    logged: FakeSession, opened: Open
):
    async with opened(logged) as pilot:
        await press(pilot, "l", "up", "pagedown", "pagedown")
        logged.logs.add("the newest line")
        await until(pilot, lambda: session_screen(pilot).log_pane.view.rows.stored == 401)
        assert "following" not in text(pilot)


async def test_a_resize_keeps_following(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        for size in (SMALL, (60, 12), WIDE):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert session_screen(pilot).log_pane.view.following
        await until_shown(pilot, "00399 GET /health")


async def test_search_goes_up_from_the_end_and_n_goes_on(logged: FakeSession, opened: Open):
    logged.logs.stored[100] = LogLine(100, stage.NOW, "nginx", "", "upstream [error] one")
    logged.logs.stored[300] = LogLine(300, stage.NOW, "nginx", "", "upstream [error] two")
    async with opened(logged) as pilot:
        await press(pilot, "slash", *"[error]", "enter")
        await until_shown(pilot, "[error] two")
        await press(pilot, "N")
        await until_shown(pilot, "[error] one")
        assert not session_screen(pilot).log_pane.view.following
        await press(pilot, "n")
        await until_shown(pilot, "[error] two")
        await press(pilot, "n")
        await until_shown(pilot, "NOT FOUND: [error], 2 of 2")
        await press(pilot, "escape")
        assert "[error]," not in text(pilot)
    assert logged.sent == []


async def test_n_is_a_note_again_outside_the_log(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        await press(pilot, "slash", *"GET", "enter", "1", "n")
        await until_shown(pilot, "What should the record say?")


async def test_nothing_in_a_line_is_obeyed(logged: FakeSession, opened: Open):
    logged.logs.add("a [bold red]b[/] \x1b[31mc\x1b[0m \x1b]0;owned\x07 \u202ed", source="[x]\x1b")
    async with opened(logged, (160, 40)) as pilot:
        await until_shown(pilot, "a [bold red]b[/] ␛[31mc␛[0m ␛]0;owned␇ <U+202E>d")


async def test_a_line_of_five_megabytes_is_cut_and_counted(logged: FakeSession, opened: Open):
    logged.logs.add("x" * 5_000_000)
    async with opened(logged) as pilot:
        await until(pilot, lambda: "xxxx" in text(pilot))
        view = session_screen(pilot).log_pane.view
        assert view.virtual_size.width < LONGEST + 100


async def test_a_long_line_scrolls_sideways_behind_its_prefix(logged: FakeSession, opened: Open):
    logged.logs.add("begin" + "." * 200 + "finish", source="api")
    async with opened(logged) as pilot:
        await until_shown(pilot, "begin")
        view = session_screen(pilot).log_pane.view
        await until(pilot, lambda: view.virtual_size.width > 200)
        await press(pilot, "l", *["right"] * 12)
        await until_shown(pilot, "finish")
        assert "api" in text(pilot)


async def test_l_twice_gives_the_log_the_whole_screen(logged: FakeSession, opened: Open):
    async with opened(logged, SMALL) as pilot:
        await press(pilot, "l", "l")
        await until(pilot, lambda: text(pilot).count("GET /health") >= 5)
        assert "Items" not in text(pilot)
        await press(pilot, "z", "1")
        assert "Items" in text(pilot)


async def test_a_log_that_cannot_be_read_says_so_and_the_screen_goes_on(
    logged: FakeSession, opened: Open
):
    async with opened(logged) as pilot:
        logged.logs.failure = JournalError("logs.db can't be read: disk I/O error.")
        await until_shown(pilot, "disk I/O error")
        logged.logs.failure = None
        logged.logs.add("readable again")
        await until(
            pilot, lambda: "readable again" in text(pilot) and "disk I/O error" not in text(pilot)
        )


def test_a_prefix_has_time_and_source():
    line = shown(LogLine(0, "2025-10-24T09:11:58.120Z", "nginx", "", "GET /\thealth"))
    assert line.prefix == "09:11:58 nginx     "
    assert line.text == "GET /   health"


def test_what_is_cut_is_counted():
    line = shown(LogLine(0, stage.NOW, "api", "", "y" * (LONGEST + 7)))
    assert line.text.endswith("… 7 more characters")


@pytest.mark.parametrize(("sought", "places"), [("ab", [(0, 2), (3, 5)]), ("zz", []), ("", [])])
def test_occurrences(sought: str, places: list[tuple[int, int]]):
    assert occurrences("ab ab", sought) == places
