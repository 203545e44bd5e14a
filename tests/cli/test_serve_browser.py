"""`serve` in a real browser: the link, the screen that is painted, and a second browser."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app.engine.client import SessionClient
from tests.cli.chromium import BUFFER, chromium
from tests.cli.served import Serving, sessions

pytestmark = pytest.mark.slow


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionClient]:
    yield from sessions(tmp_path, monkeypatch)


@pytest.fixture
def serving(session: SessionClient) -> Iterator[Serving]:
    serving = Serving(session)
    yield serving
    serving.close()


def colours(png: bytes) -> int:
    """How many different bytes its rows are made of: one where nothing was painted."""
    data, place = b"", 8
    while place < len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        if png[place + 4 : place + 8] == b"IDAT":
            data += png[place + 8 : place + 8 + length]
        place += length + 12
    return len(set(zlib.decompress(data)))


async def test_the_screen_is_painted_in_the_browser_that_opens_the_link(
    serving: Serving, tmp_path: Path
) -> None:
    async with chromium(tmp_path / "browser") as tab:
        blank = colours(await tab.picture())
        await tab.call("Page.navigate", url=serving.link)
        shown = await tab.until(BUFFER, lambda text: text and "Find the file" in text)
        assert "Look at it" in shown
        assert await tab.value("location.href") == f"{serving.base}/"
        assert await tab.value("document.cookie") == ""
        await tab.until(
            "getComputedStyle(document.querySelector('.opening')).display", "none".__eq__
        )
        assert colours(await tab.picture()) > blank + 20
        await tab.value("document.querySelector('.xterm-helper-textarea').focus()")
        await tab.press("n")
        await tab.until(BUFFER, lambda text: "You are watching read-only" in text)
        serving.session.refresh()
        assert serving.session.state.epoch == 0
    async with chromium(tmp_path / "another") as tab:
        await tab.call("Page.navigate", url=serving.link)
        said = await tab.until("document.body.innerText", lambda text: text)
        assert "used already" in said


async def test_the_page_says_when_its_screen_has_ended(serving: Serving, tmp_path: Path) -> None:
    async with chromium(tmp_path / "browser") as tab:
        await tab.call("Page.navigate", url=serving.link)
        await tab.until(BUFFER, lambda text: text and "Find the file" in text)
        serving.process.terminate()
        await tab.until("document.body.innerText", lambda text: "The session has not" in text)
