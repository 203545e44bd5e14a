"""Looking at a screen as a person would: its text, and waiting until it shows something."""

from __future__ import annotations

import time
from collections.abc import Callable

from textual.pilot import Pilot

from runbook_app.domain.commands import Command
from runbook_app.testing.session import FakeSession
from runbook_app.tui.app import RunbookApp
from runbook_app.tui.screens.session import SessionScreen

PATIENCE = 60.0
"""Seconds until something is held to come no more."""


def text(pilot: Pilot[int]) -> str:
    """What stands on the screen, trailing spaces left out."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(part.text for part in strip).rstrip() for strip in strips)


def session_screen(pilot: Pilot[int]) -> SessionScreen:
    assert isinstance(pilot.app, RunbookApp)
    return pilot.app.session_screen


async def until(pilot: Pilot[int], holds: Callable[[], object]) -> None:
    """Let the app work until something holds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if holds():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"never came true; the screen shows\n{text(pilot)}")


async def until_shown(pilot: Pilot[int], words: str) -> None:
    await until(pilot, lambda: words in text(pilot))


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def sent(pilot: Pilot[int], session: FakeSession, count: int = 1) -> Command:
    """The newest command, once so many were sent."""
    await until(pilot, lambda: len(session.sent) >= count)
    assert len(session.sent) == count, session.sent
    return session.sent[-1]


async def nothing_sent(pilot: Pilot[int], session: FakeSession) -> None:
    await until(pilot, lambda: not any(w.group == "commands" for w in pilot.app.workers))
    await pilot.pause()
    assert session.sent == []


def notices(pilot: Pilot[int]) -> str:
    return "\n".join(notice.message for notice in pilot.app._notifications)
