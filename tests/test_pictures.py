"""The pictures in the docs: each is there, each screen has one, and none tells of a machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pictures.__main__ import BLAST_RADIUS, PICTURES
from runbook_app.tui.commands.pages import OPEN_PAGES

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
TOUR = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
DRAWN = {"tour-home", *(picture.name for picture in (*PICTURES, BLAST_RADIUS))}
DOCUMENTS = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
OF_A_MACHINE = re.compile(r"/(?:root|tmp|home|work)/[^ <]*|\w+@[\w.]+|127\.0\.0\.1:(?!8001)\d+")
OTHERS = ("home", "session", "checkpoint", "failure", "log", "replay", "dry-run", "blast-radius")
"""Screens that are no pages."""


@pytest.mark.parametrize(
    "document", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_each_picture_that_a_document_names_is_there(document: str) -> None:
    path = ROOT / document
    named = re.findall(r"!\[[^]]*\]\(([^)#]+)\)", path.read_text(encoding="utf-8"))
    assert [name for name in named if not (path.parent / name).is_file()] == []


@pytest.mark.parametrize("screen", [*OTHERS, *(page.label for page in OPEN_PAGES)])
def test_each_screen_has_a_picture_in_the_tour(screen: str) -> None:
    assert f"tour-{screen}" in DRAWN
    assert f"(images/tour-{screen}.svg)" in TOUR


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_a_picture_tells_nothing_of_the_machine_it_was_made_on(name: str) -> None:
    image = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert image.startswith("<svg")
    words = image.replace("&#160;", " ")
    assert (
        re.findall(r"/(?:root|tmp|home|work)/[^ <]*|\w+@[\w.]+|127\.0\.0\.1:(?!8001)\d+", words)
        == []
    )
