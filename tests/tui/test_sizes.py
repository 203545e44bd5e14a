"""All is reachable at each size."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.testing.session import FakeSession
from runbook_app.tui.screens.checkpoint import CheckpointDialog
from runbook_app.tui.screens.dry_run import DryRunScreen
from runbook_app.tui.screens.live import LivePage
from tests.tui import stage
from tests.tui.conftest import SMALL, WIDE, Open
from tests.tui.places import PLACES, Place, at
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


FIRST_OF_KIND = {place.screen: name for name, place in reversed(PLACES.items())}
PAGES = [name for name, place in PLACES.items() if place.screen is LivePage]
RESIZED = list(dict.fromkeys([*FIRST_OF_KIND.values(), *PAGES]))
"""A place of each class of screens, and each page."""
NARROW = (60, 30)
NARROWER: dict[type, tuple[int, int]] = {DryRunScreen: (42, 40), CheckpointDialog: (30, 40)}
"""What stands there fits into less."""


@pytest.mark.parametrize("place", [PLACES[name] for name in RESIZED], ids=RESIZED)
async def test_a_screen_that_is_resized_while_it_is_open_looks_as_if_it_was_opened_so(
    place: Place, tmp_path: Path
):
    for name in ("small", "wide"):
        (tmp_path / name).mkdir()
    narrow = NARROWER.get(place.screen, NARROW)
    async with at(place, tmp_path / "small", narrow) as pilot:
        small = text(pilot)
    async with at(place, tmp_path / "wide", WIDE) as pilot:
        wide = text(pilot)
        await pilot.resize_terminal(*narrow)
        await until(pilot, lambda: text(pilot) == small)
        await pilot.resize_terminal(*WIDE)
        await until(pilot, lambda: text(pilot) == wide)


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
