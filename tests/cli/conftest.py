from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.cli import commands
from tests.headless.stage import Stage

Use = Callable[[Stage], Stage]


def runbook(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments))


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Use:
    """Put a session in the place of the real one."""

    def put(session: Stage) -> Stage:
        session.folder = tmp_path / "session"
        session.folder.mkdir()
        monkeypatch.setattr(bootstrap, "load_plan", lambda *_, **__: session.plan)
        monkeypatch.setattr(bootstrap, "create_session", lambda *_, **__: session)
        monkeypatch.setattr(bootstrap, "open_session", lambda *_, **__: session)
        monkeypatch.setattr(bootstrap, "hold_pin", lambda found, **_: found)
        monkeypatch.setattr(doctor, "require", lambda *_: None)
        return session

    return put
