"""The home screen's desk: real sessions, plans and starts."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.cli import screens
from runbook_app.cli.desk import MachineDesk
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.errors import PlanEdited, UsageError
from runbook_app.engine.client import SessionClient
from runbook_app.tui import app
from runbook_app.tui.view.home import DAMAGED, HomeChoice, Start
from runbook_app.tui.view.words import text_of
from tests.cli.test_done_before import PLAN, folder, tell

__all__ = ["folder"]


@pytest.fixture(autouse=True)
def _no_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("runbook_app.adapters.doctor.require", lambda *_: None)
    monkeypatch.chdir(tmp_path)


def test_a_session_is_told_from_its_record_and_only_read_on_after_that(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = MachineDesk()
    (listed,) = desk.sessions()
    assert (listed.plan, listed.last) == ("Message of the day", "")
    first = desk.look(listed)
    assert (first.done, first.total, first.resumable) == (1, 1, False)
    tell(folder, ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h"))
    asked: list[int] = []
    read = SqliteJournal.read

    def noted(journal: SqliteJournal, after: int = 0, limit: int = 10_000) -> list[Entry]:
        asked.append(after)
        return read(journal, after, limit)

    monkeypatch.setattr(SqliteJournal, "read", noted)
    second = desk.look(first)
    assert "finished" in second.shown.word or "INTERRUPTED" in second.shown.word
    assert second.last > first.last
    assert min(asked) > 1
    desk.close()


def test_an_interrupted_session_says_so_and_can_be_resumed(folder: Path, tmp_path: Path) -> None:
    session = bootstrap.create_session(tmp_path / "motd.yaml", tmp_path / "target", {})
    session.close()
    tell(
        session.folder,
        ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h"),
        ev.StepStarted(item="look", step="look.present", attempt=1, parameters={}),
    )
    desk = MachineDesk()
    newest = desk.look(desk.sessions()[0])
    desk.close()
    assert (newest.shown.word, newest.resumable) == ("INTERRUPTED", True)
    assert "ENGINE DEAD" in text_of(newest.words)


def test_a_damaged_session_is_listed_and_says_what_is_wrong(folder: Path) -> None:
    (folder / "journal.db").write_bytes(b"no database at all" * 100)
    desk = MachineDesk()
    (listed,) = desk.sessions()
    seen = desk.look(listed)
    assert seen.shown is DAMAGED
    assert "not a database" in text_of(seen.words)


def test_plans_are_those_shipped_and_of_this_folder_with_the_target_of_their_last_session(
    folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "plans").mkdir()
    (tmp_path / "plans/second.yaml").write_text("plan: second\ntitle: 'The second'\n")
    (tmp_path / "compose.yml").write_text("services: {}\n")
    found = {plan.title: plan for plan in MachineDesk().plans()}
    assert {"Message of the day", "The second"} < set(found)
    assert "Phase 1 Security Hardening" in found
    assert found["Message of the day"].target == str(tmp_path / "target")
    assert found["The second"].target == "."
    assert "compose" not in found


def test_a_session_begins_with_what_was_asked_for(folder: Path, tmp_path: Path) -> None:
    name = "variables: {where: motd}\nitems:"
    (tmp_path / "motd.yaml").write_text(PLAN.replace("items:", name))
    start = Start(
        plan=tmp_path / "motd.yaml",
        target=str(tmp_path / "target"),
        settings="where='m o'",
        seal_to="passphrase",
        passphrase="correct horse battery",
    )
    session = MachineDesk().begin(start)
    with_it = tmp_path / "home" / session
    assert (with_it / "recipient.pub").is_file()
    opened = bootstrap.open_session(session, tmp_path, read_only=True)
    assert opened.started.variables == {"where": "m o"}
    opened.close()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"target": "nowhere"}, "is not a folder"),
        ({"settings": "novalue"}, "is not written name=value"),
        ({"settings": "a='b"}, "can't be read"),
        ({"seal_to": "none.pub"}, "none.pub"),
        ({"seal_to": "passphrase", "passphrase": "short"}, "12"),
    ],
)
def test_nothing_is_begun_with_something_wrong(
    folder: Path, tmp_path: Path, fields: dict[str, str], said: str
) -> None:
    known = {"plan": tmp_path / "motd.yaml", "target": str(tmp_path / "target")}
    with pytest.raises(UsageError, match=said):
        MachineDesk().begin(Start(**(known | fields)))
    assert len(MachineDesk().sessions()) == 1


def test_an_edited_plan_is_resumed_once_exactly_its_changed_lines_are_accepted(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    monkeypatch.setattr(SessionClient, "ensure_engine", lambda session: started.append(session.id))
    plan = tmp_path / "motd.yaml"
    plan.write_text(PLAN.replace("Look at it", "Look again"))
    with pytest.raises(PlanEdited, match="was edited since this session began") as first:
        MachineDesk().resume(folder.name)
    plan.write_text(PLAN.replace("Look at it", "Look once more"))
    with pytest.raises(PlanEdited) as second:
        MachineDesk().resume(folder.name, first.value.difference)
    assert ("Look again" in first.value.difference, started) == (True, [])
    MachineDesk().resume(folder.name, second.value.difference)
    with closing(bootstrap.open_session(folder.name, folder, read_only=True)) as session:
        (change,) = session.state.plan_changes
    assert (change.difference, started) == (second.value.difference, [folder.name])


def test_home_comes_back_when_a_session_is_left_or_can_t_be_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = [
        HomeChoice(session=folder.name, read_only=True),
        HomeChoice(session="gone"),
        HomeChoice(session=folder.name, replay=True),
        HomeChoice(session=folder.name),
        None,
    ]
    said: list[str] = []
    shown: list[tuple[str, bool]] = []

    def home(_: MachineDesk, settings: Path, why: str) -> HomeChoice | None:
        assert settings == bootstrap.screen_settings()
        said.append(why[:29])
        return choices.pop(0)

    monkeypatch.setattr(app, "home", home)
    monkeypatch.setattr(app, "run", lambda s, _: shown.append((type(s).__name__, s.read_only)))
    screens.show_home()
    assert said == ["", "", "There is no session 'gone' in", "", ""]
    assert shown == [
        ("SessionClient", True),
        ("ReplayedSession", True),
        ("SessionClient", False),
    ]


def test_a_replay_reads_the_record_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: list[int] = []
    read = SqliteJournal.read

    def noted(journal: SqliteJournal, after: int = 0, limit: int = 10_000) -> list[Entry]:
        found = read(journal, after, limit)
        entries.extend(entry.seq for entry in found)
        return found

    monkeypatch.setattr(SqliteJournal, "read", noted)
    replay = bootstrap.replay_session(folder.name, folder)
    assert entries == list(range(1, replay.last + 1))
    assert replay.state.started is not None
    replay.close()
