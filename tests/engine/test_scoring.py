"""The score in a session: before the first change, at its step, and when asked for."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.plan import Score
from runbook_app.domain.state import StepStatus

from .world import PLAN, SCORE, SCORED, plan_of, scored, step

FILES = SCORE.categories[0]
SLOW = Score(categories=(replace(FILES, checks=(scored("gate", "waits", gate="gate"),)),))


def points(session, place: int) -> dict[str, float]:
    return {line.check: line.points for line in session.state.scores[place].checks}


async def test_the_score_is_measured_before_the_first_change_and_not_again(driven) -> None:
    async with driven(SCORED) as session:
        before = session.world.files()
        await session.run()
        await session.until(lambda: session.state.question is not None)
        assert session.world.files() == before
        kinds = [type(entry.body) for entry in session.client._journal.read()]
        assert kinds.index(ev.ScoreMeasured) < kinds.index(ev.CheckpointOpened)
        assert points(session, 0) == {
            "base": 1,
            "new": 0,
            "touched": 1,
            "odd": 0,
            "elsewhere": 0,
        }
        assert session.state.score_before.measured.total == 50
        await session.confirm()
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)
        assert len(session.state.scores) == 1
        taken = [c.item for item in session.state.items.values() for c in item.captures]
    assert set(taken) <= {"first", "second"}


async def test_every_check_is_in_the_journal_with_its_evidence(driven) -> None:
    async with driven(SCORED) as session:
        await session.run()
        await session.until(lambda: session.state.scores)
        lines = {c.check: c for c in session.state.scores[0].checks}
    assert lines["base"].measurements[1].name == "size"
    assert lines["new"].verdict == "failed"
    assert "sub/new.txt exists: False" in lines["new"].evidence
    assert "ZeroDivisionError" in lines["odd"].evidence
    assert (lines["elsewhere"].verdict, lines["elsewhere"].evidence) == (
        "not_applicable",
        "other is a, not b",
    )
    assert lines["base"].source == "the test"


async def test_a_plan_that_only_measures_has_no_score_before(driven) -> None:
    plan = replace(plan_of(step("only.a", "holds", path="base.txt")), score=SCORE)
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        assert session.state.scores == []


@pytest.mark.parametrize(("minimum", "status"), [(50, "succeeded"), (51, "failed")])
async def test_a_step_measures_it_and_holds_it_to_its_minimum(driven, minimum, status) -> None:
    plan = replace(plan_of(step("only.score", "scores", minimum=minimum)), score=SCORE)
    async with driven(plan) as session:
        await session.run()
        await session.until(
            lambda: session.state.step("only.score").status in (StepStatus(status),)
        )
        taken = session.state.scores[-1]
        assert (taken.started.moment, taken.started.step) == ("after", "only.score")
        assert session.state.score_now is taken
        assert session.state.scoring is None


async def test_the_operator_measures_it_at_any_time(driven) -> None:
    async with driven(SCORED) as session:
        assert await session.send(cmd.MeasureScore) == ""
        await session.until(lambda: session.state.scores)
        taken = session.state.scores[0].started
        assert (taken.moment, session.state.score_before) == ("asked", None)
        assert session.state.items["first"].started is False


async def test_a_plan_without_checks_has_no_score_to_measure(driven) -> None:
    async with driven(PLAN) as session:
        assert "no checks" in await session.send(cmd.MeasureScore)


async def test_a_measurement_that_is_cancelled_is_given_up_and_not_begun_again(driven) -> None:
    async with driven(replace(SCORED, score=SLOW)) as session:
        await session.run()
        await session.until(lambda: session.state.scoring is not None)
        assert session.state.status == "running"
        assert "already" in await session.send(cmd.MeasureScore)
        assert await session.send(cmd.CancelStep) == ""
        await session.until(lambda: session.state.question is not None)
        assert session.state.scores == []
        assert session.state.scoring is None
        assert session.state.score_declined.startswith("cancelled by")


async def test_a_stop_cuts_it_short_and_the_next_engine_measures_anew(driven) -> None:
    checks = (scored("first", "waits", gate="gate"), scored("last", "holds", path="base.txt"))
    plan = replace(SCORED, score=Score(categories=(replace(FILES, checks=checks),)))
    async with driven(plan) as session:
        world = session.world
        assert await session.send(cmd.MeasureScore) == ""
        await session.until(lambda: session.state.scoring is not None)
        assert await session.send(cmd.Stop) == ""
        (world.root / "gate").write_text("")
        await session.until(lambda: session.state.engine_stopped)
        assert session.state.scores == []
    async with driven(plan, world=world, epoch=2) as session:
        await session.until(lambda: session.state.scores)
        assert [c.check for c in session.state.scores[0].checks] == ["first", "last"]
        assert len(session.state.scores) == 1


async def test_a_step_that_runs_out_of_time_leaves_no_measurement_open(driven) -> None:
    from datetime import timedelta

    late = replace(step("only.score", "scores"), timeout=timedelta(seconds=0.2))
    plan = replace(plan_of(late), score=SLOW)
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.score").status is StepStatus.FAILED)
        assert session.state.scoring is None


async def test_the_score_does_not_contain_itself(driven) -> None:
    nested = Score(categories=(replace(FILES, checks=(scored("again", "scores"),)),))
    async with driven(replace(SCORED, score=nested)) as session:
        assert await session.send(cmd.MeasureScore) == ""
        await session.until(lambda: session.state.scores)
        assert session.state.scores[0].checks[0].verdict == "failed"


async def test_secrets_stay_out_of_the_evidence(driven) -> None:
    leaking = Score(categories=(replace(FILES, checks=(scored("l", "leaks", path="base.txt"),)),))
    async with driven(replace(SCORED, score=leaking)) as session:
        (session.world.root / "base.txt").write_text("very-secret-value")
        assert await session.send(cmd.MeasureScore) == ""
        await session.until(lambda: session.state.scores)
        entries = str([entry.body for entry in session.client._journal.read()])
    assert "very-secret-value" not in entries
