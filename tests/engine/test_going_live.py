"""A session that was begun on a screen asks for the target's name before it does anything."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.live import standing
from runbook_app.domain.record import assumed
from runbook_app.domain.state import ItemStatus, SessionState

from .world import PLAN, SCORE, World


async def begun(tmp_path: Path, *, names_target: bool = True) -> World:
    world = World(tmp_path, replace(PLAN, score=SCORE)).make()
    await world.begin(names_target=names_target)
    return world


async def test_nothing_begins_and_nothing_is_measured_before_the_name_is_typed(
    driven, tmp_path: Path
) -> None:
    world = await begun(tmp_path)
    before = world.files()
    async with driven(world=world) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        asked = session.state.question
        assert asked.kind == "target"
        assert f"{world.root} itself is changed" in asked.text
        assert standing(session.state) == "not live yet: its name is to be typed"
        refused = await session.send(cmd.AnswerQuestion, question=asked.id, answer="Target")
        assert refused == "'Target' is not the target's name, target."
        assert session.state.question == asked
        assert session.state.score_before is None
        assert session.state.items["first"].status is ItemStatus.PENDING
        assert world.files() == before


async def test_the_name_begins_the_work_and_who_typed_it_stays_on_record(
    driven, tmp_path: Path
) -> None:
    world = await begun(tmp_path)
    async with driven(world=world) as session:
        await session.run(auto=False)
        await session.confirm("target")
        await session.until(lambda: session.state.score_before is not None)
        answered, at = session.state.went_live
        assert (answered.answer, bool(answered.by), answered.assumed) == ("target", True, False)
        assert standing(session.state).endswith(f"named by {answered.by}")
        assert at


async def test_a_new_engine_does_not_ask_again(driven, tmp_path: Path) -> None:
    world = await begun(tmp_path)
    async with driven(world=world) as session:
        await session.run(auto=False)
        await session.confirm("target")
        await session.until(lambda: session.state.score_before is not None)
    async with driven(world=world, epoch=2) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        assert session.state.question.kind == "confirm"


async def test_an_engine_that_ended_before_the_answer_asks_once_it_is_to_run(
    driven, tmp_path: Path
) -> None:
    world = await begun(tmp_path)
    async with driven(world=world) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
    async with driven(world=world, epoch=2) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        assert session.state.question.kind == "target"


async def test_yes_stands_in_for_nobody_here_either(driven, tmp_path: Path) -> None:
    world = await begun(tmp_path)
    async with driven(world=world) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        asked = session.state.question
        assert asked.may_be_assumed
        fields = {"question": asked.id, "answer": "yes", "assumed": True}
        assert await session.send(cmd.AnswerQuestion, **fields) == ""
        assert "assumed (--yes" in standing(session.state)
        assert [found.title for found in assumed(session.state, world.plan)] == [asked.text]


async def test_a_session_that_a_command_began_is_not_asked(driven, tmp_path: Path) -> None:
    world = await begun(tmp_path, names_target=False)
    async with driven(world=world) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        assert session.state.question.kind == "confirm"
        assert standing(session.state) == ""


def test_a_copy_says_of_what() -> None:
    started = ev.SessionStarted(
        session="s",
        plan="p",
        plan_title="P",
        plan_path="p.yaml",
        plan_sha256="0",
        target="/copy",
        operator="op",
        host="h",
        program="0",
        variables={},
        outline=(),
        copy_of="/srv/staging",
    )
    assert standing(SessionState(started=started)) == "a rehearsal's copy of /srv/staging"
