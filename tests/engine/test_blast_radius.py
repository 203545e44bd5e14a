"""A step begins only while what it touches is what somebody has confirmed."""

from __future__ import annotations

from getpass import getuser
from pathlib import Path

from msgspec.structs import replace

from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain import record
from runbook_app.domain.blast import Affected
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import StepStatus
from runbook_app.domain.verdict import Overall, overall
from runbook_app.engine.blast import MOST

from .conftest import Driven
from .world import RADIUS, World, plan_of, step

STEP = "only.a"
PLAN = plan_of(step(STEP, "spread", path="a", text="a", fail_at="in-the-way"))
DB = Affected(kind="container", name="db", how="is made anew")
API = Affected(kind="container", name="api", how="is made anew")


def touches(world: World, *words: str) -> None:
    (world.folder / "scratch" / RADIUS).write_text("\n".join(words))


async def world_of(base: Path, *words: str, plan: Plan = PLAN) -> World:
    world = World(base, plan).make()
    touches(world, *words)
    await world.begin()
    return world


def bodies(session: Driven) -> list[object]:
    return [entry.body for entry in session.client._journal.read(0)]


def confirmed(session: Driven) -> list[tuple[Affected, ...]]:
    return [b.affected for b in bodies(session) if isinstance(b, ev.BlastRadiusConfirmed)]


async def asked(session: Driven) -> ev.QuestionAsked:
    await session.until(lambda: session.state.question is not None)
    question: ev.QuestionAsked | None = session.state.question
    assert question is not None
    assert question.kind == "blast_radius"
    return question


async def test_it_is_asked_before_anything_is_done_and_the_list_is_on_record(
    driven, tmp_path
) -> None:
    world = await world_of(tmp_path, "db", "api")
    async with driven(PLAN, world=world) as session:
        await session.run()
        question = await asked(session)
        assert "container db is made anew\n  container api is made anew" in question.text
        assert session.state.step(STEP).status is StepStatus.PENDING
        assert not (world.root / "a").exists()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        told = bodies(session)
        (known,) = [b for b in told if isinstance(b, ev.BlastRadiusConfirmed)]
        assert (known.affected, known.by, known.assumed) == ((DB, API), getuser(), False)
        (started,) = [b for b in told if isinstance(b, ev.StepStarted)]
        assert told.index(known) < told.index(started)


async def test_nobody_is_asked_where_nothing_is_touched(driven, tmp_path) -> None:
    async with driven(PLAN, world=await world_of(tmp_path)) as session:
        await session.run()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        assert not any(isinstance(b, ev.QuestionAsked) for b in bodies(session))


async def test_nobody_is_asked_where_the_plan_says_so(driven, tmp_path) -> None:
    plan = plan_of(replace(PLAN.items[0].steps[0], blast_radius=False))
    async with driven(plan, world=await world_of(tmp_path, "db", plan=plan)) as session:
        await session.run()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        assert not any(isinstance(b, ev.QuestionAsked) for b in bodies(session))


async def test_another_list_than_was_confirmed_is_asked_again_with_the_difference(
    driven, tmp_path
) -> None:
    world = await world_of(tmp_path, "db", "api")
    async with driven(PLAN, world=world) as session:
        await session.run()
        first = await asked(session)
        touches(world, "db", "cache")
        await session.send(cmd.AnswerQuestion, question=first.id, answer="yes")
        await session.until(
            lambda: session.state.question and session.state.question.id != first.id
        )
        second = await asked(session)
        assert "new: container cache is made anew" in second.text
        assert "gone: container api is made anew" in second.text
        assert not (world.root / "a").exists()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        cache = Affected(kind="container", name="cache", how="is made anew")
        assert confirmed(session) == [(DB, API), (DB, cache)]


async def test_refused_nothing_is_begun_and_the_run_is_paused(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "db")
    async with driven(PLAN, world=world) as session:
        await session.run()
        await session.confirm("no")
        await session.idle()
        by = getuser()
        reason = f"{by} did not confirm the blast radius of step {STEP}"
        assert session.state.pause_reason == reason
        assert session.state.step(STEP).status is StepStatus.PENDING
        assert not (world.root / "a").exists()
        assert confirmed(session) == []
        await session.run()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)


async def test_yes_stands_in_on_record_as_nobodys_confirmation(driven, tmp_path) -> None:
    async with driven(PLAN, world=await world_of(tmp_path, "db")) as session:
        await session.run(unattended=True)
        question = await asked(session)
        assert question.may_be_assumed
        await session.send(cmd.AnswerQuestion, question=question.id, answer="yes", assumed=True)
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        assert session.state.step(STEP).radius.assumed
        (line,) = record.assumed(session.state, PLAN)
        assert (line.line, line.title) == (STEP, f"blast radius of step {STEP}")
        await session.idle()
        assert overall(session.state) is Overall.UNATTENDED


async def test_a_retry_asks_only_for_another_list(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "db")
    (world.root / "in-the-way").touch()
    async with driven(PLAN, world=world) as session:
        await session.run()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.FAILED)
        await session.send(cmd.RetryStep, step=STEP)
        await session.until(lambda: session.state.step(STEP).attempt == 2)
        await session.until(lambda: session.state.step(STEP).status is StepStatus.FAILED)
        assert confirmed(session) == [(DB,)]
        touches(world, "db", "api")
        (world.root / "in-the-way").unlink()
        await session.send(cmd.RetryStep, step=STEP)
        assert "new: container api" in (await asked(session)).text
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)


async def test_edited_parameters_are_asked_for_again(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "db")
    (world.root / "in-the-way").touch()
    async with driven(PLAN, world=world) as session:
        await session.run()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.FAILED)
        edited = {"path": "a", "text": "b"}
        await session.send(cmd.RetryStep, step=STEP, parameters=edited)
        await asked(session)
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)


async def test_a_list_that_never_rests_pauses_the_run(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "restless")
    async with driven(PLAN, world=world) as session:
        await session.run()
        for _ in range(MOST + 1):
            question = await asked(session)
            await session.send(cmd.AnswerQuestion, question=question.id, answer="yes")
            await session.until(lambda q=question: session.state.question != q)
        await session.idle()
        assert "changes faster than it can be confirmed" in session.state.pause_reason
        assert session.state.step(STEP).status is StepStatus.PENDING


async def test_what_can_t_be_told_is_asked_as_that(driven, tmp_path) -> None:
    async with driven(PLAN, world=await world_of(tmp_path, "break")) as session:
        await session.run()
        text = (await asked(session)).text
        assert "can't be told: ZeroDivisionError: a mistake in the action" in text
        await session.confirm("no")
        await session.idle()


async def test_telling_it_can_t_change_anything(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "write")
    async with driven(PLAN, world=world) as session:
        await session.run()
        assert "file a must not be changed" in (await asked(session)).text
        assert not (world.root / "a").exists()
        await session.confirm("no")
        await session.idle()


async def test_a_secret_in_the_list_is_masked_and_compared_masked(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "secret")
    secret = "0123456789abcdef" * 2  # not one: it only has to be long enough
    (world.root / "base.txt").write_text(secret)
    async with driven(PLAN, world=world) as session:
        await session.run()
        assert "role [secret:TOKEN] is made" in (await asked(session)).text
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
        assert len(confirmed(session)) == 1


async def test_a_step_that_is_asked_for_is_not_skipped_meanwhile(driven, tmp_path) -> None:
    async with driven(PLAN, world=await world_of(tmp_path, "db")) as session:
        await session.run()
        await asked(session)
        refusal = await session.send(
            cmd.SkipStep, step=STEP, reason="r", owner="o", expires_on="2030-01-01"
        )
        assert "waits for an answer" in (refusal or "")
        await session.confirm("no")
        await session.idle()


async def test_an_engine_that_ends_while_it_asks_leaves_the_step_pending(driven, tmp_path) -> None:
    world = await world_of(tmp_path, "db")
    async with driven(PLAN, world=world) as session:
        await session.run()
        await asked(session)
    async with driven(PLAN, world=world, epoch=2) as session:
        assert session.state.step(STEP).status is StepStatus.PENDING
        await session.run()
        await session.confirm()
        await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)


async def test_what_was_confirmed_before_a_crash_stands_while_it_is_so(driven, tmp_path) -> None:
    for number, words in enumerate((["db"], ["db", "api"])):
        world = await world_of(tmp_path / f"{number}", *words)
        journal = SqliteJournal(world.folder / "journal.db", world.clock)
        await journal.append(
            ev.BlastRadiusConfirmed(item="only", step=STEP, affected=(DB,), by="op")
        )
        journal.close()
        async with driven(PLAN, world=world) as session:
            await session.run()
            if number:
                assert "new: container api" in (await asked(session)).text
                await session.confirm()
            await session.until(lambda: session.state.step(STEP).status is StepStatus.SUCCEEDED)
            assert len(confirmed(session)) == 1 + number
