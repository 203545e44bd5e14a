"""A dry run of every shipped action, on the targets that the harness runs them on for real."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, cast

import pytest

from runbook_app.domain.forecast import Certainty
from runbook_app.domain.plan import ActionKind
from runbook_app.engine.redaction import Redactor
from runbook_app.headless.forecast import forecast_fields, forecast_lines
from runbook_app.testing.capabilities import read_compose
from runbook_app.testing.harness import Case
from runbook_app.testing.run import FakeTarget
from tests.actions.dry import dry_run, patched
from tests.actions.shipped import CASES, EFFECTS

LABELS = tuple(f"    {certainty} " for certainty in Certainty)
NOT_TO_THE_END = {
    "command.python",
    "command.shell",
    "database_audit.remove",
    "database_migrations.downgrade",
    "database_migrations.migrate",
    "secrets_rotation.credentials",
    "secrets_rotation.exchange",
    "secrets_vault.initialise",
    "secrets_vault.leave",
    "secrets_vault.move_in",
    "secrets_vault.server",
    "secrets_vault.switch_back",
}
"""What they do depends on an answer that only doing it gives, or on what a session measured."""


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


async def made(case: Case, folder: Path) -> FakeTarget:
    folder.mkdir()
    found = case.target(folder)
    return await found if isinstance(found, Awaitable) else found


def on_disk(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Mode, time of change and bytes of everything below a folder."""
    return {
        str(path.relative_to(root)): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [root, *root.rglob("*")]
    }


def held(target: FakeTarget) -> tuple[object, ...]:
    """All that the fakes hold and an action can change."""
    return (
        on_disk(target.folder),
        target.outside(),
        [*target.history.lines],
        dict(target.files.owners),
        dict(target.containers.images),
        dict(target.secrets.sealed),
        [*target.secrets.history],
        set(target.git.ignores),
        [*target.record.attached],
        dict(target.database.backups),
        dict(target.database.copies),
        [*target.recorder.questions],
    )


def asked(target: FakeTarget) -> list[object]:
    """What was run in containers and on the machine, and sent."""
    return [
        *target.containers.executed,
        *target.containers.once,
        *target.shell.executed,
        *(line for line in target.http.asked if not line.startswith("GET ")),
    ]


@pytest.mark.parametrize("name", CASES)
async def test_it_changes_nothing_and_labels_all_that_it_says(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    target, scratch = await made(case, tmp_path / "target"), tmp_path / "dry"
    scratch.mkdir()
    before = held(target)
    forecast = await dry_run(target, scratch, case)
    assert held(target) == before
    (step,) = forecast.steps()
    assert step.effect is (case.action.kind is ActionKind.EFFECT)
    assert step.check is None or step.check.evidence or step.check.done
    lines = [line.text for line in forecast_lines(forecast)]
    assert lines[0].startswith("DRY RUN of ")
    begin, end = lines.index(f"  1.1 {name} [{name}]") + 1, lines.index("", 3)
    own = [line for line in lines[begin:end] if not line.startswith(" " * 17)]
    assert [line for line in own if not line.startswith(LABELS)] == []
    assert own or not (step.effect or step.fails), "a step with nothing to say"
    (told,) = cast("list[Any]", forecast_fields(forecast)["items"])
    assert {change["certainty"] for change in told["steps"][0]["changes"]} <= {"predicted"}
    assert told["steps"][0]["certainty"] in {certainty.value for certainty in Certainty}


@pytest.mark.parametrize("name", EFFECTS)
async def test_of_an_effect_it_runs_what_its_check_runs_and_no_more(
    name: str, tmp_path: Path
) -> None:
    case = EFFECTS[name]
    target, other = await made(case, tmp_path / "one"), await made(case, tmp_path / "two")
    (tmp_path / "dry").mkdir()
    before, began = asked(target), asked(other)
    assert before == began
    if name == "database_encryption.purge_plaintext":
        ask = target.database.on_query
        target.database.on_query = lambda sql: [(1, 0)] if "provolatile" in sql else ask(sql)
    await dry_run(target, tmp_path / "dry", case)
    checker = case.action.checker
    assert checker is not None
    await checker(other.run, **case.parameters)
    assert asked(target) == asked(other)


@pytest.mark.parametrize("name", [name for name in EFFECTS if name not in NOT_TO_THE_END])
async def test_what_it_predicts_is_what_a_run_then_does(name: str, tmp_path: Path) -> None:
    case = EFFECTS[name]
    target, scratch = await made(case, tmp_path / "target"), tmp_path / "dry"
    scratch.mkdir()
    root, commands, redactor = target.folder, asked(target), Redactor()
    (step,) = (await dry_run(target, scratch, case)).steps()
    assert (step.cannot_know, step.fails) == ("", "")
    of_its_check = asked(target)
    for known in target.secrets.history:
        redactor.register(*known)
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    modes = {path: path.stat().st_mode for path in before}
    target.history.lines.clear()
    await target.apply(case.action, **case.parameters)
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    changed = {
        str(path.relative_to(root))
        for path in {*before, *after}
        if before.get(path) != after.get(path) or modes.get(path) != path.stat().st_mode
    }
    predicted = {change.name: change for change in step.changes if change.kind == "file"}
    assert predicted.keys() == changed
    for path, change in predicted.items():
        if change.text:
            text = patched(redactor.text(before.get(root / path, b"").decode()), change.text)
            assert same(path, text, redactor.text(after[root / path].decode()))
        else:
            mode = (root / path).stat().st_mode & 0o7777
            owner = target.files.owners.get(path, os.geteuid())
            assert f"mode {mode:04o}, owner {owner}:" in change.how
    kinds, done = [change.kind for change in step.changes], target.history.changes
    assert kinds.count("sql") == sum(line.startswith("sql ") for line in done)
    assert kinds.count("image") == sum(line.startswith("build ") for line in done)
    ran = Counter(asked(target)) - Counter(of_its_check)
    read = Counter(of_its_check) - Counter(commands)
    assert kinds.count("command") == sum(ran[argv] for argv in ran if argv not in read)


def same(path: str, predicted: str, made: str) -> bool:
    """Certificates are generated; the faked project writes its file in another layout."""
    if path.endswith(".pem"):
        return predicted.splitlines()[0] == made.splitlines()[0]
    if path.startswith("docker-compose"):
        return read_compose(predicted.encode()) == read_compose(made.encode())
    return predicted == made


@pytest.mark.parametrize("name", sorted(NOT_TO_THE_END))
async def test_where_it_ends_it_says_what_is_needed_first(name: str, tmp_path: Path) -> None:
    case = EFFECTS[name]
    target = await made(case, tmp_path / "target")
    (tmp_path / "dry").mkdir()
    (step,) = (await dry_run(target, tmp_path / "dry", case)).steps()
    assert step.cannot_know
    assert step.certainty is Certainty.UNKNOWN
    assert step.to_do


@pytest.mark.parametrize("name", [n for n in EFFECTS if n != "database_migrations.downgrade"])
async def test_a_done_step_has_nothing_to_do_and_that_is_proved(name: str, tmp_path: Path) -> None:
    case = EFFECTS[name]
    target = await made(case, tmp_path / "target")
    (tmp_path / "dry").mkdir()
    await target.apply(case.action, **case.parameters)
    before, ask = held(target), target.database.on_query
    # The server says of a function that the target's migrations made that it only reads.
    target.database.on_query = lambda sql: [(1, 0)] if "provolatile" in sql else ask(sql)
    forecast = await dry_run(target, tmp_path / "dry", case)
    (step,) = forecast.steps()
    assert held(target) == before
    assert step.check is not None
    assert (step.check.certainty, step.check.done) == (Certainty.PROVED, True), step.check
    assert (step.changes, forecast.to_do) == ((), False)
