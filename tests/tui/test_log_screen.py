"""The log by its keys: filters, parts, search, wrapping, jumps, copies, and a huge log."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot

from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.ports.journal import LogLine
from runbook_app.testing.clock import FixedClock
from runbook_app.testing.session import FakeSession
from runbook_app.tui.widgets.log_view import LogView
from tests.tui import stage
from tests.tui.conftest import SMALL, Open
from tests.tui.screen import PATIENCE, notices, press, session_screen, text, until, until_shown

MANY = 300_000


@pytest.fixture
def logged(session: FakeSession, tmp_path: Path) -> FakeSession:
    session.folder = tmp_path
    return stage.fill_log(stage.tls_running(session), 400)


def view(pilot: Pilot[int]) -> LogView:
    return session_screen(pilot).log_pane.view


def put(session: FakeSession, number: int, words: str, step: str = "") -> None:
    at = session.logs.stored[number].at
    session.logs.stored[number] = LogLine(number, at, "nginx", step, words)


async def search(pilot: Pilot[int], words: str) -> None:
    keys = [{"/": "slash", ".": "full_stop"}.get(key, key) for key in words]
    await press(pilot, "slash", *keys, "enter")
    await until(pilot, lambda: not any(w.group == "commands" for w in pilot.app.workers))


def _rows(pilot: Pilot[int]) -> list[str]:
    """The log's rows, without its frame and scroll bar."""
    rows = text(pilot).splitlines()
    first = next(n for n, row in enumerate(rows) if "╭─ Log" in row)
    return [row[48:110] for row in rows[first + 1 : -3]]


# Place


async def test_the_place_to_the_side_holds_while_lines_arrive(logged: FakeSession, opened: Open):
    logged.logs.add("begin" + "." * 200 + "finish")
    async with opened(logged) as pilot:
        await until(pilot, lambda: view(pilot).virtual_size.width > 200)
        await press(pilot, "l", "up", *["right"] * 3)
        place = view(pilot).scroll_offset
        assert place.x == 60
        for number in range(50):
            logged.logs.add(f"late {number}" * 50)
        await until(pilot, lambda: view(pilot).rows.stored == 451)
        await pilot.pause()
        assert view(pilot).scroll_offset == place


async def test_held_is_said_on_a_small_screen_too(logged: FakeSession, opened: Open):
    async with opened(logged, SMALL) as pilot:
        await press(pilot, "l", "pageup")
        await until_shown(pilot, "‖ HELD")


# Parts


async def test_one_source_and_one_step_are_shown_alone(logged: FakeSession, opened: Open):
    put(logged, 17, "mine", step="tls.test")
    async with opened(logged) as pilot:
        await press(pilot, "l", "l", "o")
        await until_shown(pilot, "step 2.4 tls.test")
        await press(pilot, "2")
        await until_shown(pilot, "Log · tls.test · following · 1 line")
        assert "mine" in text(pilot)
        await press(pilot, "o", "3")
        await until_shown(pilot, "Log · api · following · 133 lines")
        assert "GET /health" not in text(pilot)
        await press(pilot, "o", "1")
        await until_shown(pilot, "Log · following · 400 lines")


# Search and filter


async def test_hits_are_counted_and_only_they_are_shown(logged: FakeSession, opened: Open):
    put(logged, 100, "zz one")
    put(logged, 300, "zz two")
    async with opened(logged) as pilot:
        await press(pilot, "l", "l")
        await search(pilot, "zz")
        await until_shown(pilot, "search zz, 2 of 2")
        await press(pilot, "&")
        await until_shown(pilot, "only zz, 2 of 2 · 2 lines")
        assert "GET /health" not in text(pilot)
        logged.logs.add("zz three")
        await until_shown(pilot, "zz three")
        await press(pilot, "N", "&")
        await until_shown(pilot, "search zz, 1 of 3")
        assert "00099 GET /health" in text(pilot)
        assert view(pilot).current == 100


async def test_a_regular_expression_is_searched_for_and_a_broken_one_refused(
    logged: FakeSession, opened: Open
):
    put(logged, 100, "took 731ms")
    async with opened(logged) as pilot:
        await press(pilot, "l", "ctrl+r")
        await search(pilot, "3.ms")
        await until_shown(pilot, "search /3.ms/, 1 of 1")
        await press(pilot, "ctrl+r")
        await until_shown(pilot, "search 3.ms, 0")
        await press(pilot, "ctrl+r")
        await search(pilot, "(")
        await until(pilot, lambda: "can't be searched for" in notices(pilot))
        await press(pilot, "escape")
        assert view(pilot).sought


async def test_an_expression_that_would_backtrack_without_end_freezes_nothing(
    logged: FakeSession, opened: Open
):
    logged.logs.add("a" * 7_999 + "b")
    logged.logs.add("a" * 8_000)
    async with opened(logged) as pilot:
        await press(pilot, "l", "l", "ctrl+r")
        await search(pilot, "(a+)+$")
        await until_shown(pilot, "search /(a+)+$/, 1 of 1")
        await press(pilot, "&")
        await until_shown(pilot, "only /(a+)+$/, 1 of 1 · 1 line")
        assert view(pilot).current == 401
        await press(pilot, "&", "up")
        assert view(pilot).current == 400


async def test_a_level_filters_and_the_first_error_is_gone_to(logged: FakeSession, opened: Open):
    put(logged, 50, "[warn] one")
    put(logged, 150, "[error] two")
    put(logged, 250, "ERROR: three")
    async with opened(logged) as pilot:
        await press(pilot, "l", "l", "L")
        await until_shown(pilot, "only warnings and errors, 3 · 3 lines")
        await press(pilot, "L")
        await until_shown(pilot, "only errors, 2 · 2 lines")
        await press(pilot, "L")
        await until_shown(pilot, "400 lines")
        await press(pilot, "E")
        await until_shown(pilot, "search errors, 1 of 2")
        assert view(pilot).current == 150


async def test_escape_gives_up_one_thing_at_a_time(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        await press(pilot, "l")
        await search(pilot, "GET")
        await press(pilot, "&", "v")
        await until_shown(pilot, "1 marked")
        await press(pilot, "escape")
        await until(pilot, lambda: "marked" not in text(pilot))
        await press(pilot, "escape")
        await until_shown(pilot, "search GET")
        await press(pilot, "escape")
        await until(pilot, lambda: "GET," not in text(pilot))


# Wrapping and jumps


async def test_wrapped_the_newest_line_is_seen_to_its_end(logged: FakeSession, opened: Open):
    logged.logs.add("begin" + "界" * 300 + "finish")
    async with opened(logged) as pilot:
        await press(pilot, "l", "w")
        await until_shown(pilot, "finish")
        assert text(pilot).count("界") == 300
        await press(pilot, "home")
        await until_shown(pilot, "00000 GET")
        await press(pilot, "w", "end")
        await until_shown(pilot, "begin")
        assert "finish" not in text(pilot)


async def test_wrapped_the_place_holds_while_lines_arrive(logged: FakeSession, opened: Open):
    for _ in range(20):
        logged.logs.add("begin" + "x" * 700 + "finish")
    async with opened(logged) as pilot:
        await press(pilot, "l", "w", "up")
        await until_shown(pilot, "HELD")
        before = _rows(pilot)
        for number in range(50):
            logged.logs.add(f"late {number}")
        await until(pilot, lambda: view(pilot).rows.stored == 470)
        await pilot.pause()
        assert _rows(pilot) == before


@pytest.mark.parametrize("wrapped", [(), ("w",)], ids=["cut", "wrapped"])
async def test_the_cursor_stays_in_sight_when_the_terminal_is_resized(
    logged: FakeSession, opened: Open, wrapped: tuple[str, ...]
):
    put(logged, 390, "here I am")
    async with opened(logged) as pilot:
        await press(pilot, "l", "l", *wrapped)
        await search(pilot, "here I am")
        for size in (SMALL, (80, 10), (200, 60), SMALL):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda: any("here I am" in row for row in _shown_log(pilot)))


def _shown_log(pilot: Pilot[int]) -> list[str]:
    """The rows of a screen that the log has for itself, without its title."""
    return [row for row in text(pilot).splitlines() if "Log ·" not in row]


async def test_a_time_and_the_selected_steps_begin_are_gone_to(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        await press(pilot, "l", "at", *"09:01:30", "enter")
        await until(pilot, lambda: view(pilot).current == 90)
        await press(pilot, "J")
        await until(pilot, lambda: view(pilot).current == 399)


async def test_keys_of_the_log_say_so_elsewhere(logged: FakeSession, opened: Open):
    async with opened(logged) as pilot:
        await press(pilot, "y")
        assert "key of the log" in notices(pilot)


# Copies


async def test_a_line_a_selection_and_a_step_are_copied(logged: FakeSession, opened: Open):
    put(logged, 398, "hostile \x1b]52;c;eA==\x07", step="tls.test")
    put(logged, 200, "the step's first", step="tls.test")
    async with opened(logged) as pilot:
        await press(pilot, "l", "y")
        await until(pilot, lambda: pilot.app.clipboard == "00399 GET /health 200 0.004")
        await press(pilot, "up", "v", "down", "y")
        await until(pilot, lambda: "2 lines copied" in notices(pilot))
        first, second = pilot.app.clipboard.splitlines()
        assert first == "2025-10-24T09:06:38.000Z nginx hostile ␛]52;c;eA==␇"
        assert second == "2025-10-24T09:06:39.000Z nginx 00399 GET /health 200 0.004"
        await press(pilot, "up", "Y")
        await until(pilot, lambda: "the step's first" in pilot.app.clipboard)
        assert len(pilot.app.clipboard.splitlines()) == 2
    assert logged.sent == []


async def test_what_is_too_long_is_copied_to_a_file(logged: FakeSession, opened: Open):
    logged.logs.add("x" * 5_000_000)
    async with opened(logged) as pilot:
        await press(pilot, "l", "y")
        await until(pilot, lambda: "too long for the clipboard" in notices(pilot))
        assert pilot.app.clipboard == ""
    (file,) = (logged.folder / "copies").iterdir()
    assert file.stat().st_size == 5_000_001


# A huge log, as it is stored


@pytest.fixture
def huge(session: FakeSession, tmp_path: Path) -> Iterator[FakeSession]:
    writer = SqliteLogWriter(tmp_path / "logs.db", FixedClock())
    writer.write("api", "", b"".join(b"line %06d\n" % n for n in range(MANY)))
    writer.write("nginx", "", b"x" * 5_000_000 + b"\n")
    writer.close()
    session.logs = SqliteLogReader(tmp_path / "logs.db")  # type: ignore[assignment]
    yield stage.tls_running(session)
    session.logs.close()


async def test_in_a_huge_log_only_what_is_seen_is_read(
    huge: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []
    lines = SqliteLogReader.lines

    def counting(self: SqliteLogReader, first: int, count: int):
        asked.append(count)
        return lines(self, first, count)

    monkeypatch.setattr(SqliteLogReader, "lines", counting)
    async with opened(huge) as pilot:
        await press(pilot, "l", "l", "w", "home", "w", "end", "pageup")
        await search(pilot, "e 1234")
        await until_shown(pilot, "100 of 100")
        await press(pilot, "&", "home")
        await until_shown(pilot, "line 123400")
        assert "line 123401" in text(pilot)
    assert sum(asked) < 20_000
    assert max(asked) < 4 * 40


async def test_a_search_ends_with_the_screen(logged: FakeSession, opened: Open):
    over = threading.Event()

    def endless(*_: object) -> Iterator[tuple[int, list[int]]]:
        while not over.is_set():
            yield 0, []

    logged.logs.scan = endless  # type: ignore[assignment,method-assign]
    async with opened(logged) as pilot:
        await press(pilot, "l", "L")
        await until(pilot, lambda: view(pilot).rows.search)
        found = view(pilot).rows.search
        await until(pilot, lambda: found.running)
    deadline = time.monotonic() + PATIENCE
    while found.running and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    running = found.running
    over.set()
    assert not running
