"""How each screen looks at both sizes, and that its mode can be told on every one.

Where a screen was meant to change: `pytest tests/tui/test_screens.py --snapshot-update`.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.app import App
from textual.screen import Screen

from runbook_app import tui
from runbook_app.tui.app import RunbookApp
from runbook_app.tui.pages import PAGES
from runbook_app.tui.screens.live import LivePage
from tests.tui.conftest import SMALL, WIDE
from tests.tui.places import PLACES, Place, as_copy, as_replay, at
from tests.tui.screen import text

SIZES = pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x24", "120x40"])


def screens(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [PLACES[name] for name in names], ids=names)


FIRST_OF_KIND = list({place.screen: name for name, place in reversed(PLACES.items())}.values())
"""A place for each class of screens."""
IN_SESSION = [name for name in FIRST_OF_KIND if PLACES[name].arrange is not None]
IN_REPLAY = [name for name in IN_SESSION if PLACES[name].in_replay]


def screen_classes() -> set[type]:
    """Screens and apps that the package defines, without those that are only bases of others."""
    found: set[type] = set()
    for module in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            ours = inspect.isclass(kind) and kind.__module__ == module.name
            if ours and issubclass(kind, Screen | App):
                found.add(kind)
    return {kind for kind in found if not any(issubclass(o, kind) and o != kind for o in found)}


@SIZES
@screens(*PLACES)
async def test_a_screen_looks_as_it_did_and_says_that_it_is_live(
    place: Place, size: tuple[int, int], tmp_path: Path, snapshot: SnapshotAssertion
):
    async with at(place, tmp_path, size) as pilot:
        assert text(pilot) == snapshot
        if place.arrange is not None:
            assert text(pilot).startswith(place.begins("  LIVE  staging "))


def test_every_screen_of_the_package_has_a_place_in_the_table():
    shown = {place.screen for place in PLACES.values()} | {RunbookApp}
    missing = sorted(kind.__name__ for kind in screen_classes() - shown)
    assert missing == [], f"tests/tui/places.py lacks {', '.join(missing)}"
    pages = {place.keys[0] for place in PLACES.values() if place.screen is LivePage}
    assert pages == {kind.key for kind in PAGES}


@screens(*IN_SESSION)
async def test_a_rehearsal_says_so_on_every_screen_and_of_what(place: Place, tmp_path: Path):
    async with at(place, tmp_path, SMALL, as_copy) as pilot:
        assert text(pilot).startswith(place.begins("  REHEARSAL  of staging "))
        assert not place.dry or "of the copy of staging" in text(pilot)
        assert "╭" not in text(pilot)


@screens(*IN_REPLAY)
async def test_a_replay_says_so_on_every_screen(place: Place, tmp_path: Path):
    async with at(place, tmp_path, SMALL, as_replay) as pilot:
        assert text(pilot).startswith(" ▷ REPLAY staging ")
        assert "╭" not in text(pilot)
