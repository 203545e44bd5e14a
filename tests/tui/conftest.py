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
    guide = tmp_path / "guides" / "tls.md"
    guide.parent.mkdir()
    guide.write_text(stage.GUIDE, encoding="utf-8")
    kept = tmp_path / "session" / "captures" / "k1"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(2155))
    return FakeSession(stage.make_plan(tmp_path), folder=tmp_path / "session")


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
