"""A plan edited since its session began: refused with its lines, or accepted on record."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.domain import events as ev
from runbook_app.domain.errors import PlanEdited, PlanError, UsageError
from runbook_app.domain.state import ItemStatus, SessionState
from tests.cli.test_leaks import changed, record
from tests.cli.test_verify import home

__all__ = ["home"]

LOOK = """\
  - id: look
    number: 1
    title: Look at it
    steps:
      - {id: present, title: Find the file, action: files.present, with: {path: motd}}
"""
AGAIN = """\
  - id: again
    number: 2
    title: Look again
    steps:
      - {id: second, title: Find it again, action: files.present, with: {path: other}}
"""
HEAD = """\
plan: motd
title: Message of the day
version: "1"
target: {compose: compose.yml}
items:
"""
DONE = (
    ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h"),
    ev.CheckpointOpened(item="look"),
    ev.CheckpointPassed(item="look"),
    ev.StepStarted(item="look", step="look.present", attempt=1, parameters={}),
    ev.StepSucceeded(item="look", step="look.present"),
    ev.ItemVerified(item="look"),
    ev.ItemNotCommitted(item="look", reason="no repository", fatal=False),
    ev.EngineStopped(epoch=1, reason="x"),
)


@pytest.fixture
def begun(home: Path, tmp_path: Path) -> Path:
    """The folder of a session whose first item is done."""
    (tmp_path / "target").mkdir()
    (tmp_path / "target/compose.yml").write_text("services: {}\n")
    plan = edit(HEAD + LOOK + AGAIN)
    with closing(bootstrap.create_session(plan, tmp_path / "target", {})) as session:
        folder = session.folder
    record(folder, *DONE)
    return folder


def edit(text: str) -> Path:
    plan = Path("motd.yaml").absolute()
    plan.write_text(text)
    return plan


def resume(folder: Path, *, accept: bool = False) -> SessionState:
    """Hold the plan against its session as `resume` does; return the session's state after it."""
    session = bootstrap.open_session(folder.name, folder)
    with closing(session):
        session = bootstrap.hold_pin(session, accept=accept)
    with closing(session):
        assert session.plan.sha256 == session.state.plan_sha256
        return session.state


def refused(folder: Path, *, accept: bool = False) -> str:
    with pytest.raises((UsageError, PlanError)) as error:
        resume(folder, accept=accept)
    with closing(bootstrap.open_session(folder.name, folder, read_only=True)) as session:
        assert session.state.plan_changes == []
    return str(error.value)


def test_an_edited_plan_is_refused_with_the_lines_that_changed(begun: Path) -> None:
    assert resume(begun).plan_changes == []
    plan = edit(HEAD + LOOK + AGAIN.replace("path: other", "path: motd"))
    told = refused(begun)
    assert f"{plan} was edited since this session began" in told
    assert "--accept-plan-change" in told
    old, new = [line for line in told.splitlines() if "id: second" in line]
    assert (old[0], "path: other" in old) == ("-", True)
    assert (new[0], "path: motd" in new) == ("+", True)
    assert "id: present" not in told


def test_an_accepted_change_is_on_record_and_what_is_done_stays_done_in_another_order(
    begun: Path,
) -> None:
    edit(HEAD + AGAIN.replace("Find it again", "Find it at last") + LOOK)
    state = resume(begun, accept=True)
    (change,) = state.plan_changes
    assert "-      - {id: second, title: Find it again" in change.difference
    assert "+      - {id: second, title: Find it at last" in change.difference
    assert change.sha256 == state.plan_sha256
    assert [(item.id, item.status) for item in state.items.values()] == [
        ("again", ItemStatus.PENDING),
        ("look", ItemStatus.SUCCEEDED),
    ]
    assert (state.step("look.present").attempt, state.step("again.second").attempt) == (1, 0)
    assert len(resume(begun).plan_changes) == 1


def test_an_accepted_change_is_checked_as_a_whole_plan_first(begun: Path) -> None:
    edit(HEAD + LOOK.replace("files.present", "files.presence") + AGAIN)
    assert "did you mean 'files.present'?" in refused(begun, accept=True)


def test_an_item_whose_rollback_would_be_lost_can_not_be_edited_away(begun: Path) -> None:
    record(begun, changed("motd"))
    edit(HEAD + AGAIN)
    assert "has no item look any more" in refused(begun, accept=True)
    record(
        begun,
        ev.RollbackStarted(item="look", by="op", reason=""),
        ev.RollbackFinished(item="look", proven=True),
    )
    assert [*resume(begun, accept=True).items] == ["again"]


def test_no_engine_runs_a_copy_that_is_not_the_plan_on_record(begun: Path) -> None:
    copy = begun / "plan" / "motd.yaml"
    shutil.copy(edit(HEAD + LOOK + AGAIN.replace("path: other", "path: motd")), copy)
    assert f"The session's own copy, {copy}, has SHA-256 " in refused(begun)
    with (
        closing(bootstrap.open_session(begun.name, begun)) as session,
        pytest.raises(UsageError, match="not the one that the session is on record with"),
    ):
        session.ensure_engine()
    assert len(resume(begun, accept=True).plan_changes) == 1


def test_an_edit_that_asks_the_environment_for_more_is_refused(begun: Path, monkeypatch) -> None:
    monkeypatch.setenv("RUNBOOK_TEST_FILE", "motd")
    edit(HEAD + LOOK + AGAIN.replace("path: other", 'path: "${env.RUNBOOK_TEST_FILE}"'))
    with pytest.raises(UsageError, match=r"asks the environment for env\.RUNBOOK_TEST_FILE"):
        resume(begun, accept=True)


def test_a_screen_that_is_open_goes_on_with_the_edited_plan_once_its_lines_are_accepted(
    begun: Path,
) -> None:
    with closing(bootstrap.open_session(begun.name, begun)) as session:
        assert not session.hold_plan()
        edit(HEAD + LOOK + AGAIN.replace("Find it again", "Find it at last"))
        with pytest.raises(PlanEdited) as first:
            session.hold_plan()
        edit(HEAD + LOOK + AGAIN.replace("Find it again", "Find it at once"))
        with pytest.raises(PlanEdited) as second:
            session.hold_plan(first.value.difference)
        assert session.hold_plan(second.value.difference)
        session.take_plan()
        assert session.plan.step("again.second")[1].title == "Find it at once"
        assert session.plan.sha256 == session.state.plan_sha256
        assert [c.difference for c in session.state.plan_changes] == [second.value.difference]
        assert not session.hold_plan()


def test_an_observer_holds_no_plan(begun: Path) -> None:
    with (
        closing(bootstrap.open_session(begun.name, begun, read_only=True)) as session,
        pytest.raises(UsageError, match="for reading only"),
    ):
        session.hold_plan()
