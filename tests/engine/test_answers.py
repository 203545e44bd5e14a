"""Typed and secret answers: what fits, what is recorded, and a question whose engine died."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import signal
import stat
from collections.abc import Mapping

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.answers import SEALED, misfit
from runbook_app.domain.state import StepStatus
from runbook_app.testing.crash import VARIABLE

from .conftest import Driven
from .world import World, plan_of, step, until


async def asked(session: Driven) -> ev.QuestionAsked:
    await session.until(lambda: session.state.question is not None)
    question: ev.QuestionAsked | None = session.state.question
    assert question is not None
    return question


async def outputs(session: Driven) -> Mapping[str, object]:
    await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
    found: Mapping[str, object] = session.state.step("only.a").outputs
    return found


@pytest.mark.parametrize(
    ("takes", "wrong", "right"),
    [
        ("integer", "1.5", "-12"),
        ("integer", "1_000", "1000"),
        ("number", "nan", "1e3"),
        ("number", "much", "0.5"),
        ("file", "  ", "a b.txt"),
        ("text", "", "no"),
    ],
)
async def test_an_answer_of_another_type_is_turned_down_and_the_question_stays(
    driven, takes, wrong, right
) -> None:
    async with driven(plan_of(step("only.a", "tells", takes=takes))) as session:
        await session.run()
        question = await asked(session)
        assert question.takes == takes
        refused = await session.send(cmd.AnswerQuestion, question=question.id, answer=wrong)
        assert "is not" in refused
        assert (await asked(session)).id == question.id
        assert await session.send(cmd.AnswerQuestion, question=question.id, answer=right) == ""
        assert await outputs(session) == {"answer": right}


@pytest.mark.parametrize("answer", ["inf", "9" * 41, "１２"])  # noqa: RUF001 - other digits
def test_a_number_that_can_not_be_compared_or_read_is_none(answer):
    assert misfit("number", answer)


async def test_a_default_is_on_record_with_the_question(driven) -> None:
    async with driven(plan_of(step("only.a", "tells", takes="integer", default="5"))) as session:
        await session.run()
        question = await asked(session)
        assert (question.default, question.secret, question.key) == ("5", False, "")
        assert not question.may_be_assumed, "--yes decides nothing"
        await session.send(cmd.AnswerQuestion, question=question.id, answer=question.default)
        assert await outputs(session) == {"answer": "5"}


def everything_in(world: World) -> bytes:
    files = (path for path in world.folder.rglob("*") if path.is_file())
    return b"".join(path.read_bytes() for path in files)


async def test_a_secret_answer_reaches_the_action_and_is_written_nowhere(driven) -> None:
    value = secrets.token_hex(16)
    async with driven(plan_of(step("only.a", "tells", secret="token"))) as session:
        await session.run()
        question = await asked(session)
        folder = session.world.folder / "answers"
        await session.client.send(cmd.AnswerQuestion, question=question.id, answer=value)
        found = await outputs(session)
        assert found == {"answer": hashlib.sha256(value.encode()).hexdigest()}
        assert list(folder.iterdir()) == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        entries = [entry.body for entry in session.client._journal.read()]
    (command,) = [body for body in entries if isinstance(body, cmd.AnswerQuestion)]
    (answered,) = [body for body in entries if isinstance(body, ev.QuestionAnswered)]
    assert (command.answer, answered.answer) == (SEALED, SEALED)
    kept = everything_in(session.world)
    assert value.encode() not in kept
    assert b"the answer is [secret:token]" in kept


async def test_a_secret_in_a_command_is_turned_down_and_one_too_late_is_not_written(driven) -> None:
    value = secrets.token_hex(16)
    async with driven(plan_of(step("only.a", "tells", secret="token"))) as session:
        await session.run()
        question = await asked(session)
        await session.client.send(cmd.AnswerQuestion, question="another", answer=value)
        session.client._leave_answer = lambda *_: None
        await session.client.send(cmd.AnswerQuestion, question=question.id, answer=value)
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert "could not be read" in session.state.step("only.a").error
    assert value.encode() not in everything_in(session.world)


@pytest.mark.parametrize("secret", ["", "token"])
async def test_a_question_that_was_open_when_the_engine_died_is_asked_anew(
    driven, tmp_path, secret
) -> None:
    world = World(tmp_path, plan_of(step("only.a", "tells", secret=secret))).make()
    world.keep_plan()
    await world.begin()
    client = world.client()
    engine = world.start_engine(**{VARIABLE: "after:QuestionAsked"})
    await until(client, lambda: client.state.epoch == 1)
    await client.send(cmd.Run, auto=True)
    try:
        assert await asyncio.to_thread(engine.wait, 60) == -signal.SIGKILL
    finally:
        engine.kill()
    client.refresh()
    first = client.state.question
    assert first is not None
    assert client.state.step("only.a").status is StepStatus.WAITING
    client.close()
    async with driven(world.plan, world=world, epoch=2) as session:
        await session.until(lambda: session.state.step("only.a").status is StepStatus.UNKNOWN)
        assert session.state.question is None
        await session.run(unknown="retry")
        again = await asked(session)
        assert again.id != first.id
        assert (again.key != first.key) == bool(secret)
        late = await session.send(cmd.AnswerQuestion, question=first.id, answer="late")
        assert "not open any more" in late
        value = secrets.token_hex(16)
        await session.client.send(cmd.AnswerQuestion, question=again.id, answer=value)
        found = await outputs(session)
        assert found["answer"] == (hashlib.sha256(value.encode()).hexdigest() if secret else value)
