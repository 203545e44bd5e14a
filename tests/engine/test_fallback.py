"""A rollback whose own steps fail falls back to a whole copy: on somebody's word, and once."""

from __future__ import annotations

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.plan import CaptureLine
from runbook_app.domain.state import ItemStatus
from runbook_app.engine.rollback import LEAVE, PUT_BACK

from .conftest import Driven
from .world import World, call, plan_of, step

PLAN = plan_of(
    step("only.a", "write", path="a", text="a"),
    checkpoint=(CaptureLine(id="copies", title="Copies", project=False, volume=True),),
    rollback=(call("holds", path="key"),),
)


def status(session: Driven) -> ItemStatus:
    found: ItemStatus = session.state.items["only"].status
    return found


async def begin(world: World) -> World:
    world.make()
    (world.root / "data").write_text("row 1\n")
    await world.begin()
    return world


async def applied(session) -> None:
    await session.run()
    await session.until(lambda: session.state.nothing_left)
    (session.world.root / "data").write_text("row 1\nrow 2\n")
    await session.send(cmd.RollBackItem, item="only")
    await session.until(lambda: session.state.question is not None)


async def test_what_would_be_lost_is_named_and_a_person_decides(driven, tmp_path) -> None:
    async with driven(PLAN, world=await begin(World(tmp_path, PLAN))) as session:
        await applied(session)
        question = session.state.question
        assert "row 2" in question.text
        assert "row 1" not in question.text
        assert (question.kind, question.person_required) == ("choice", True)
        assert (session.world.root / "data").read_text() == "row 1\nrow 2\n"
        await session.confirm(LEAVE)
        await session.until(lambda: status(session) is ItemStatus.ROLLBACK_FAILED)
        assert "key exists" in session.state.items["only"].rollback_error
    assert (tmp_path / "target/a").exists()
    assert (tmp_path / "target/data").read_text() == "row 1\nrow 2\n"


async def test_the_copy_is_put_back_on_that_word_and_the_loss_is_recorded(driven, tmp_path) -> None:
    async with driven(PLAN, world=await begin(World(tmp_path, PLAN))) as session:
        await applied(session)
        await session.confirm(PUT_BACK)
        await session.until(lambda: status(session) is ItemStatus.ROLLED_BACK)
        finished = session.state.items["only"].rollback
        assert isinstance(finished, ev.RollbackFinished)
        assert finished.proven
        assert "Lost by it: row 2" in finished.remarks
    assert (tmp_path / "target/data").read_text() == "row 1\n"
    assert not (tmp_path / "target/a").exists()


async def test_without_failure_the_copy_is_left_alone(driven, tmp_path) -> None:
    world = await begin(World(tmp_path, PLAN))
    (world.root / "key").write_text("k")
    async with driven(PLAN, world=world) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        (world.root / "data").write_text("row 1\nrow 2\n")
        await session.send(cmd.RollBackItem, item="only")
        await session.until(lambda: status(session) is ItemStatus.ROLLED_BACK)
    assert (tmp_path / "target/data").read_text() == "row 1\nrow 2\n"


async def test_a_word_that_was_given_is_not_asked_for_again(driven, tmp_path) -> None:
    """After a damaged capture stopped the rollback behind the copy, another try goes on."""
    async with driven(PLAN, world=await begin(World(tmp_path, PLAN))) as session:
        await applied(session)
        file = next(c for c in session.state.items["only"].captures if c.kind == "file")
        place = session.world.folder / file.path
        whole = place.read_bytes()
        place.write_bytes(b"damaged")
        await session.confirm(PUT_BACK)
        await session.until(lambda: status(session) is ItemStatus.ROLLBACK_FAILED)
        assert session.state.items["only"].fallback is not None
        place.write_bytes(whole)
        await session.send(cmd.RollBackItem, item="only")
        await session.until(lambda: status(session) is ItemStatus.ROLLED_BACK)
        assert session.state.items["only"].fallback is None
    assert (tmp_path / "target/data").read_text() == "row 1\n"
