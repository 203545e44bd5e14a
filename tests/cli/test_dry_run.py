"""`runbook plan` as its user calls it: what it says, how it ends, and that it changes nothing."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app import bootstrap
from runbook_app.adapters import doctor
from runbook_app.cli import commands
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.engine import forecast

PLAN = """\
plan: front
title: A front
version: "1"
target: {compose: compose.yml}
variables: {https_port: 8443}
items:
  - id: front
    number: 1
    title: The front
    checkpoint:
      - {id: looked, confirm: Somebody looked}
    rollback: captures
    commit: "feat: a front"
    steps:
      - id: proxy
        title: Put it in front
        action: compose.add_proxy
        with: {https_port: "${https_port}", http_port: 8080, subnet: 10.89.40.0/24}
      - id: guide
        title: Write the guide
        action: secrets.migration_guide
        with:
          manifest: [{name: db_password, description: the database's, source: the database}]
      - {id: there, title: Find it, action: files.present, with: {path: SECRETS_MIGRATION.md}}
  - id: guide
    number: 2
    title: The guide
    needs: [front]
    checkpoint:
      - {id: seen, confirm: Somebody saw it}
    rollback: captures
    steps:
      - {id: first, title: Look, action: files.present, with: {path: compose.yml}}
      - id: guide
        title: Write the guide
        action: secrets.migration_guide
        with:
          manifest: [{name: db_password, description: the database's, source: the database}]
      - {id: ask, title: Ask, action: manual.confirm, with: {text: All is well}}
"""
COMPOSE = """\
services:
  api:
    image: api:1
    environment:
      DB_PASSWORD: {password}
    ports: ["127.0.0.1:8000:8000"]
"""


@pytest.fixture
def password() -> str:
    return secrets.token_hex(16)


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> Path:
    """A project in a repository, with a session in the home beside it; no engine answers."""
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    monkeypatch.setattr(doctor, "require_stack", lambda _: None)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    made = tmp_path / "target"
    made.mkdir()
    (made / "compose.yml").write_text(COMPOSE.format(password=password))
    (tmp_path / "plan.yaml").write_text(PLAN)
    for argv in (
        ["init", "-q", "-b", "main"],
        ["add", "."],
        ["-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", "first"],
    ):
        subprocess.run(["git", *argv], cwd=made, check=True)
    bootstrap.create_session(tmp_path / "plan.yaml", made, {}).close()
    return made


def plan(target: Path, *arguments: str) -> Result:
    given = [str(target.parent / "plan.yaml"), "--target", str(target), *arguments]
    return CliRunner().invoke(commands, ["plan", *given])


def everything(*roots: Path) -> dict[str, tuple[object, ...]]:
    """Mode, owner, time of change and bytes of each file and folder."""
    return {
        str(path): (
            path.lstat().st_mode,
            path.lstat().st_uid,
            path.lstat().st_mtime_ns,
            path.lstat().st_ctime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for root in roots
        for path in [root, *root.rglob("*")]
    }


@pytest.mark.parametrize("more", [(), ("--json",), ("--item", "guide")])
def test_not_a_byte_a_mode_or_a_time_of_target_home_and_git_changes(
    target: Path, more: tuple[str, ...]
) -> None:
    roots = (target, target.parent / "home", target.parent / "tmp")
    before = everything(*roots)
    found = plan(target, *more)
    assert found.exit_code == 1, found.output
    after = everything(*roots)
    temporary = str(target.parent / "tmp")  # its own time says that there was something in it
    assert {**after, temporary: ()} == {**before, temporary: ()}


def test_each_statement_is_labelled_and_secrets_are_masked(target: Path, password: str) -> None:
    found = plan(target)
    assert found.exit_code == 1
    lines = found.stdout.splitlines()
    assert lines[0] == f"DRY RUN of A front 1 on {target}"
    assert "    proved       not done: compose.yml has no service nginx" in lines
    assert "    predicted    compose services.api.ports is removed" in lines
    assert '                 -    ports: ["127.0.0.1:8000:8000"]' in lines
    assert "    predicted    file SECRETS_MIGRATION.md is made" in lines
    assert "    cannot know  what it measures, once 1.1, 1.2 have run" in lines
    assert "    predicted    commit of what it changed: feat: a front" in lines
    assert "    predicted    done, nothing to do: SECRETS_MIGRATION.md: as wanted" in lines
    assert "    cannot know  a person is asked: All is well" in lines
    assert lines[-1].startswith("DRY RUN, nothing was changed: something to do.")
    assert password not in found.output
    assert "\x1b" not in found.output


def test_it_says_that_nothing_is_to_do_by_exit_code_0(target: Path) -> None:
    made = plan(target, "--item", "guide", "--json")
    assert made.exit_code == 1
    (item,) = json.loads(made.stdout)["items"]
    (change,) = [change for step in item["steps"] for change in step["changes"]]
    text = "".join(f"{line[1:]}\n" for line in change["text"].splitlines()[3:])
    (target / "SECRETS_MIGRATION.md").write_text(text)
    done = plan(target, "--item", "guide")
    assert done.exit_code == 0, done.output
    assert "    proved       done, nothing to do: SECRETS_MIGRATION.md: as wanted" in done.stdout
    assert "nothing to do. Steps with something to do: 0, proved done: 1" in done.stdout


def test_steps_that_measure_run_while_nothing_before_them_changes_anything(target: Path) -> None:
    found = plan(target, "--item", "guide")
    first, _, rest = found.stdout.partition("  2.2 ")
    assert "    proved       compose.yml present" in first
    assert "    cannot know  whether front is done, which it needs" in first
    assert "    cannot know  a person is asked" in rest


def test_as_json_it_has_the_same(target: Path) -> None:
    found = json.loads(plan(target, "--json").stdout)
    assert (found["dry_run"], found["to_do"], found["plan"]) == (True, True, "front")
    proxy, guide, there = found["items"][0]["steps"]
    assert (proxy["certainty"], proxy["check"]["certainty"]) == ("predicted", "proved")
    assert {change["kind"] for change in proxy["changes"]} == {"file", "compose"}
    assert guide["to_do"]
    assert (there["certainty"], there["to_do"]) == ("cannot know", False)
    assert found["counted"] == {
        "to_do": 2,
        "proved_done": 0,
        "predicted_done": 1,
        "cannot_know": 3,
    }


def test_variables_are_set_as_for_a_run(target: Path) -> None:
    assert "8555:8443" in plan(target, "--set", "https_port=8555").stdout


def test_mistakes_and_lacks_have_their_exit_codes(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert plan(target, "--item", "frnt").exit_code == 2
    assert plan(target, "--set", "nothing=1").exit_code == 2

    def lacks(_: Path) -> None:
        raise EnvironmentLacks("docker engine: missing.")

    monkeypatch.setattr(doctor, "require_stack", lacks)
    found = plan(target)
    assert (found.exit_code, found.stdout) == (5, "")


def test_trouble_is_never_told_as_something_to_do(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, *_: object) -> None:
        raise ActionError("compose.yml can't be read.", hint="Make it readable.")

    monkeypatch.setattr(forecast.Forecaster, "_item", fail)
    found = plan(target)
    assert (found.exit_code, found.stdout) == (2, "")
    assert "Make it readable." in found.stderr


def test_temporary_files_are_never_in_the_target(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(target))
    found = plan(target)
    assert found.exit_code == 2
    assert "Set TMPDIR" in found.stderr


@pytest.mark.parametrize("fault", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_failure_leaves_no_temporary_file(
    target: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def fail(self: object, *_: object) -> None:
        assert [*(target.parent / "tmp").iterdir()] != []
        raise fault

    monkeypatch.setattr(forecast.Forecaster, "_item", fail)
    before = everything(target, target.parent / "home")
    assert plan(target).exit_code != 0
    assert [*(target.parent / "tmp").iterdir()] == []
    assert everything(target, target.parent / "home") == before


SLEEPER = """\
import asyncio, sys
from runbook_app.adapters import doctor
from runbook_app.cli import main
from runbook_app.engine import forecast
async def wait(self, *given):
    print("at work", flush=True)
    await asyncio.sleep(60)
doctor.require_stack = lambda _: None
forecast.Forecaster._item = wait
main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_no_temporary_file(target: Path, number: signal.Signals) -> None:
    place = target.parent / "tmp"
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, "plan", str(target.parent / "plan.yaml")],
        cwd=target,
        env={**os.environ, "TMPDIR": str(place)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "at work\n"
        assert [*place.iterdir()] != []
        process.send_signal(number)
        assert process.wait(timeout=30) == 128 + number
    assert [*place.iterdir()] == []


def test_a_terminal_gets_a_colour_for_each_label(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_app.cli.dryrun.wants_colour", lambda *_: True)
    coloured = plan(target).stdout
    assert "\x1b[1mDRY RUN of A front" in coloured
    assert "\x1b[32m    proved " in coloured
    assert "\x1b[33m    cannot know " in coloured
    assert "\x1b[32m                 +" in coloured
