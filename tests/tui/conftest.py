"""Apps on fake sessions, driven by pilot."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from runbook_app.testing.session import FakeSession
from runbook_app.tui.app import RunbookApp
from tests.tui import stage

WIDE = (120, 40)
SMALL = (80, 24)

Open = Callable[..., AbstractAsyncContextManager[Pilot[int]]]


@pytest.fixture
def session(tmp_path: Path) -> FakeSession:
    return stage.session_in(tmp_path)


@pytest.fixture
def opened() -> Open:
    """Open a session's screen; its clock stands at `stage.NOW`."""

    @asynccontextmanager
    async def open_screen(
        session: FakeSession, size: tuple[int, int] = WIDE
    ) -> AsyncIterator[Pilot[int]]:
        session.refresh()
        app = RunbookApp(session, now=lambda: stage.NOW)
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.pause()
            yield pilot

    return open_screen
