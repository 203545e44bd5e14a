from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.http import HttpClient
from runbook_app.testing.run import FakeTarget


@pytest.fixture
def target(tmp_path: Path) -> FakeTarget:
    return FakeTarget(tmp_path)


@pytest.fixture
def without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A log that lacks a mark is looked at again at once."""
    monkeypatch.setattr("actions._log_mark.PAUSE", 0)


@pytest.fixture
def networked(tmp_path: Path) -> FakeTarget:
    """A target with the real HTTP client, for servers on loopback."""
    return FakeTarget(tmp_path, http=HttpClient())
