"""The command line: what it refuses, how, and with which exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters.lock import TargetLock
from runbook_app.cli import COMMANDS, commands
from runbook_app.domain.errors import EnvironmentLacks, LockedError, PlanError, UsageError
from tests.cli.terminal import Terminal


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def runbook(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments))


def test_help_lists_every_command_that_is_built_and_no_other() -> None:
    found = runbook("--help")
    assert found.exit_code == 0
    for name in COMMANDS:
        assert f"  {name} " in found.output
    listed = found.output.partition("Commands:\n")[2].partition("\n\n")[0].splitlines()
    assert sorted(line.split()[0] for line in listed if line[2] != " ") == sorted(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    found = runbook(name, "--help")
    assert found.exit_code == 0
    assert "Usage:" in found.output


def test_without_a_terminal_it_prints_help_instead_of_a_screen() -> None:
    found = runbook()
    assert found.exit_code == 0
    assert "Usage:" in found.output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("frobnicate",), "No such command"),
        (("run",), "Missing argument"),
        (("run", "nowhere.yaml"), "There is no plan file nowhere.yaml"),
        (("run", "."), "is a folder, not a plan file"),
        (("run", "x.yaml", "--set", "novalue"), "is not written name=value"),
        (("run", "x.yaml", "--unknown", "guess"), "is not one of"),
        (("status",), "There is no session on"),
        (("status", "zzz"), "There is no session 'zzz'"),
        (("report",), "There is no session on"),
        (("export",), "There is no session on"),
        (("resume", "--headless"), "There is no session on"),
        (("attach",), "There is no session on"),
        (("recheck",), "There is no session on"),
        (("rollback",), "rollback takes an item"),
        (("rollback", "a", "b", "c"), "3 were given"),
        (("rollback", "tls"), "There is no session on"),
        (("actions", "no.such"), "There is no action 'no.such'"),
        (("demo", "--remove", "nowhere"), "is no demo"),
    ],
)
def test_a_mistake_is_a_usage_error_with_a_message(arguments: tuple[str, ...], said: str) -> None:
    found = runbook(*arguments)
    assert found.exit_code == 2
    assert said in found.stderr
    assert "Traceback" not in found.output


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("wrong", hint="do right"), 2),
        (PlanError(()), 2),
        (LockedError("held by anna", hint="do right"), 4),
        (EnvironmentLacks("no engine", hint="do right"), 5),
    ],
)
def test_an_error_of_ours_becomes_its_exit_code_and_its_hint(
    error: UsageError | PlanError | LockedError | EnvironmentLacks,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(bootstrap, "open_session", refuse)
    found = runbook("status")
    assert found.exit_code == code
    assert error.message in found.stderr
    assert error.hint in found.stderr


def test_an_errors_text_cannot_play_with_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise UsageError("\x1b[2Jgone\u202e", hint="\x9b31m")

    monkeypatch.setattr(bootstrap, "open_session", refuse)
    found = runbook("status")
    assert not {"\x1b", "\u202e", "\x9b"} & set(found.output)


def test_a_screen_needs_a_terminal_and_the_way_without_is_named(tmp_path: Path) -> None:
    plan = tmp_path / "p.yaml"
    plan.write_text("plan: p\n")
    found = runbook("open", str(plan))
    assert found.exit_code == 2
    assert "runbook run" in found.stderr


def test_every_mistake_of_a_plan_is_told_with_its_place(tmp_path: Path) -> None:
    plan = tmp_path / "p.yaml"
    plan.write_text("plan: p\ntilte: wrong\nitems: 3\n")
    found = runbook("check", str(plan))
    assert found.exit_code == 2
    assert f"{plan}:2:1: error" in found.stderr
    assert f"{plan}:3:" in found.stderr


def test_each_of_several_plans_is_told_of_and_one_mistake_is_enough(tmp_path: Path) -> None:
    sound, wrong = tmp_path / "a.yaml", tmp_path / "b.yaml"
    sound.write_text(
        "plan: p\ntitle: Sound\nversion: '1'\ntarget: {compose: compose.yml}\nitems:\n"
        "  - {id: a, number: 1, title: A, not_required: no need}\n"
    )
    wrong.write_text("plan: p\ntilte: wrong\n")
    found = runbook("check", str(sound), str(wrong), str(sound))
    assert found.exit_code == 2
    assert f"{wrong}:2:1: error" in found.stderr
    assert found.stdout.count("Sound 1: 1 items, 0 steps, no errors") == 2
    told, decoder = runbook("check", str(wrong), str(sound), "--json").stdout, json.JSONDecoder()
    first, end = decoder.raw_decode(told)
    second, _ = decoder.raw_decode(told[end:].lstrip())
    assert (first["errors"], second["errors"]) == (5, 0)
    assert runbook("check", str(sound), str(sound)).exit_code == 0


def test_mistakes_and_warnings_are_told_as_json(tmp_path: Path) -> None:
    plan = tmp_path / "p.yaml"
    plan.write_text("plan: p\ntilte: wrong\n")
    found = runbook("check", str(plan), "--json")
    told = json.loads(found.stdout)
    assert found.exit_code == 2
    assert (told["plan"], told["sha256"], told["warnings"]) == (str(plan), "", 0)
    assert told["errors"] == len(told["mistakes"]) == 5
    (unknown,) = (m for m in told["mistakes"] if m["line"] == 2)
    assert unknown == {
        "severity": "error",
        "file": str(plan),
        "line": 2,
        "column": 1,
        "message": "unknown key 'tilte' in a plan",
        "suggestion": "title",
        "source_line": "tilte: wrong",
    }
    plan.write_text(
        "plan: p\ntitle: T\nversion: '1'\ntarget: {compose: compose.yml}\nvariables: {port: 1}\n"
        "items:\n  - {id: a, number: 1, title: A, not_required: no need}\n"
    )
    found = runbook("check", str(plan), "--json")
    told = json.loads(found.stdout)
    assert found.exit_code == 0
    assert (told["errors"], told["warnings"], len(told["sha256"])) == (0, 1, 64)
    assert told["mistakes"][0]["severity"] == "warning"


@pytest.mark.parametrize(
    ("setting", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_mistakes_have_colour_on_a_terminal_that_wants_it(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    setting: dict[str, str],
    coloured: bool,
) -> None:
    plan = tmp_path / "p\x1b[2J.yaml"
    plan.write_text("plan: p\ntilte: wrong\n")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm", **setting}.items():
        monkeypatch.setenv(name, value)
    code = f"import sys; sys.argv[1:] = ['check', {str(plan)!r}]\n"
    terminal = Terminal(f"{code}from runbook_app.cli import main; main()", output=tmp_path / "out")
    assert terminal.end() == 2
    assert ("\x1b[31m\x1b[1merror:\x1b[0m" in terminal.shown) == coloured
    assert ("\x1b" in terminal.shown) == coloured
    assert "\x1b[2J" not in terminal.shown
    assert "unknown key 'tilte' in a plan" in terminal.shown
    assert "\x1b" not in runbook("check", str(plan)).stderr


def test_no_sessions_is_not_an_error() -> None:
    found = runbook("sessions")
    assert found.exit_code == 0
    assert "There are no sessions" in found.stderr
    assert runbook("sessions", "--json").output.strip() == "[]"


def test_actions_are_listed_and_described() -> None:
    assert "tls.generate_certificate" in runbook("actions").output
    found = runbook("actions", "tls.generate_certificate").output
    assert "Check: of its own" in found
    assert "Rollback: what was captured is restored." in found
    assert "  common_name: text, default 'localhost'\n" in found
    assert "  owner: a whole number or nothing, default 33\n" in found
    migrate = runbook("actions", "database_migrations.migrate").output
    assert "restored, but not schema, extensions and rows of the database;" in migrate
    assert "  timeout: a duration, default 3m\n" in migrate
    limits = runbook("actions", "api.rate_limits").output
    assert "cleans up: there is nothing to roll back" in limits
    assert "  endpoints: a list of {path: text, limit: a whole number, " in limits
    assert "Changes nothing" in runbook("actions", "http.status").output
    for name in runbook("actions").stdout.splitlines():
        described = runbook("actions", name.split()[0])
        assert described.exit_code == 0
        assert "typing." not in described.stdout
        assert "<class" not in described.stdout


def test_a_score_needs_a_plan_with_checks(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "plan.yaml").write_text(
        "plan: p\ntitle: T\nversion: '1'\ntarget: {compose: compose.yml}\nitems:\n"
        "  - {id: a, number: 1, title: A, not_required: no need}\n"
    )
    found = runbook("score", "plan.yaml", "--target", str(tmp_path))
    assert found.exit_code == 2
    assert "has no checks for a score" in found.stderr


def test_a_score_is_measured_with_the_variables_of_the_newest_session(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "here.txt").write_text("here")
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        "plan: p\ntitle: T\nversion: '1'\nvariables: {name: gone.txt}\n"
        "target: {compose: compose.yml}\n"
        "score:\n  categories:\n    - name: Files\n      checks:\n"
        '        - {id: a, title: A, source: S, check: files.present, with: {path: "${name}"}}\n'
        "items:\n  - {id: a, number: 1, title: A, not_required: no need}\n"
    )
    bootstrap.create_session(plan, tmp_path, {"name": "here.txt"}).close()

    def total(*more: str) -> float:
        found = runbook("score", "--target", str(tmp_path), "--json", *more)
        assert found.exit_code == 0, found.stderr
        return float(json.loads(found.stdout)["total"])

    assert total() == 100
    assert total("--set", "name=gone.txt") == 0
    assert total("--set", "name=here.txt") == 100


@pytest.mark.parametrize(("probe", "code"), [((), 0), (("--probe",), 4)])
def test_a_score_needs_the_target_for_itself_only_with_probes(
    tmp_path: Path, probe: tuple[str, ...], code: int
) -> None:
    (tmp_path / "compose.yml").write_text("services: {}\n")
    (tmp_path / "there.txt").write_text("there")
    (tmp_path / "plan.yaml").write_text(
        "plan: p\ntitle: T\nversion: '1'\ntarget: {compose: compose.yml}\n"
        "score:\n  categories:\n    - name: Files\n      checks:\n"
        "        - {id: a, title: A, source: S, check: files.present, with: {path: there.txt}}\n"
        "        - {id: b, title: B, source: S, check: files.present, with: {path: gone.txt}}\n"
        "items:\n  - {id: a, number: 1, title: A, not_required: no need}\n"
    )
    lock = TargetLock(tmp_path, bootstrap.home())
    lock.acquire("another", "anna")
    try:
        found = runbook("score", "plan.yaml", "--target", str(tmp_path), "--json", *probe)
    finally:
        lock.release()
    assert found.exit_code == code
    if code:
        assert "Session another holds" in found.stderr
        return
    measured = json.loads(found.stdout)
    assert measured["total"] == 50
    assert [c["verdict"] for c in measured["categories"][0]["checks"]] == ["passed", "failed"]
    assert not list(bootstrap.home().glob("runbook-score-*"))
    assert runbook("sessions").stdout == ""
