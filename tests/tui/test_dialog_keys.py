"""What a dialog says of its keys is what they do: line, help and palette are made of commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import TextArea

from runbook_app.tui.screens.help import HelpScreen
from runbook_app.tui.screens.keyed import KeyedScreen
from runbook_app.tui.view.words import text_of
from runbook_app.tui.widgets.rows import Rows
from tests.tui.conftest import SMALL
from tests.tui.places import PLACES, Place, at
from tests.tui.screen import press, text, until, until_shown

KEYED = [name for name, place in PLACES.items() if issubclass(place.screen, KeyedScreen)]
WITH_OWN_PALETTE = [name for name in KEYED if PLACES[name].screen is not HelpScreen]


def places(names: list[str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", [PLACES[name] for name in names], ids=names)


def screen_of(pilot: Pilot[Any]) -> KeyedScreen[Any]:
    screen = pilot.app.screen
    assert isinstance(screen, KeyedScreen)
    return screen


def bound(screen: KeyedScreen[Any]) -> dict[str, str]:
    """Keys of our own bindings there, with their actions; Textual's fields have more."""
    found: dict[str, str] = {}
    for node in (screen, *screen.query(Rows)):
        for kind in type(node).__mro__:
            if kind.__module__.startswith("runbook_app."):
                for binding in vars(kind).get("BINDINGS", ()):
                    found.update({binding.key: binding.action})
    return found


def can_be_done(screen: KeyedScreen[Any], action: str) -> bool:
    name = f"action_{action.rpartition('.')[2].partition('(')[0]}"
    return any(hasattr(node, name) for node in (screen.app, screen, *screen.query(Rows)))


@places(KEYED)
async def test_keys_that_are_shown_or_in_help_are_bound_and_no_other_key_is(
    place: Place, tmp_path: Path
):
    async with at(place, tmp_path, SMALL) as pilot:
        screen = screen_of(pilot)
        told = {key for command in screen.helped() for key in command.keys}
        assert told == set(bound(screen))
        assert [
            action for action in bound(screen).values() if not can_be_done(screen, action)
        ] == []
        line = text_of(screen.key_line())
        assert line in text(pilot)
        shown = [command for command in screen.commands if command.shown]
        assert line == "  ".join(f"{command.keys[0]} {command.label}" for command in shown)


@places(WITH_OWN_PALETTE)
async def test_help_and_palette_have_every_command_of_a_dialog(place: Place, tmp_path: Path):
    async with at(place, tmp_path, (120, 60)) as pilot:
        screen = screen_of(pilot)
        offered = [found.title for found in pilot.app.get_system_commands(screen)]
        ours = [f"{command.label} ({command.all_keys})" for command in screen.commands]
        assert offered[: len(ours)] == ours
        assert offered[len(ours) :] == ["theme"]
        await press(pilot, "f1")
        await until_shown(pilot, "escape close")
        for command in screen.helped():
            assert command.all_keys in text(pilot)
            assert command.help[:30] in text(pilot)
        await press(pilot, "f1")
        await until(pilot, lambda: pilot.app.screen is screen)


async def test_a_command_of_the_palette_is_done_in_its_dialog(tmp_path: Path):
    async with at(PLACES["parameters"], tmp_path, SMALL) as pilot:
        dialog = screen_of(pilot)
        dialog.query_one(TextArea).text = "- 1"
        retry = next(c for c in pilot.app.get_system_commands(dialog) if "ctrl+s" in c.title)
        await retry.callback()
        await until_shown(pilot, "Parameters are lines of")


async def test_help_of_help_finds_the_commands_of_what_is_below(tmp_path: Path):
    async with at(PLACES["help"], tmp_path, SMALL) as pilot:
        offered = [found.title for found in pilot.app.get_system_commands(pilot.app.screen)]
        assert "blocker (b)" in offered
