"""All is reachable at each size."""

from __future__ import annotations

import pytest

from runbook_app.testing.session import FakeSession
from tests.tui import stage
from tests.tui.conftest import SMALL, Open
from tests.tui.screen import press, text, until, until_shown


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


async def test_the_pane_that_has_the_keys_is_told_without_colour(
    session: FakeSession, opened: Open
):
    stage.tls_running(session)
    titles = {"1": "Items", "2": "Step 2.4", "3": "following"}
    async with opened(session) as pilot:
        for key in titles:
            await press(pilot, key)
            strips = pilot.app.screen._compositor.render_strips()
            parts = [part for strip in strips for part in strip if part.style]
            marked = {
                one
                for one, title in titles.items()
                if any(title in part.text and part.style.underline for part in parts)
            }
            assert marked == {key}


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
