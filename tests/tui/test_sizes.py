"""Text snapshots at both sizes, and that all is reachable at each."""

from __future__ import annotations

import pytest
from syrupy.assertion import SnapshotAssertion

from runbook_app.testing.session import FakeSession
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
from tests.tui.screen import press, text, until, until_shown

SIZES = pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "120x40"])


def checkpoint(session: FakeSession) -> FakeSession:
    stage.checkpoint_open(stage.headers_done(stage.started(session)))
    return stage.asked(session, "q1", "TLS guide reviewed")


@SIZES
@pytest.mark.parametrize(
    "arrange",
    [stage.started, stage.tls_running, stage.tls_failed, stage.tls_unknown, checkpoint],
    ids=["started", "running", "failed", "unknown", "checkpoint"],
)
async def test_the_session_screen(
    session: FakeSession, opened: Open, snapshot: SnapshotAssertion, size, arrange
):
    stage.fill_log(arrange(session))
    async with opened(session, size) as pilot:
        await until_shown(pilot, "confirm?" if arrange is checkpoint else "? help")
        assert text(pilot) == snapshot


@SIZES
async def test_the_failure_menu(
    session: FakeSession, opened: Open, snapshot: SnapshotAssertion, size
):
    stage.fill_log(stage.tls_failed(session))
    async with opened(session, size) as pilot:
        await press(pilot, "enter")
        await until_shown(pilot, "▌1 Retry")
        assert text(pilot) == snapshot


@SIZES
async def test_a_dead_engine(session: FakeSession, opened: Open, snapshot: SnapshotAssertion, size):
    stage.tls_running(session)
    session.alive = False
    async with opened(session, size) as pilot:
        await until_shown(pilot, "ENGINE DEAD")
        assert text(pilot) == snapshot


@SIZES
async def test_the_help_page(session: FakeSession, opened: Open, snapshot: SnapshotAssertion, size):
    stage.tls_running(session)
    async with opened(session, size) as pilot:
        await press(pilot, "question_mark")
        await until_shown(pilot, "run next")
        assert text(pilot) == snapshot
        await press(pilot, "escape")
        assert len(pilot.app.screen_stack) == 1


@SIZES
async def test_the_log(session: FakeSession, opened: Open, snapshot: SnapshotAssertion, size):
    stage.fill_log(stage.tls_running(session), 400)
    async with opened(session, size) as pilot:
        await press(pilot, "l", "l", "slash", *"GET", "enter", "N", "&", "v", "up", "up")
        await until_shown(pilot, "3 marked, y copies · only GET, 131 of 134")
        assert text(pilot) == snapshot


async def test_each_pane_opens_in_turn_on_a_small_screen(session: FakeSession, opened: Open):
    stage.fill_log(stage.tls_running(session))
    async with opened(session, SMALL) as pilot:
        assert "2.1 Generate TLS certificates" in text(pilot)
        await press(pilot, "tab")
        await until_shown(pilot, "A redirect that loses the method breaks clients.")
        assert "2.1 Generate TLS certificates" not in text(pilot)
        await press(pilot, "tab")
        await until(pilot, lambda: text(pilot).count("GET /health") >= 4)
        await press(pilot, "tab")
        await until_shown(pilot, "2.1 Generate TLS certificates")


async def test_the_header_keeps_live_and_the_target_on_a_small_screen(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    async with opened(session, SMALL) as pilot:
        first, second = text(pilot).splitlines()[:2]
    assert "LIVE  staging" in first
    assert "engine ● alive" in first
    for part in ("1h12m", "ETA 09:25–09:38", "closes 20:00", "undo by 19:50", "no score"):
        assert part in second


@pytest.mark.parametrize("size", [(40, 10), (20, 5), (300, 90), (100, 24), (99, 24)])
async def test_any_size_is_drawn_and_resized(session: FakeSession, opened: Open, size):
    stage.fill_log(stage.tls_failed(session))
    async with opened(session, size) as pilot:
        await pilot.resize_terminal(*SMALL)
        await until_shown(pilot, "Test HTTPS access and redirects")
        await pilot.resize_terminal(*size)
        await press(pilot, "tab", "tab", "z", "z")
        assert pilot.app.is_running


async def test_without_colour_every_state_can_still_be_told(
    session: FakeSession, opened: Open, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    stage.tls_failed(session)
    async with opened(session) as pilot:
        shown = text(pilot)
        strips = pilot.app.screen._compositor.render_strips()
        styles = [part.style for strip in strips for part in strip if part.style]
        colours = {colour for style in styles for colour in (style.color, style.bgcolor) if colour}
        assert all(colour.is_default for colour in colours)
    assert "✗ 2.4" in shown
    assert "FAILED" in shown
    assert "▌" in shown
