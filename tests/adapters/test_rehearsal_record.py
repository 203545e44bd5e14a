"""What is on record of rehearsals, and what it stands on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.footing import footing
from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.rehearsal_names import Names
from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord, TargetRehearsals
from runbook_app.domain.plan import Plan
from runbook_app.domain.rehearsal import Badge
from tests.domain.story import PLAN

NAMES = Names(before="a", project="b", ports={}, subnets={})


async def forget(_: object) -> None:
    """These only read."""


def git(root: Path, *argv: str) -> None:
    identity = ("-c", "user.name=op", "-c", "user.email=op@localhost")
    subprocess.run(["git", *identity, *argv], cwd=root, check=True, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "target"
    root.mkdir()
    (root / "compose.yml").write_text("services: {}\n")
    git(root, "init", "--quiet")
    commit(root, "first")
    return root


@pytest.fixture
def record(tmp_path: Path) -> RehearsalRecord:
    return RehearsalRecord(tmp_path / "home")


def commit(root: Path, message: str) -> None:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", f"--message={message}")


async def rehearse(record: RehearsalRecord, root: Path, *, proven: bool = True) -> None:
    stood = await footing(PLAN, root, GitRepository(root, Children(forget)))
    badge = Badge(
        plan=PLAN.id,
        item="tls",
        at="2026-01-01T00:00:00.000Z",
        proven=proven,
        apply_seconds=1,
        rollback_seconds=2,
        footing=stood,
    )
    record.award(root, [badge])


async def reason(record: RehearsalRecord, root: Path, plan: Plan = PLAN) -> str:
    (found,) = await TargetRehearsals(record, plan, root, Children(forget)).noted()
    return found.outdated


async def test_a_badge_counts_while_nothing_changed(record: RehearsalRecord, root: Path) -> None:
    await rehearse(record, root)
    assert await reason(record, root) == ""


async def test_items_that_were_run_since_leave_it(record: RehearsalRecord, root: Path) -> None:
    await rehearse(record, root)
    (root / "compose.yml").write_text("services: {nginx: {}}\n")
    commit(root, "feat: tls\n\nRunbook-Item: s1 tls")
    commit(root, "Revert\n\nRunbook-Revert: s1 tls")
    assert await reason(record, root) == ""


async def test_any_other_commit_takes_it_away(record: RehearsalRecord, root: Path) -> None:
    await rehearse(record, root)
    commit(root, "feat: tls\n\nRunbook-Item: s1 tls")
    commit(root, "by hand")
    assert await reason(record, root) == "the target changed since"


async def test_history_that_was_rewritten_takes_it_away(
    record: RehearsalRecord, root: Path
) -> None:
    await rehearse(record, root)
    git(root, "commit", "--quiet", "--amend", "--allow-empty", "--message=another")
    assert await reason(record, root) == "the target changed since"


@pytest.mark.parametrize("name", ["compose.yml", "new.txt"])
async def test_an_edit_takes_it_away(record: RehearsalRecord, root: Path, name: str) -> None:
    await rehearse(record, root)
    (root / name).write_text("edited\n")
    assert await reason(record, root) == "the target changed since"


async def test_an_edit_that_was_rehearsed_is_part_of_it(
    record: RehearsalRecord, root: Path
) -> None:
    (root / "compose.yml").write_text("edited\n")
    await rehearse(record, root)
    assert await reason(record, root) == ""
    (root / "compose.yml").write_text("edited again\n")
    assert await reason(record, root) == "the target changed since"


async def test_the_sessions_own_documents_are_no_change(
    record: RehearsalRecord, root: Path
) -> None:
    await rehearse(record, root)
    (root / PLAN.target.progress).write_text("# Progress\n")
    assert await reason(record, root) == ""


async def test_without_a_repository_every_file_counts(
    record: RehearsalRecord, tmp_path: Path
) -> None:
    root = tmp_path / "plain"
    root.mkdir()
    (root / "compose.yml").write_text("services: {}\n")
    await rehearse(record, root)
    assert await reason(record, root) == ""
    (root / "compose.yml").chmod(0o600)
    assert await reason(record, root) == "the target changed since"


async def test_other_values_of_the_plan_take_it_away(record: RehearsalRecord, root: Path) -> None:
    await rehearse(record, root)
    changed = replace(PLAN, variables={"secrets_backend": "vault"})
    assert await reason(record, root, changed) == "the plan's values changed since"


async def test_a_target_that_can_not_be_compared_has_no_badge_that_counts(
    record: RehearsalRecord, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rehearse(record, root)
    monkeypatch.setenv("PATH", "")
    assert await reason(record, root) == (
        "the target can't be compared: There is no program 'git' on this machine."
    )


async def test_a_later_rehearsal_takes_the_place_of_an_earlier_one(
    record: RehearsalRecord, root: Path
) -> None:
    await rehearse(record, root)
    await rehearse(record, root, proven=False)
    assert [badge.proven for badge in record.badges(root)] == [False]


def begun(tmp_path: Path, *, pid_started: str) -> Begun:
    return Begun(
        id="r1",
        pid=os.getpid(),
        pid_started=pid_started,
        target=str(tmp_path / "target"),
        folder=str(tmp_path / "work"),
        names=NAMES,
    )


def test_a_rehearsal_whose_process_is_gone_is_known_by_its_start_time(
    record: RehearsalRecord, tmp_path: Path
) -> None:
    record.write(begun(tmp_path, pid_started=start_time(os.getpid()) or ""))
    assert [found.running for found in record.begun()] == [True]
    record.write(begun(tmp_path, pid_started="1"))
    assert [found.running for found in record.begun()] == [False]


def test_a_copy_is_known_as_one_and_nothing_else_is(
    record: RehearsalRecord, tmp_path: Path
) -> None:
    record.write(begun(tmp_path, pid_started="1"))
    assert record.copied_to(tmp_path / "work" / "copy") == str(tmp_path / "target")
    assert record.copied_to(tmp_path / "target") == ""


def test_the_record_is_nobody_elses_to_read_and_goes(
    record: RehearsalRecord, tmp_path: Path
) -> None:
    found = begun(tmp_path, pid_started="1")
    record.write(found)
    assert record.folder("r1").stat().st_mode & 0o777 == 0o700
    record.forget(found)
    assert record.begun() == []
