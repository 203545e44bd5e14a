"""The themes: what can be read in them, and that they are chosen, remembered and left out."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from itertools import pairwise
from pathlib import Path

import pytest
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.image import SVGImageSnapshotExtension
from textual.color import Color
from textual.dom import DOMNode
from textual.style import Style
from textual.theme import Theme

from runbook_app import tui
from runbook_app.domain.measure import Verdict
from runbook_app.domain.state import ItemStatus, StepStatus
from runbook_app.tui.paint import STYLES
from runbook_app.tui.remembered import Remembered
from runbook_app.tui.theme import CONTRAST, DAY, NIGHT, THEMES
from runbook_app.tui.view.mode import Mode
from runbook_app.tui.view.words import Tone, sign
from tests.tui.conftest import SMALL, WIDE
from tests.tui.places import PLACES, at
from tests.tui.screen import press, text, until, until_shown

EACH_THEME = pytest.mark.parametrize("theme", THEMES, ids=[theme.name for theme in THEMES])
GROUNDS = ("background", "surface", "panel")
SESSION_STATES = (
    *("starting", "running", "waiting", "failed", "idle", "stopped", "finished"),
    *("ended", "paused", "interrupted", "unknown", "drifted", "waived", "confirmed", "assumed"),
)


def least(theme: Theme) -> float:
    """The ratio that text has to reach: WCAG's level AAA in the third theme, AA in the others."""
    return 7.0 if theme is CONTRAST else 4.5


def luminance(colour: Color) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [part / 255 for part in (colour.r, colour.g, colour.b)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(one: Color, other: Color) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def variables(theme: Theme) -> dict[str, str]:
    return {**theme.to_color_system().generate(), **theme.variables}


def test_the_ratio_is_that_of_wcag():
    black, white, grey = (Color.parse(name) for name in ("#000000", "#ffffff", "#767676"))
    assert ratio(white, black) == pytest.approx(21.0)
    assert ratio(grey, white) == pytest.approx(4.54, abs=0.005)


@EACH_THEME
@pytest.mark.parametrize("tone", Tone)
def test_each_tone_can_be_read_on_each_ground(theme: Theme, tone: Tone):
    known = variables(theme)
    style = Style.parse(STYLES[tone], known)
    ink = style.foreground or Color.parse(known["foreground"])
    for name in GROUNDS:
        ground = Color.parse(known[name])
        ground = ground + style.background if style.background else ground
        assert ratio(ground + ink, ground) >= least(theme), f"{tone} on {name}"


@EACH_THEME
@pytest.mark.parametrize("ink", ["foreground", "warning"])
def test_what_is_urgent_can_be_read_on_its_ground(theme: Theme, ink: str):
    known = variables(theme)
    assert ratio(Color.parse(known[ink]), Color.parse(known["alarm"])) >= least(theme)


@EACH_THEME
@pytest.mark.parametrize("mode", Mode)
def test_the_border_of_each_mode_can_be_seen(theme: Theme, mode: Mode):
    known = variables(theme)
    for name in GROUNDS:
        assert ratio(Color.parse(known[mode.colour]), Color.parse(known[name])) >= 3.0


def test_modes_differ_in_the_shape_of_their_borders_too():
    assert len({mode.border for mode in Mode}) == len({mode.colour for mode in Mode}) == len(Mode)


def test_styles_name_no_colour_for_text_but_those_that_are_measured():
    measured = {name for style in STYLES.values() for name in re.findall(r"\$([a-z-]+)", style)}
    found = {}
    for module in pkgutil.walk_packages(tui.__path__, f"{tui.__name__}."):
        for kind in vars(importlib.import_module(module.name)).values():
            if (
                inspect.isclass(kind)
                and issubclass(kind, DOMNode)
                and kind.__module__ == module.name
            ):
                css = f"{vars(kind).get('DEFAULT_CSS', '')}{vars(kind).get('CSS', '')}"
                for value in re.findall(
                    r"(?<![-a-z])(?:border-(?:sub)?title-)?color:\s*([^;]+);", css
                ):
                    found[value.strip().removeprefix("$")] = kind.__name__
    found.pop("secondary")  # of the cursor's mark, which is no text
    assert found
    assert set(found) <= {*measured, "foreground"}, found


@EACH_THEME
@pytest.mark.parametrize(
    "name", ["session, failed", "failure menu", "session, engine dead", "page S"]
)
async def test_what_is_painted_can_be_read(theme: Theme, name: str, tmp_path: Path):
    Remembered(tmp_path / "theme").keep(theme.name)
    async with at(PLACES[name], tmp_path, WIDE) as pilot:
        assert pilot.app.theme == theme.name
        strips = pilot.app.screen._compositor.render_strips()
    seen = [part for strip in strips for part in strip if re.search(r"\w", part.text)]
    assert seen
    for part in seen:
        assert part.style
        assert part.style.color
        assert part.style.bgcolor
        ink, ground = (Color.from_rich_color(c) for c in (part.style.color, part.style.bgcolor))
        assert ratio(ink, ground) >= least(theme), (part.text, ink.hex, ground.hex)


@EACH_THEME
async def test_a_failure_is_drawn_in_each_theme(
    theme: Theme, tmp_path: Path, snapshot: SnapshotAssertion
):
    Remembered(tmp_path / "theme").keep(theme.name)
    async with at(PLACES["failure menu"], tmp_path, WIDE) as pilot:
        image = pilot.app.export_screenshot(title=theme.name, simplify=True)
    how = "look at the image, then: pytest tests/tui/test_themes.py --snapshot-update"
    assert image == snapshot(extension_class=SVGImageSnapshotExtension), how


@pytest.mark.parametrize("state", [*StepStatus, *ItemStatus, *Verdict, *SESSION_STATES])
def test_each_state_has_a_word_and_a_glyph(state: str):
    shown = sign(state)
    assert shown.word
    assert len(shown.glyph) == 1
    assert shown.glyph != "·" or shown.word in ("not required", "not applicable")


def test_no_two_states_that_mean_another_thing_look_alike_without_colour():
    states = {str(state) for state in (*StepStatus, *ItemStatus, *Verdict, *SESSION_STATES)}
    shown = sorted((sign(state).word, sign(state).glyph) for state in states)
    assert [one for one, other in pairwise(shown) if one[0] == other[0]] == []


async def test_the_palette_chooses_the_theme_and_the_next_start_has_it(tmp_path: Path):
    place = PLACES["session, failed"]
    async with at(place, tmp_path, SMALL) as pilot:
        assert pilot.app.theme == NIGHT.name
        assert not (tmp_path / "theme").exists()
        await press(pilot, "ctrl+p", *"theme")
        await until_shown(pilot, "Change the colours")
        await press(pilot, "down", "enter")
        await until_shown(pilot, "Search for themes")
        await press(pilot, *"contrast")
        await until_shown(pilot, CONTRAST.name)
        await press(pilot, "down", "enter")
        await until(pilot, lambda: pilot.app.theme == CONTRAST.name)
    assert Remembered(tmp_path / "theme").theme() == CONTRAST.name


async def test_a_remembered_theme_that_there_is_none_of_is_not_used(tmp_path: Path):
    Remembered(tmp_path / "theme").keep("dracula")
    async with at(PLACES["session, failed"], tmp_path, SMALL) as pilot:
        assert pilot.app.theme == NIGHT.name
        assert set(pilot.app.available_themes) == {NIGHT.name, DAY.name, CONTRAST.name}


def test_what_can_t_be_kept_is_not_remembered(tmp_path: Path):
    (tmp_path / "file").write_text("")
    remembered = Remembered(tmp_path / "file" / "theme")
    remembered.keep(DAY.name)
    assert remembered.theme() == ""


@pytest.mark.parametrize("name", ["home", "session, failed", "going live", "page S"])
async def test_without_colour_no_colour_is_written(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("NO_COLOR", "1")
    async with at(PLACES[name], tmp_path, SMALL) as pilot:
        strips = pilot.app.screen._compositor.render_strips()
        filtered = [
            part
            for strip in strips
            for part in strip.apply_filter(pilot.app.get_line_filters()[0], Color(0, 0, 0))
        ]
        styles = [part.style for part in filtered if part.style]
        colours = {c for style in styles for c in (style.color, style.bgcolor) if c}
        assert all(colour.is_default for colour in colours)
        assert text(pilot)
