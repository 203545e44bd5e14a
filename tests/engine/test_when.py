"""What the plan's `when` passes over: decided right before it would begin, on record with why."""

from __future__ import annotations

from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus, StepStatus
from runbook_app.domain.verdict import Overall, overall

from .conditions import only_when
from .world import PLAN, plan_of, step

SAY = step("only.say", "remarks", text="yes")
SAID = "${steps.say.outputs.rollback_remark}"


async def test_a_step_is_passed_over_with_the_reason_and_the_rest_is_run(driven) -> None:
    plan = plan_of(
        SAY,
        replace(
            only_when(step("only.a", "write", path="a", text="a"), f"{SAID} == 'no'"), required=True
        ),
        only_when(step("only.b", "write", path="b", text="b"), f"{SAID} == 'yes'"),
        only_when(step("only.c", "write", path="c", text="c"), "${mode} == 'prod'", mode="test"),
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        only = session.state.items["only"]
        assert only.status is ItemStatus.SUCCEEDED
        assert [only.steps[f"only.{name}"].word for name in ("a", "b", "c")] == [
            "not_applicable",
            "succeeded",
            "not_applicable",
        ]
        a, c = only.steps["only.a"].not_applicable, only.steps["only.c"].not_applicable
        reason = f"{SAID} == 'no' is false ({SAID} is yes)"
        assert a == ev.StepNotApplicable(
            item="only", step="only.a", reason=reason, rests_on=("only.say",)
        )
        assert c is not None
        assert (c.reason, c.rests_on) == ("${mode} == 'prod' is false (mode is test)", ())
        assert only.steps["only.a"].attempt == 0
        assert not (session.world.root / "a").exists()
        assert (session.world.root / "b").exists()
        assert overall(session.state) is Overall.COMPLETE


def two_items(text: str, **variables: str) -> Plan:
    first, second = PLAN.items
    plain = replace(first, checkpoint=(), commit="")
    after = replace(second, checkpoint=())
    return replace(PLAN, items=(only_when(plain, text, **variables), after))


async def test_an_item_that_is_not_required_holds_nothing_up(driven) -> None:
    async with driven(two_items("${mode} == 'prod'", mode="test")) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        first, second = session.state.items.values()
        assert first.status is ItemStatus.NOT_REQUIRED
        assert first.passed_over == "${mode} == 'prod' is false (mode is test)"
        assert {s.word for s in first.steps.values()} == {"not_applicable"}
        assert second.status is ItemStatus.SUCCEEDED
        assert overall(session.state) is Overall.COMPLETE
        refused = await session.send(cmd.RollBackItem, item="first")
        assert "nothing to roll back" in (refused or "")


async def test_what_variables_leave_out_needs_no_action_that_is_not_installed(driven) -> None:
    plan = two_items("${mode} == 'prod'", mode="test")
    first, second = plan.items
    absent = replace(step("second.later", "write", path="l", text="l"), available=False)
    second = replace(
        second, steps=(*second.steps, only_when(absent, "${mode} == 'prod'", mode="test"))
    )
    first = replace(first, steps=tuple(replace(s, available=False) for s in first.steps))
    async with driven(replace(plan, items=(first, second))) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        one, two = session.state.items.values()
        assert one.status is ItemStatus.NOT_REQUIRED
        assert two.status is ItemStatus.SUCCEEDED
        assert two.steps["second.later"].word == "not_applicable"
        assert overall(session.state) is Overall.COMPLETE


async def test_an_absent_action_that_a_condition_may_want_keeps_its_item_from_being_run(
    driven,
) -> None:
    plan = two_items("${mode} == 'prod'", mode="prod")
    first, second = plan.items
    first = replace(first, steps=tuple(replace(s, available=False) for s in first.steps))
    async with driven(replace(plan, items=(first, second))) as session:
        assert session.state.items["first"].status is ItemStatus.UNAVAILABLE


async def test_an_item_whose_condition_holds_is_run(driven) -> None:
    async with driven(two_items("${mode} == 'prod'", mode="prod")) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        assert session.state.items["first"].status is ItemStatus.SUCCEEDED


async def test_a_condition_that_lacks_its_value_fails_the_step_before_its_effect(driven) -> None:
    wanted = "${steps.say.outputs.other}"
    plan = plan_of(SAY, only_when(step("only.a", "write", path="a", text="a"), f"{wanted} == 'no'"))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        error = session.state.step("only.a").error
        assert error == f"{wanted} has no value: step only.say put out rollback_remark."
        assert not (session.world.root / "a").exists()


async def test_a_value_of_another_kind_is_no_answer(driven) -> None:
    plan = plan_of(SAY, only_when(step("only.a", "write", path="a", text="a"), f"{SAID} > 3"))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert "text is never compared with a number" in session.state.step("only.a").error


async def test_an_item_whose_condition_lacks_its_value_does_not_begin(driven) -> None:
    first, second = PLAN.items
    text = "${steps.first.new.measured.size} > 3"
    plan = replace(
        PLAN, items=(replace(first, checkpoint=()), only_when(replace(second, needs=()), text))
    )
    async with driven(plan) as session:
        await session.run(items=("second",))
        await session.until(lambda: session.state.pause_reason)
        assert session.state.pause_reason.startswith("item second can't begin: ${steps.first.new")
        assert session.state.items["second"].status is ItemStatus.PENDING


async def test_a_value_that_may_be_missing_can_be_asked_for(driven) -> None:
    wanted = "${steps.say.outputs.other}"
    plan = plan_of(
        SAY,
        only_when(step("only.a", "holds", path="base.txt"), f"{wanted} is defined"),
        only_when(step("only.b", "holds", path="base.txt"), f"{wanted} | default('x') == 'x'"),
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        assert session.state.step("only.a").word == "not_applicable"
        assert session.state.step("only.b").status is StepStatus.SUCCEEDED
        found = session.state.step("only.a").not_applicable
        assert found is not None
        assert f"({wanted} is not there)" in found.reason


async def test_passing_over_is_the_one_unit_that_was_asked_for(driven) -> None:
    plan = plan_of(
        only_when(step("only.a", "holds", path="base.txt"), "${on}", on=False),
        step("only.b", "holds", path="base.txt"),
        checkpoint=(),
    )
    async with driven(plan) as session:
        await session.run(auto=False)
        await session.until(lambda: session.state.step("only.a").word == "not_applicable")
        await session.idle()
        assert session.state.step("only.b").status is StepStatus.PENDING


async def test_after_a_rollback_it_is_decided_anew(driven) -> None:
    plan = plan_of(
        step("only.ask", "asks", text="?"),
        only_when(
            step("only.a", "write", path="a", text="a"),
            "${steps.ask.outputs.answer} == 'red'",
        ),
        step("only.b", "write", path="b", text="b"),
    )
    async with driven(plan) as session:
        await session.run()
        await session.confirm("blue")
        await session.until(lambda: session.state.nothing_left)
        assert session.state.step("only.a").word == "not_applicable"
        assert await session.send(cmd.RollBackItem, item="only") == ""
        await session.until(lambda: session.state.items["only"].status is ItemStatus.ROLLED_BACK)
        rollback = session.state.items["only"].rollback
        assert rollback is not None
        assert rollback.proven
        assert session.state.step("only.a").word == "not_applicable"
        assert session.state.step("only.b").word == "rolled_back"
        assert await session.send(cmd.RunItem, item="only") == ""
        await session.confirm("red")
        await session.until(lambda: session.state.nothing_left)
        assert session.state.step("only.a").status is StepStatus.SUCCEEDED
