"""A new session takes along how long the steps of its plan took in earlier ones."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from runbook_app import bootstrap
from runbook_app.adapters.durations import step_durations
from runbook_app.domain import events as ev
from tests.cli.test_done_before import PLAN, folder, tell

__all__ = ["folder"]


def took(seconds: float | None) -> ev.StepSucceeded:
    return ev.StepSucceeded(item="look", step="look.present", seconds=seconds)


def begin(tmp_path: Path, plan: str = "motd.yaml") -> ev.SessionStarted:
    with closing(bootstrap.create_session(tmp_path / plan, tmp_path / "target", {})) as session:
        tell(session.folder, took(9.0))
        return session.started


def test_shortest_and_longest_time_of_every_earlier_session(folder: Path, tmp_path: Path) -> None:
    tell(folder, took(2.5), took(None), ev.StepFailed(item="look", step="look.present", error="x"))
    assert begin(tmp_path).earlier == {"look.present": (2.5, 2.5)}
    assert begin(tmp_path).earlier == {"look.present": (2.5, 9.0)}


def test_another_plan_s_sessions_tell_nothing(folder: Path, tmp_path: Path) -> None:
    tell(folder, took(2.5))
    (tmp_path / "other.yaml").write_text(PLAN.replace("plan: motd", "plan: other"))
    assert begin(tmp_path, "other.yaml").earlier == {}


def test_a_journal_that_can_t_be_read_is_left_out(folder: Path, tmp_path: Path) -> None:
    tell(folder, took(2.5))
    broken = tmp_path / "journal.db"
    broken.write_bytes(b"no database at all" * 100)
    journals = [broken, tmp_path / "none.db", folder / "journal.db"]
    assert step_durations(journals) == {"look.present": (2.5, 2.5)}
