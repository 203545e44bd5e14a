"""What the shell says once the screen is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_app.headless.parting import farewell
from runbook_app.testing.session import FakeSession
from tests.tui import stage

Arrange = Callable[[FakeSession], FakeSession]


@pytest.mark.parametrize(
    ("alive", "arrange", "words"),
    [
        (True, stage.tls_running, "The engine goes on. Come back with: runbook attach"),
        (False, stage.tls_running, "nothing is lost. Go on with: runbook resume"),
        (False, stage.over, "nothing is left to do. What came of it: runbook report"),
        (True, stage.over, "The engine goes on. Come back with: runbook attach"),
    ],
)
def test_the_shell_says_how_to_come_back_or_go_on(
    tmp_path: Path, alive: bool, arrange: Arrange, words: str
):
    session = arrange(stage.session_in(tmp_path))
    session.refresh()
    session.alive = alive
    assert f"{words} {session.id}" in farewell(session)
