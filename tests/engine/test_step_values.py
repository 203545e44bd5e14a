"""What a step puts out reaches the parameters of a later one, on record as executed."""

from __future__ import annotations

import secrets

from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import CheckLine, Later, Reference, Step
from runbook_app.domain.state import StepStatus

from .world import line, plan_of, step


def given(part: Step | CheckLine, name: str, *parts: str | Reference) -> Step | CheckLine:
    """A step or check of which one parameter waits for another step."""
    text = "".join(map(str, parts))
    call = replace(
        part.call,
        parameters={**part.call.parameters, name: text},
        later=(Later(path=(name,), text=text, parts=parts, takes="text"),),
    )
    return replace(part, call=call)


REMARK = Reference("say", "outputs", "rollback_remark")
SIZE = Reference("only.see", "measured", "size")


def executed(session, step_id: str) -> list[dict[str, object]]:
    bodies = [entry.body for entry in session.client._journal.read(0)]
    return [b.parameters for b in bodies if isinstance(b, ev.StepStarted) and b.step == step_id]


async def test_a_step_takes_what_earlier_ones_gave(driven) -> None:
    plan = plan_of(
        step("only.say", "remarks", text="hello"),
        step("only.see", "holds", path="base.txt"),
        given(step("only.a", "write", path="a"), "text", REMARK, " ", SIZE),
        success=(given(line("there", "holds", path="a"), "path", "a"),),
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        assert (session.world.root / "a").read_text() == "hello 5"
        (entries,) = executed(session, "only.a")
        assert entries == {"path": "a", "text": "hello 5"}


async def test_a_value_that_is_missing_fails_the_step_before_its_effect(driven) -> None:
    waits = replace(given(step("only.a", "write", path="a"), "text", REMARK), retries=3)
    plan = plan_of(step("only.say", "remarks", text="hello"), waits)
    async with driven(plan) as session:
        fields = {"step": "only.say", "reason": "r", "owner": "o", "expires_on": "2027-01-01"}
        assert await session.send(cmd.SkipStep, **fields) == ""
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        failed = session.state.step("only.a")
        assert failed.error == f"{REMARK} has no value: step only.say is skipped."
        assert "Run only.say in this session first" in failed.hint
        assert failed.attempt == 1
        assert executed(session, "only.a") == [{"path": "a", "text": str(REMARK)}]
        assert not (session.world.root / "a").exists()
        edited = {"path": "a", "text": "by hand"}
        assert await session.send(cmd.RetryStep, step="only.a", parameters=edited) == ""
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        assert (session.world.root / "a").read_text() == "by hand"


async def test_a_radius_is_not_asked_for_when_a_value_is_missing(driven) -> None:
    plan = plan_of(
        step("only.say", "asks", text="?"),
        given(step("only.a", "spread", path="a"), "text", REMARK),
    )
    async with driven(plan) as session:
        (session.world.folder / "scratch" / "radius").write_text("db")
        await session.run()
        await session.confirm("blue")
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert session.state.step("only.a").error.endswith("step only.say put out answer.")


async def test_a_criterion_that_lacks_its_value_is_not_measured(driven) -> None:
    plan = plan_of(
        step("only.say", "asks", text="?"),
        success=(given(line("there", "holds"), "path", REMARK),),
    )
    async with driven(plan) as session:
        await session.run()
        await session.confirm("blue")
        await session.until(lambda: session.state.items["only"].success["there"].result)
        result = session.state.items["only"].success["there"].result
        assert result.verdict is Verdict.NOT_MEASURED
        assert "has no value" in result.evidence


async def test_a_secret_is_no_value(driven) -> None:
    token = secrets.token_hex(16)
    plan = plan_of(
        step("only.say", "remarks", text=token),
        given(step("only.a", "write", path="a"), "text", REMARK),
    )
    async with driven(plan) as session:
        session.world.redactor.register("TOKEN", token)
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert "holds a secret" in session.state.step("only.a").error
        assert not (session.world.root / "a").exists()
