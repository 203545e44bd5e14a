"""A dry run in a process of its own: what it finds, how far it is, and that it can be ended."""

from __future__ import annotations

import secrets
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pictures.empty_engine import empty_engine
from runbook_app import bootstrap
from runbook_app.adapters.dry_run import Asked, ProcessDryRun
from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.forecast import Ahead, Forecast
from tests.cli.test_done_before import tell
from tests.cli.test_dry_run import everything

PLAN = """\
plan: guide
title: The guide
version: "1"
target: {{compose: compose.yml}}
variables: {{where: motd}}
items:
  - id: guide
    number: 1
    title: The guide
    rollback: captures
    checkpoint:
      - {{id: seen, confirm: Somebody saw it}}
    steps:
      - {{id: first, title: Look, action: files.present, with: {{path: "${{where}}"}}}}
      - id: word
        title: Write it down
        shell: echo {word} > note
        capture: {{files: [note]}}
        check: test -s note
      - {{id: again, title: Look again, action: files.present, with: {{path: note}}}}
"""


@pytest.fixture
def word() -> str:
    return secrets.token_hex(12)


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> Iterator[Path]:
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "plan.yaml").write_text(PLAN.format(word=word))
    made = tmp_path / "target"
    made.mkdir()
    (made / "motd").write_text("hello")
    (made / "compose.yml").write_text("services: {}\n")
    with (
        tempfile.TemporaryDirectory(prefix="rb-", dir="/tmp") as place,  # a socket's path is short
        empty_engine(Path(place) / "docker.sock") as engine,
    ):
        monkeypatch.setenv("DOCKER_HOST", engine)
        yield made


def of_plan(target: Path, **variables: str) -> ProcessDryRun:
    plan = str(target.parent / "plan.yaml")
    return ProcessDryRun(Asked(plan=plan, target=str(target), variables=variables))


def summary(found: Forecast) -> list[tuple[str, str]]:
    return [(step.number, step.certainty.value) for step in found.steps()]


def test_it_finds_what_the_command_finds_tells_each_step_and_changes_nothing(target: Path) -> None:
    before = everything(target)
    told: list[Ahead] = []
    found = of_plan(target).foresee(told.append)
    plan = bootstrap.load_plan(target.parent / "plan.yaml", target, {}, window_from_now=True)
    assert found == bootstrap.foresee(plan, target)
    assert [(ahead.number, ahead.place, ahead.total) for ahead in told] == [
        ("1.1", 1, 3),
        ("1.2", 2, 3),
        ("1.3", 3, 3),
    ]
    assert everything(target) == before
    assert [*(target.parent / "tmp").iterdir()] == []


def test_variables_reach_it(target: Path) -> None:
    found = of_plan(target, where="elsewhere").foresee(lambda _: None)
    assert next(iter(found.steps())).fails != ""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"variables": {"nothing": "1"}}, "nothing"),
        ({"target": "/nowhere"}, "/nowhere is not a folder."),
        ({"plan": "/none.yaml"}, "none.yaml"),
    ],
)
def test_why_there_is_none_comes_back_as_it_was_said(
    target: Path, asked: dict[str, object], said: str
) -> None:
    given = {"plan": str(target.parent / "plan.yaml"), "target": str(target), **asked}
    with pytest.raises(RunbookError, match=said):
        ProcessDryRun(Asked(**given)).foresee(lambda _: None)


def test_a_session_is_foreseen_by_its_pinned_plan_without_what_it_has_done(target: Path) -> None:
    session = bootstrap.create_session(target.parent / "plan.yaml", target, {})
    try:
        tell(
            session.folder,
            ev.StepStarted(item="guide", step="guide.first", attempt=1, parameters={}),
            ev.StepSucceeded(item="guide", step="guide.first"),
        )
        (target.parent / "plan.yaml").unlink()
        before = everything(target, session.folder / "journal.db", session.folder / "plan")
        found = session.dry_run().foresee(lambda _: None)
        assert [number for number, _ in summary(found)] == ["1.2", "1.3"]
        assert everything(target, session.folder / "journal.db", session.folder / "plan") == before
    finally:
        session.close()


def test_secrets_that_a_session_knows_are_masked(target: Path, word: str) -> None:
    from runbook_app.bootstrap.surroundings import artefacts_in
    from runbook_app.engine.known_secrets import KnownSecrets
    from runbook_app.engine.redaction import Redactor

    session = bootstrap.create_session(target.parent / "plan.yaml", target, {})
    try:
        shown = str(session.dry_run().foresee(lambda _: None))
        assert word in shown
        KnownSecrets(Redactor(), artefacts_in(session.folder)).register("word", word)
        shown = str(session.dry_run().foresee(lambda _: None))
        assert word not in shown
        assert "[secret:word]" in shown
    finally:
        session.close()


HANGS = """\
import asyncio
from runbook_app.bootstrap import answer_dry_run
from runbook_app.engine import forecast
async def wait(self, item, step, number):
    await asyncio.sleep(60)
forecast.Forecaster._step = wait
raise SystemExit(answer_dry_run())
"""


def test_one_that_goes_on_is_ended_and_leaves_nothing(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    popen, begun = subprocess.Popen, list[subprocess.Popen[bytes]]()

    def hanging(argv: list[str], **given: Any) -> subprocess.Popen[bytes]:
        assert argv[1:] == ["-m", "runbook_app.processes.dry_run"]
        begun.append(popen([sys.executable, "-c", HANGS], **given))
        return begun[0]

    monkeypatch.setattr("runbook_app.adapters.dry_run.subprocess.Popen", hanging)
    run, at_work = of_plan(target), threading.Event()
    ended: list[RunbookError] = []

    def foresee() -> None:
        try:
            run.foresee(lambda _: at_work.set())
        except RunbookError as error:
            ended.append(error)

    thread = threading.Thread(target=foresee)
    thread.start()
    assert at_work.wait(60)
    assert [*(target.parent / "tmp").iterdir()] != []
    run.cancel()
    thread.join(60)
    assert [error.message for error in ended] == ["The dry run was ended."]
    assert begun[0].returncode == 128 + 15
    assert [*(target.parent / "tmp").iterdir()] == []


def test_one_that_was_cancelled_before_it_began_finds_nothing(target: Path) -> None:
    run = of_plan(target)
    run.cancel()
    with pytest.raises(ActionError, match=r"The dry run was ended\."):
        run.foresee(lambda _: None)


def test_a_process_that_dies_without_a_word_is_told(
    target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runbook_app.adapters.dry_run.sys.executable", "false")
    with pytest.raises(ActionError, match="ended without a word: it was killed"):
        of_plan(target).foresee(lambda _: None)
