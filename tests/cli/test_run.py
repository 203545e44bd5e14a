"""`run`, `resume` and `rollback` from the command line, on a session held in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import EnvironmentLacks, LockedError
from runbook_app.domain.measure import Verdict
from tests.cli.conftest import Use, runbook
from tests.domain.story import PLAN, Story, again
from tests.headless.stage import Stage, done, obedient
from tests.headless.test_recheck import measuring

CONFIRM = ev.QuestionAsked(
    id="q", item="tls", step="", kind="confirm", text="TLS guide reviewed", choices=("yes", "no")
)


@pytest.fixture
def plan(tmp_path: Path) -> str:
    path = tmp_path / "plan.yaml"
    path.write_text("plan: phase1\n")
    return str(path)


def test_a_run_that_is_done_exits_0(use: Use, plan: str) -> None:
    use(Stage(*done()))
    found = runbook("run", plan, "--yes")
    assert found.exit_code == 0
    assert "item 2 TLS/HTTPS Enforcement: success criteria hold" in found.stdout
    assert "\x1b" not in found.output


def test_without_yes_a_run_exits_3_at_the_first_line_that_needs_a_person(
    use: Use, plan: str
) -> None:
    use(Stage(CONFIRM))
    found = runbook("run", plan)
    assert found.exit_code == 3
    assert "Waiting for a person" in found.stderr


def test_a_failed_run_exits_1(use: Use, plan: str) -> None:
    use(Stage(ev.CheckpointOpened(item="tls"), ev.CheckpointFailed(item="tls", reason="x")))
    assert runbook("run", plan, "--yes").exit_code == 1


@pytest.mark.parametrize("answer", ["check", "retry", "rollback"])
@pytest.mark.parametrize(
    "words", [("run", "PLAN"), ("resume", "--headless")], ids=["run", "resume"]
)
def test_what_becomes_of_an_unknown_step_reaches_the_engine(
    use: Use, plan: str, words: tuple[str, ...], answer: str
) -> None:
    session = use(Stage(*done()))
    runbook(*(plan if word == "PLAN" else word for word in words), "--yes", "--unknown", answer)
    (sent,) = [command for command in session.sent if isinstance(command, cmd.Run)]
    assert sent.unknown == answer


def test_json_goes_to_standard_output_alone(use: Use, plan: str) -> None:
    use(Stage(*done()))
    found = runbook("run", plan, "--yes", "--json")
    types = [json.loads(text)["type"] for text in found.stdout.splitlines()]
    assert types[0] == "SessionStarted"
    assert types[-1] == "EngineStopped"
    assert "Done." in found.stderr


def test_a_wrong_item_is_refused_before_a_session_is_made(
    use: Use, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = use(Stage(*done()))
    made: list[object] = []
    monkeypatch.setattr(bootstrap, "create_session", lambda *_, **__: made.append(session))
    assert runbook("run", plan, "--item", "tsl").exit_code == 2
    assert made == []


def test_a_lacking_environment_exits_5_before_a_session_is_made(
    use: Use, plan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = use(Stage(*done()))
    made: list[object] = []

    def lacking(*_: object) -> None:
        raise EnvironmentLacks("docker engine: missing")

    monkeypatch.setattr(doctor, "require", lacking)
    monkeypatch.setattr(bootstrap, "create_session", lambda *_, **__: made.append(session))
    assert runbook("run", plan).exit_code == 5
    assert made == []


def test_a_locked_target_exits_4_and_leaves_no_session_that_hides_the_latest(
    use: Use, plan: str
) -> None:
    session = use(Stage())
    session.engine_failure = LockedError("anna drives it", hint="runbook attach x")
    found = runbook("run", plan)
    assert found.exit_code == 4
    assert "runbook attach x" in found.stderr
    assert not session.folder.exists()


def test_a_session_that_runs_is_not_resumed_a_second_time(use: Use) -> None:
    session = use(Stage())
    session.ensure_engine()
    session.refresh()
    found = runbook("resume", "--headless")
    assert found.exit_code == 4
    assert "runbook attach s1" in found.stderr


def test_a_resumed_session_goes_on(use: Use) -> None:
    use(Stage(*done()))
    assert runbook("resume", "--headless", "--yes").exit_code == 0


def test_variables_of_a_session_are_fixed(use: Use) -> None:
    use(Stage(*done()))
    assert runbook("resume", "--yes", "--set", "https_port=9").exit_code == 2


def rolling_back(stage: Stage, command: cmd.Command) -> None:
    if isinstance(command, cmd.RollBackItem):
        stage.emit(*(entry.body for entry in Story().rollback().entries[-2:]))
    else:
        obedient(stage, command)


def test_a_rollback_without_yes_and_without_anybody_there_changes_nothing(use: Use) -> None:
    session = use(Stage(react=rolling_back))
    found = runbook("rollback", "tls")
    assert found.exit_code == 3
    assert "Repeat with --yes" in found.stderr
    assert session.sent == []


def test_before_a_rollback_it_is_said_what_steps_take_back_themselves(use: Use) -> None:
    begun = (
        ev.CheckpointOpened(item="tls"),
        ev.StepStarted(item="tls", step="tls.certificates", attempt=1, parameters={}),
    )
    session = use(Stage(react=rolling_back))
    session.emit(*begun)
    session.refresh()
    steps = tuple(replace(step, undoes=True) for step in PLAN.item("tls").steps)
    items = (replace(item, steps=steps) if item.id == "tls" else item for item in PLAN.items)
    session.plan = replace(PLAN, items=tuple(items))
    said = runbook("rollback", "tls").stderr
    assert "  what step tls.certificates takes back itself\n" in said
    assert said.count("takes back itself") == 1


@pytest.mark.parametrize("names", [("tls",), ("s1", "tls")], ids=["latest", "named"])
def test_a_rollback_exits_0_when_it_is_proven(use: Use, names: tuple[str, ...]) -> None:
    use(Stage(react=rolling_back))
    found = runbook("rollback", *names, "--yes")
    assert found.exit_code == 0
    assert "rolled back, proven" in found.stdout


def test_a_rollback_of_no_item_of_the_plan_names_the_closest(use: Use) -> None:
    use(Stage(react=rolling_back))
    found = runbook("rollback", "tsl", "--yes")
    assert found.exit_code == 2
    assert "Did you mean 'tls'" in found.stderr


@pytest.mark.parametrize(("verdict", "code"), [(Verdict.PASSED, 0), (Verdict.FAILED, 1)])
@pytest.mark.parametrize("names", [(), ("s1",)], ids=["latest", "named"])
def test_a_recheck_exits_0_only_when_all_holds(
    use: Use, verdict: Verdict, code: int, names: tuple[str, ...]
) -> None:
    session = use(Stage(react=measuring(again("fast", verdict=verdict))))
    session.emit(*done())
    session.refresh()
    found = runbook("recheck", *names, "--probe")
    assert found.exit_code == code
    assert "criteria measured again" in found.stdout
    (asked, _) = session.sent
    assert isinstance(asked, cmd.Recheck)
    assert asked.probes


def test_a_recheck_on_a_target_that_somebody_drives_exits_4(use: Use) -> None:
    session = use(Stage())
    session.engine_failure = LockedError("held by anna")
    found = runbook("recheck")
    assert found.exit_code == 4
    assert "held by anna" in found.stderr


def test_status_is_json_with_the_keys_that_scripts_rely_on(use: Use) -> None:
    use(Stage())
    found = json.loads(runbook("status", "--json").stdout)
    assert list(found) == ["session", "plan", "target", "state", "items", "score"]
    assert [item["id"] for item in found["items"]] == [item.id for item in PLAN.items]


def test_a_report_has_its_five_lines(use: Use) -> None:
    use(Stage())
    lines = runbook("report").stdout.splitlines()
    heads = [text.partition(":")[0] for text in lines]
    assert heads == ["Started", "Current", "Status", "Next", "Estimated Completion"]


def test_a_brief_goes_from_the_item_to_the_next_action(use: Use) -> None:
    use(Stage())
    lines = runbook("report", "--brief").stdout.splitlines()
    assert lines[0].startswith("Item: ")
    assert "Undo by: nothing to undo" in lines
    assert lines[-1].startswith("Next action: ")
