"""What a plan asks before a session: of a person, by options, by `--yes`, and never again."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.bootstrap import scores
from runbook_app.cli import drive
from runbook_app.cli.desk import MachineDesk
from runbook_app.domain.errors import Unanswered, UsageError
from runbook_app.domain.plan import Plan
from runbook_app.domain.record import assumed
from runbook_app.tui.view.home import Start
from tests.cli.conftest import runbook
from tests.cli.terminal import Terminal
from tests.cli.test_verify import PLAN, home

__all__ = ["home"]

VARIABLES = """\
variables:
  where: {prompt: Which file?, default: motd}
  depth: {prompt: "How deep?", type: integer}
"""
RUN = """
from runbook_app.adapters import doctor
from runbook_app.bootstrap import scores
from runbook_app.cli import commands, drive
doctor.require = lambda *_: None
drive.drive = lambda session, *_, **__: session.close() or 0
commands(["run", "motd.yaml", "--target", "target"])
"""


@pytest.fixture
def place(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a plan that asks, and a target, where a run ends once its session has begun."""
    (tmp_path / "target").mkdir()
    (tmp_path / "target/compose.yml").write_text("services: {}\n")
    asking = PLAN.replace("items:", f"{VARIABLES}items:", 1).replace(
        "path: motd", 'path: "${where}"'
    )
    (tmp_path / "motd.yaml").write_text(asking)
    monkeypatch.setattr(doctor, "require", lambda *_: None)
    monkeypatch.setattr(drive, "drive", lambda session, *_, **__: session.close() or 0)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str):
    return runbook("run", "motd.yaml", "--target", "target", *words)


def begun() -> dict[str, object]:
    (found,) = bootstrap.list_sessions()
    with closing(bootstrap.open_session(found.id, Path(), read_only=True)) as session:
        return dict(session.started.variables)


def test_nobody_there_and_no_answer_exits_3_and_names_every_question(place: Path) -> None:
    found = run()
    assert found.exit_code == 3
    assert "where: Which file? (text, motd by default, which --yes takes)" in found.stderr
    assert "depth: How deep? (a whole number)" in found.stderr
    assert "--set where=VALUE --set depth=VALUE" in found.stderr
    assert bootstrap.list_sessions() == []


def test_options_answer_and_yes_takes_the_defaults_that_there_are(place: Path) -> None:
    refused = run("--yes")
    assert refused.exit_code == 3
    assert "depth" in refused.stderr
    assert "where" not in refused.stderr
    assert run("--yes", "--set", "depth=many").exit_code == 2
    assert run("--set", "depth=2", "--set", "where=other").exit_code == 0
    assert begun() == {"where": "other", "depth": 2}


def test_a_default_that_yes_took_is_on_record_as_nobodys_word(place: Path) -> None:
    assert run("--yes", "--set", "depth=2").exit_code == 0
    (found,) = bootstrap.list_sessions()
    with closing(bootstrap.open_session(found.id, Path(), read_only=True)) as session:
        (word,) = assumed(session.state, session.plan)
    assert (word.line, word.title) == ("where", "Which file?: motd")


def test_at_a_terminal_a_person_is_asked_until_the_answer_fits(place: Path) -> None:
    with_it = Terminal(RUN, output=place / "out")
    with_it.answer("Which file? (where, text) [motd]: ", "")
    with_it.answer("How deep? (depth, a whole number): ", "many")
    with_it.answer("How deep? (depth, a whole number): ", "3")
    assert with_it.end() == 0
    assert "'many' is not a whole number." in with_it.shown
    assert begun() == {"where": "motd", "depth": 3}


def test_what_is_only_read_asks_nobody(place: Path) -> None:
    checked = runbook("check", "motd.yaml")
    assert checked.exit_code == 0
    assert "asked when a session begins: depth, a whole number: How deep?" in checked.stdout
    rendered = runbook("render", "motd.yaml")
    assert rendered.exit_code == 0
    assert "not answered yet" in rendered.stdout


def test_a_dry_run_without_a_person_takes_defaults_and_needs_the_rest(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[object] = []

    def foreseen(plan: Plan, *_: object) -> None:
        taken.append(plan.variables)
        raise UsageError("enough")

    monkeypatch.setattr(doctor, "require_stack", lambda _: None)
    monkeypatch.setattr(bootstrap, "foresee", foreseen)
    words = ("plan", "motd.yaml", "--target", "target")
    assert runbook(*words).exit_code == 3
    assert runbook(*words, "--set", "depth=1").exit_code == 2
    assert taken == [{"where": "motd", "depth": 1}]


def test_a_session_is_resumed_with_its_answers_and_a_new_question_is_refused(place: Path) -> None:
    assert run("--set", "depth=2", "--set", "where=other").exit_code == 0
    plan = place / "motd.yaml"
    (found,) = bootstrap.list_sessions()
    with closing(bootstrap.open_session(found.id, Path())) as session:
        assert bootstrap.hold_pin(session) is session
        assert session.plan.variables == {"where": "other", "depth": 2}
        plan.write_text(plan.read_text().replace("variables:", "variables:\n  new: {prompt: N?}"))
        with pytest.raises(UsageError, match="now asks for new, which this session has not pinned"):
            bootstrap.hold_pin(session, accept=True)


def test_the_home_screens_desk_says_what_is_asked_and_takes_the_answers(place: Path) -> None:
    start = Start(plan=place / "motd.yaml", target=str(place / "target"), settings="where=x")
    with pytest.raises(Unanswered) as asked:
        MachineDesk().begin(start)
    assert [question.name for question in asked.value.questions] == ["depth"]
    assert MachineDesk().questions(start) == tuple(asked.value.questions)
    MachineDesk().begin(
        Start(plan=start.plan, target=start.target, settings="where=x", answers={"depth": "4"})
    )
    assert begun() == {"where": "x", "depth": 4}


def test_the_score_without_a_plan_or_a_session_is_that_of_the_only_shipped_plan_with_one(
    place: Path,
) -> None:
    used, variables = scores._used_on(place / "target")
    assert (used.stem, variables) == ("phase1_security_hardening", {})
