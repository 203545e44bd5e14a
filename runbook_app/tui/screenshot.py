"""Draws a session's screen without a terminal, as an SVG image."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from textual.app import App

from runbook_app.ports.session import Session
from runbook_app.tui.app import RunbookApp, wall_clock

SETTLE = 0.5
"""Seconds that the screen gets to read the journal and the log."""


def screenshot(
    session: Session,
    out: Path,
    *,
    size: tuple[int, int] = (120, 40),
    keys: Sequence[str] = (),
    now: Callable[[], str] = wall_clock,
) -> None:
    """Write what the session's screen shows after some keys.

    A key does what it does for an operator: give only such as change what is seen, or hand in a
    read-only session.
    """
    app = RunbookApp(session, now=now)
    out.write_text(asyncio.run(draw(app, session.plan.title, size, keys)), encoding="utf-8")


async def draw(app: App[Any], title: str, size: tuple[int, int], keys: Sequence[str] = ()) -> str:
    """What an app shows after some keys, as an SVG image."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause(SETTLE)
        if keys:
            await pilot.press(*keys)
            await pilot.pause(SETTLE)
        return app.export_screenshot(title=title, simplify=True)
