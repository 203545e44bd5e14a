"""A screen ends with its terminal, also where nobody passes the hang-up on; its engine stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.engine.client import SessionClient
from tests.cli.terminal import Screen
from tests.cli.test_hands import session
from tests.cli.test_take_over import target
from tests.cli.test_verify import home

__all__ = ["home", "session", "target"]

pytestmark = pytest.mark.timeout(300)  # engine and screen are processes of their own

NOT_TOLD = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)"


def test_a_screen_ends_with_its_terminal_and_stops_nothing(
    session: SessionClient, target: Path
) -> None:
    screen = Screen(target, first=NOT_TOLD)
    screen.until("engine ● alive")
    assert screen.hang_up() == 129
    assert session.engine_alive()
