"""Rolling back: byte for byte, in order, proven, and never over what others did unasked."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Call, Item, Step
from runbook_app.domain.state import ItemStatus, StepStatus

from .world import FIRST, PLAN, PROGRESS, SECOND, FileTarget, World, call, plan_of, step


def git(root: Path, *argv: str) -> str:
    result = subprocess.run(["git", *argv], cwd=root, check=True, capture_output=True, text=True)
    return result.stdout


def repository(root: Path) -> None:
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "op")
    git(root, "config", "user.email", "op@example.com")
    git(root, "add", "base.txt")
    git(root, "commit", "-q", "-m", "base")


async def finish(session) -> None:
    await session.run()
    while not session.state.nothing_left:
        await session.until(lambda: session.state.nothing_left or session.state.question)
        if session.state.question:
            await session.confirm()


async def rolled_back(session, item: str) -> ev.RollbackFinished:
    await session.until(lambda: session.state.items[item].status is ItemStatus.ROLLED_BACK)
    result = session.state.items[item].rollback
    assert isinstance(result, ev.RollbackFinished)
    return result


ONE = replace(PLAN, items=(FIRST,))


async def test_a_rollback_restores_bytes_modes_and_absence_and_is_proven(driven, tmp_path) -> None:
    world = World(tmp_path, ONE).make()
    (world.root / "base.txt").chmod(0o640)
    before = world.files()
    await world.begin()
    async with driven(ONE, world=world) as session:
        await finish(session)
        assert world.files() != before
        assert await session.send(cmd.RollBackItem, item="first") == ""
        assert (await rolled_back(session, "first")).proven
    assert world.files() == before
    assert not (world.root / "sub").exists()


async def test_a_second_run_after_a_rollback_succeeds_as_well(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="first")
        await rolled_back(session, "first")
        await session.run(items=("first",))
        await session.confirm()
        await session.until(lambda: session.state.items["first"].status is ItemStatus.SUCCEEDED)
        await session.send(cmd.RollBackItem, item="first")
        assert (await rolled_back(session, "first")).proven


async def test_a_rolled_back_item_is_run_again_from_a_new_checkpoint(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="first")
        await rolled_back(session, "first")
        base = session.world.root / "base.txt"
        base.write_text("changed in between\n")
        assert await session.send(cmd.RunItem, item="first") == ""
        await session.confirm()
        await session.until(lambda: session.state.items["first"].status is ItemStatus.SUCCEEDED)
        assert session.state.step("first.base").attempt == 2
        await session.send(cmd.RollBackItem, item="first")
        assert (await rolled_back(session, "first")).proven
        assert base.read_text() == "changed in between\n"


async def test_a_rollback_says_what_differs(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        (session.world.root / "stranger").write_text("x")
        await session.send(cmd.RollBackItem, item="first")
        result = await rolled_back(session, "first")
        assert not result.proven
        assert [d.field for d in result.differences] == ["file:stranger"]


async def test_a_hand_made_change_is_shown_and_asked_about(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        base = session.world.root / "base.txt"
        base.write_text(base.read_text() + "by hand\n")
        await session.send(cmd.RollBackItem, item="first")
        await session.until(lambda: session.state.question is not None)
        assert "by hand" in session.state.question.text
        await session.confirm("no")
        await session.idle()
        assert session.state.items["first"].status is ItemStatus.SUCCEEDED
        await session.send(cmd.RollBackItem, item="first", accept_changes=True)
        assert (await rolled_back(session, "first")).proven


async def test_overlapping_items_are_rolled_back_in_reverse_order_on_request(driven) -> None:
    async with driven() as session:
        before = session.world.files()
        await finish(session)
        refused = await session.send(cmd.RollBackItem, item="first")
        assert "second, first" in refused
        assert await session.send(cmd.RollBackItem, item="first", with_dependents=True) == ""
        assert (await rolled_back(session, "first")).proven
        assert (await rolled_back(session, "second")).proven
    assert session.world.files() == before


async def test_a_rollback_waits_until_nothing_of_a_dead_engine_is_at_work(
    driven, monkeypatch
) -> None:
    async with driven(ONE) as session:
        world = session.world
        await finish(session)
    left: list[str] = []

    async def wait_for_the_gate(_: FileTarget, others: Sequence[str]) -> list[str]:
        while not (world.base / "gate").exists():
            await asyncio.sleep(0.01)
        left.append(session.state.items["first"].status)
        return []

    monkeypatch.setattr(FileTarget, "end_survivors", wait_for_the_gate)
    async with driven(ONE, world=world, epoch=2) as session:
        assert await session.send(cmd.RollBackItem, item="first") == ""
        (world.base / "gate").touch()
        assert (await rolled_back(session, "first")).proven
    assert left == [ItemStatus.SUCCEEDED]


async def test_a_rollback_in_the_middle_of_a_step_ends_the_step_first(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"), step("only.b", "child", argv=["sleep", "60"])
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.children)
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven
        assert session.state.children == {}
        assert session.state.step("only.b").status is StepStatus.ROLLED_BACK
    assert not (session.world.root / "a").exists()


async def test_after_a_failure_in_the_middle_of_a_step_all_of_the_item_is_undone(driven) -> None:
    plan = plan_of(
        step("only.a", "append", path="base.txt", line="one"),
        step("only.b", "stumble", path="half.txt"),
        step("only.c", "write", path="c", text="c"),
    )
    async with driven(plan) as session:
        before = session.world.files()
        await session.run()
        await session.until(lambda: session.state.step("only.b").status is StepStatus.FAILED)
        assert session.world.files().keys() == {"base.txt", "half.txt"}
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven
    assert session.world.files() == before


async def test_explicit_rollback_steps_run_before_the_captures_are_restored(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"),
        rollback=(call("holds", path="a"),),
    )
    async with driven(plan) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven


async def test_a_rollback_step_that_fails_leaves_the_rollback_open_for_another_try(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"), rollback=(call("holds", path="key"),)
    )
    async with driven(plan) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="only")
        await session.until(
            lambda: session.state.items["only"].status is ItemStatus.ROLLBACK_FAILED
        )
        assert (session.world.root / "a").exists()
        plan.items[0].rollback[0].parameters["path"] = "a"  # type: ignore[index]
        await session.send(cmd.RollBackItem, item="only")
        assert (await rolled_back(session, "only")).proven


async def test_what_no_rollback_can_take_back_is_said(driven) -> None:
    plan = plan_of(step("only.a", "remarks", text="clients remember HSTS for 300 s"))
    async with driven(plan) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="only")
        result = await rolled_back(session, "only")
        assert result.remarks == ("clients remember HSTS for 300 s",)


async def test_a_damaged_capture_stops_the_rollback_and_says_so(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        capture = session.state.items["first"].captures[0]
        (session.world.folder / capture.path).write_bytes(b"damaged")
        await session.send(cmd.RollBackItem, item="first")
        await session.until(
            lambda: session.state.items["first"].status is ItemStatus.ROLLBACK_FAILED
        )
        assert session.state.items["first"].rollback_error


async def test_what_a_broken_off_rollback_restored_is_no_change_by_others(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        item = session.state.items["first"]
        last = session.world.folder / item.captures[0].path
        sealed = last.read_bytes()
        last.write_bytes(b"damaged")
        await session.send(cmd.RollBackItem, item="first")
        await session.until(lambda: item.status is ItemStatus.ROLLBACK_FAILED)
        assert item.captures[1:], "something was restored before"
        last.write_bytes(sealed)
        await session.send(cmd.RollBackItem, item="first")
        await session.until(lambda: session.state.question or item.status is ItemStatus.ROLLED_BACK)
        assert session.state.question is None


async def test_a_fingerprint_that_is_not_what_was_taken_proves_nothing(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        item = session.state.items["first"]
        other = item.captures[0].path
        assert item.fingerprint is not None
        taken = session.world.folder / item.fingerprint.path
        taken.write_bytes((session.world.folder / other).read_bytes())
        await session.send(cmd.RollBackItem, item="first")
        await session.until(lambda: item.status is ItemStatus.ROLLBACK_FAILED)
        assert "is not what was taken" in item.rollback_error


async def test_commit_and_revert_hold_the_item_s_paths_and_nothing_else(driven, tmp_path) -> None:
    world = World(tmp_path, ONE).make()
    repository(world.root)
    (world.root / "mine.txt").write_text("staged by me\n")
    git(world.root, "add", "mine.txt")
    await world.begin()
    async with driven(ONE, world=world) as session:
        await finish(session)
        names = git(world.root, "show", "--name-only", "--format=%s", "HEAD").split()
        assert names == ["feat:", "first", "base.txt", "sub/new.txt"]
        assert git(world.root, "diff", "--cached", "--name-only").split() == ["mine.txt"]
        await session.send(cmd.RollBackItem, item="first")
        result = await rolled_back(session, "first")
    assert git(world.root, "rev-parse", "HEAD").strip() == result.revert_commit
    assert git(world.root, "diff", "--name-only", "HEAD~2", "HEAD") == ""
    assert git(world.root, "diff", "--cached", "--name-only").split() == ["mine.txt"]
    assert PROGRESS not in git(world.root, "status", "--porcelain")


async def test_uncommitted_work_of_the_operator_is_never_committed(driven, tmp_path) -> None:
    world = World(tmp_path, ONE).make()
    repository(world.root)
    (world.root / "base.txt").write_text("zero\nmine\n")
    await world.begin()
    async with driven(ONE, world=world) as session:
        await session.run()
        await session.confirm()
        await session.until(lambda: session.state.items["first"].not_committed)
        assert (
            "not committed when the item began" in session.state.items["first"].not_committed.reason
        )
        assert session.state.items["first"].status is ItemStatus.FAILED
    assert git(world.root, "rev-list", "--count", "HEAD").strip() == "1"


async def test_without_a_repository_the_item_is_done_and_says_why_no_commit(driven) -> None:
    async with driven(ONE) as session:
        await finish(session)
        assert session.state.items["first"].not_committed.reason == "no repository"
        assert session.state.items["first"].status is ItemStatus.SUCCEEDED
    assert SECOND.needs == ("first",)


async def test_a_record_left_half_written_by_a_kill_is_no_difference(driven) -> None:
    async with driven(ONE) as session:
        left = session.world.root / f".{PROGRESS}.runbook-new"
        left.write_text("half")
        await finish(session)
        left.write_text("half again")
        await session.send(cmd.RollBackItem, item="first")
        assert (await rolled_back(session, "first")).proven
    assert not left.exists()


OWN = replace(FIRST, rollback=(call("holds", path="base.txt"),))


TOUCH = Step(
    id="first.touch",
    title="Touch a file",
    call=Call(
        action="command.shell",
        parameters={
            "command": "touch new.txt",
            "check": "test -e new.txt || exit 1",
            "capture": {"files": ["new.txt"]},
            "rollback": "rm new.txt",
        },
    ),
    effect=True,
    undoes=True,
)


@pytest.mark.parametrize(
    ("item", "starts"), [(FIRST, 0), (OWN, 1), (replace(FIRST, steps=(TOUCH,), success=()), 1)]
)
async def test_the_database_is_started_for_what_takes_an_item_back(
    driven, item: Item, starts: int
) -> None:
    async with driven(replace(PLAN, items=(item,))) as session:
        await finish(session)
        await session.send(cmd.RollBackItem, item="first")
        assert (await rolled_back(session, "first")).proven
        assert session.world.target.database_starts == starts


async def test_a_database_that_does_not_start_is_why_a_rollback_failed(driven) -> None:
    async with driven(replace(PLAN, items=(OWN,))) as session:
        await finish(session)
        session.world.target.database_fault = ActionError("db does not get healthy.")
        await session.send(cmd.RollBackItem, item="first")
        await session.until(lambda: session.state.items["first"].rollback_error)
        assert session.state.items["first"].rollback_error == "db does not get healthy."
        session.world.target.database_fault = None
        await session.send(cmd.RollBackItem, item="first")
        assert (await rolled_back(session, "first")).proven
