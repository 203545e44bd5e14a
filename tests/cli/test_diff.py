"""`runbook diff`: what an item changed, told by a process of its own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.file_captures import FileCapturable
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.domain import events as ev
from tests.cli.test_leaks import record
from tests.cli.test_verify import begun, home, runbook

__all__ = ["begun", "home"]


def capture(session: Path, root: Path, name: str) -> Path:
    """Capture a file of the target as the item's step does, and return its path."""
    prior = asyncio.run(FileCapturable(root).prior(name))
    sealer = FileKeySealer(bootstrap.home() / "captures.key")
    path = FolderArtefacts(session, sealer).put_sealed(f"look-{name}", prior.content)
    record(
        session,
        ev.CaptureTaken(
            id=f"look/{name}",
            item="look",
            step="look.present",
            kind="file",
            name=name,
            path=path,
            sha256=hashlib.sha256(prior.content).hexdigest(),
            summary=prior.summary,
        ),
    )
    return root / name


@pytest.fixture
def motd(begun: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    target = tmp_path / "target"
    (target / "motd").write_text("hello\n")
    return capture(begun, target, "motd")


def test_lines_before_and_now_and_nothing_when_they_are_equal(begun: Path, motd: Path) -> None:
    unchanged = runbook("diff", begun.name, "look")
    assert unchanged.stdout == "Nothing that look captured has changed since.\n"
    assert json.loads(runbook("diff", begun.name, "look", "--json").stdout) == []
    motd.write_text("hello\nworld\n")
    shown = runbook("diff", begun.name, "look")
    assert shown.exit_code == 0, shown.output
    assert "motd before (mode 0644" in shown.stdout
    assert "\n hello\n+world\n" in shown.stdout
    (change,) = json.loads(runbook("diff", begun.name, "look", "--json").stdout)
    assert (change["kind"], change["name"]) == ("file", "motd")


def test_a_secret_of_the_target_is_masked_and_a_private_file_told_by_its_hash(
    begun: Path, motd: Path
) -> None:
    value = secrets.token_urlsafe(24)
    root = motd.parent
    key = capture(begun, root, "app.key")
    key.write_text(value)
    (root / ".env").write_text(f"DB_PASSWORD={value}\n")
    motd.write_text(f"hello {value}\n")
    shown = runbook("diff", begun.name, "look")
    assert "+hello [secret:DB_PASSWORD]" in shown.stdout
    assert "app.key: 32 bytes" in shown.stdout
    assert value not in shown.output


def test_a_capture_that_is_gone_is_said_and_the_rest_is_shown(begun: Path, motd: Path) -> None:
    other = capture(begun, motd.parent, "other")
    other.write_text("new\n")
    motd.write_text("bye\n")
    next(begun.glob("captures/look-motd*")).unlink()
    shown = runbook("diff", begun.name, "look")
    assert "It can't be compared:" in shown.stdout
    assert "+new" in shown.stdout


def test_an_item_that_is_not_in_the_plan_is_refused(begun: Path) -> None:
    refused = runbook("diff", begun.name, "lok")
    assert refused.exit_code == 2
    assert "look" in refused.output
