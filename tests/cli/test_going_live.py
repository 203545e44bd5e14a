"""Which sessions have to be told their target's name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.rehearsal_names import Names
from runbook_app.adapters.rehearsal_record import Begun
from runbook_app.cli import drive, screens
from runbook_app.cli.desk import MachineDesk
from runbook_app.engine.client import SessionClient
from runbook_app.tui import app
from runbook_app.tui.view.home import Start
from tests.cli.conftest import runbook

PLAN = (
    "plan: p\ntitle: T\nversion: '1'\ntarget: {compose: compose.yml}\n"
    "items:\n  - {id: a, number: 1, title: A, not_required: no need}\n"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With a plan and a target, on a terminal and a machine that lacks nothing."""
    (tmp_path / "plan.yaml").write_text(PLAN)
    (tmp_path / "staging").mkdir()
    (tmp_path / "staging" / "compose.yml").write_text("services: {}\n")
    monkeypatch.setattr(screens, "require_terminal", lambda _: None)
    monkeypatch.setattr(drive, "require_environment", lambda _: None)
    return tmp_path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SessionClient]]:
    """The sessions that came onto the screen."""
    found: list[SessionClient] = []

    def show(session: SessionClient, settings: Path) -> int:
        assert settings == bootstrap.home() / "theme"
        found.append(session)
        return 0

    monkeypatch.setattr(app, "run", show)
    yield found
    for session in found:
        session.close()


def test_open_begins_one_that_asks(place: Path, shown: list[SessionClient]) -> None:
    assert (
        runbook("open", str(place / "plan.yaml"), "--target", str(place / "staging")).exit_code == 0
    )
    assert [session.state.to_go_live for session in shown] == [True]
    assert shown[0].state.target_name == "staging"


def test_the_home_screen_begins_one_that_asks(place: Path) -> None:
    begun = MachineDesk().begin(Start(plan=place / "plan.yaml", target=str(place / "staging")))
    with closing(bootstrap.open_session(begun, place, read_only=True)) as session:
        assert session.state.to_go_live


def test_run_begins_one_that_does_not(place: Path) -> None:
    with closing(bootstrap.create_session(place / "plan.yaml", place / "staging", {})) as session:
        assert not session.state.to_go_live


def test_a_rehearsals_copy_is_known_as_one_and_is_not_asked_for(place: Path) -> None:
    folder = place / "work"
    begun = Begun(
        id="r1",
        pid=os.getpid(),
        pid_started="1",
        target=str(place / "staging"),
        folder=str(folder),
        names=Names(before="b", project="p", ports={}, subnets={}),
    )
    shutil.copytree(place / "staging", begun.copy)
    bootstrap.rehearsal_record().write(begun)
    with closing(
        bootstrap.create_session(place / "plan.yaml", begun.copy, {}, on_screen=True)
    ) as session:
        assert session.started.copy_of == str(place / "staging")
        assert not session.state.to_go_live
