"""Pictures of a session, for documentation."""

from __future__ import annotations

from pathlib import Path

from runbook_app.testing.session import FakeSession
from runbook_app.tui.screenshot import screenshot
from tests.tui import stage


def test_a_session_is_drawn_after_some_keys(session: FakeSession, tmp_path: Path):
    stage.fill_log(stage.tls_running(session))
    session.refresh()
    out = tmp_path / "session.svg"
    screenshot(session, out, keys=("2",), now=lambda: stage.NOW)
    image = out.read_text(encoding="utf-8")
    assert image.startswith("<svg")
    assert "09:12:00" in image
