"""A dry run's order and labels, with small actions on a faked target."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from runbook_app.domain.errors import ActionError, EnvironmentLacks, NotMeasured
from runbook_app.domain.events import ItemOutline, RollbackFinished, RollbackStarted
from runbook_app.domain.forecast import Ahead, Certainty, Forecast, StepForecast
from runbook_app.domain.measure import Finding, Measurement
from runbook_app.domain.plan import Condition, ConfirmLine, Later, Plan, Reference
from runbook_app.domain.state import ItemState, SessionState, StepState, StepStatus
from runbook_app.headless.forecast import forecast_lines
from runbook_app.ports.action import Run, check, effect, probe
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.harness import Case
from runbook_app.testing.run import FakeTarget
from tests.actions import dry


@effect
async def write(run: Run, *, path: str = "motd", text: str = "hello") -> None:
    await run.files.write(path, text.encode())


@write.check
async def _(run: Run, *, path: str = "motd", text: str = "hello") -> Finding:
    if not run.files.exists(path):
        return run.not_done("nothing is there")
    return run.done("it is") if run.files.read(path) == text.encode() else run.partly("another")


@effect
async def ask_container(run: Run) -> None:
    """Depend on what a command prints, and swallow every error."""
    try:
        said = (await run.containers.execute("api", ["id"])).text
    except Exception:  # noqa: BLE001 - as actions of others may
        said = "nothing"
    await run.files.write("said", said.encode())


@ask_container.check
async def _(run: Run) -> Finding:
    return run.done() if run.files.exists("said") else run.not_done("nothing was said")


@effect
async def shrug(run: Run) -> None:
    with contextlib.suppress(Exception):
        _ = (await run.containers.execute("api", ["id"])).text


@shrug.check
async def _(run: Run) -> Finding:
    return run.not_done("never is")


@effect
async def fail(run: Run) -> None:
    await run.files.write("half", b"")
    raise ActionError("It can't be done.", hint="Mend it.")


@fail.check
async def _(run: Run) -> Finding:
    return run.not_done("never is")


@effect
async def broken(run: Run) -> None:
    raise KeyError("x")


@broken.check
async def _(run: Run) -> Finding:
    raise NotMeasured("There is nothing to look at.")


@effect
async def slow(run: Run) -> None:
    await asyncio.Event().wait()


@slow.check
async def _(run: Run) -> Finding:
    return run.not_done("it never ends")


@effect
async def touch(run: Run) -> None:
    """Look at what was measured, then change nothing."""
    run.previous("size")


@touch.check
async def _(run: Run) -> Finding:
    return run.not_done("is always to do")


@check
async def size(run: Run, *, at_most: float = 10) -> None:
    run.measure("size", len(run.files.read("there")), at_most=at_most)


@check
async def lacks(run: Run) -> None:
    raise EnvironmentLacks("There is no such program.", hint="Install it.")


@check
async def question(run: Run) -> None:
    await run.confirm("All is well\nor is it?")


@probe
async def writes(run: Run) -> None:
    raise AssertionError("a probe ran")


@pytest.fixture
def target(tmp_path: Path) -> FakeTarget:
    made = FakeTarget(tmp_path)
    (made.folder / "there").write_text("1234")
    (made.folder / "docker-compose.yml").write_text("services: {}\n")
    made.containers.running["api"] = container("api")
    made.containers.on_execute = lambda *_: result("me\n")
    return made


async def steps(target: FakeTarget, *cases: Case) -> list[StepForecast]:
    return [*(await forecast(target, *cases)).steps()]


async def forecast(target: FakeTarget, *cases: Case) -> Forecast:
    scratch = target.folder.parent / "dry"
    scratch.mkdir(mode=0o700)
    return await dry.dry_run(target, scratch, *cases)


async def test_proved_by_its_check_predicted_by_its_action(target: FakeTarget) -> None:
    (step,) = await steps(target, Case(write))
    assert step.check is not None
    assert (step.check.certainty, step.check.evidence) == (Certainty.PROVED, "nothing is there")
    assert (step.certainty, step.to_do) == (Certainty.PREDICTED, True)
    assert [change.name for change in step.changes] == ["motd"]


async def test_a_check_that_looks_at_a_prediction_proves_nothing(target: FakeTarget) -> None:
    _, again, other = await steps(target, Case(write), Case(write), Case(write, {"path": "other"}))
    assert again.check is not None
    assert other.check is not None
    assert (again.check.certainty, again.check.done) == (Certainty.PREDICTED, True)
    assert (again.changes, again.to_do) == ((), False)
    assert other.check.certainty is Certainty.PROVED, "nothing before it touches that file"


async def test_a_step_that_can_t_be_foreseen_takes_the_proof_from_all_after_it(
    target: FakeTarget,
) -> None:
    asked, after = await steps(target, Case(ask_container), Case(write))
    assert asked.cannot_know == "what 'id' in api prints"
    assert [change.kind for change in asked.changes] == ["command"], "no error was swallowed"
    assert after.check is not None
    assert after.check.certainty is Certainty.PREDICTED
    assert after.assumes == ("what is not known of 1.1 leaves this alone",)
    assert target.containers.executed == []


async def test_no_action_takes_the_end_of_its_prediction_for_an_error(target: FakeTarget) -> None:
    (step,) = await steps(target, Case(shrug))
    assert step.cannot_know == "what 'id' in api prints"


async def test_a_predicted_failure_is_told_with_what_came_before_it(target: FakeTarget) -> None:
    step, after = await steps(target, Case(fail), Case(size))
    assert step.fails == "It can't be done. Mend it."
    assert [change.name for change in step.changes] == ["half"]
    assert after.cannot_know == "what it measures, once 1.1 has run"


async def test_what_an_action_does_wrong_ends_its_prediction_alone(target: FakeTarget) -> None:
    step, after = await steps(target, Case(broken), Case(write))
    assert step.check is not None
    assert step.check.certainty is Certainty.UNKNOWN
    assert step.check.evidence == "There is nothing to look at."
    assert step.cannot_know == "it ended with KeyError: 'x'"
    assert after.changes != ()


async def test_a_step_has_its_own_time(target: FakeTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    plan_of = dry.plan_of

    def hurried(*given):
        plan = plan_of(*given)
        (item,) = plan.items
        hurry = timedelta(milliseconds=50)
        return replace(
            plan,
            items=(replace(item, steps=tuple(replace(s, timeout=hurry) for s in item.steps)),),
        )

    monkeypatch.setattr(dry, "plan_of", hurried)
    step, _ = await steps(target, Case(slow), Case(write))
    assert step.cannot_know.startswith("it was not foreseen within ")


async def test_checks_run_until_something_is_predicted_to_change(target: FakeTarget) -> None:
    first, bad, lacking, _, later = await steps(
        target, Case(size), Case(size, {"at_most": 1}), Case(lacks), Case(write), Case(size)
    )
    assert (first.certainty, first.fails) == (Certainty.PROVED, "")
    assert [taken.value for taken in first.measured] == [4]
    assert bad.fails == "does not hold: size"
    assert lacking.cannot_know == "There is no such program. Install it."
    assert (later.measured, later.cannot_know) == ((), "what it measures, once 1.4 has run")


async def test_a_person_is_never_asked_and_a_probe_never_runs(target: FakeTarget) -> None:
    before, probed, _, after = await steps(
        target, Case(question), Case(writes), Case(write), Case(question)
    )
    assert before.cannot_know == after.cannot_know == "a person is asked: All is well"
    assert probed.cannot_know == "it has to write in order to measure"
    assert [step.to_do for step in (before, probed)] == [False, False]
    assert target.recorder.questions == []


async def test_what_an_earlier_step_measured_is_known_only_where_it_was(
    target: FakeTarget,
) -> None:
    alone, _, after = await steps(target, Case(touch), Case(size), Case(touch))
    assert alone.cannot_know == "what was measured before as 'size', in a session"
    assert after.cannot_know == "what was measured before as 'size', in a session"


async def test_measured_before_in_this_dry_run_it_is_known(target: FakeTarget) -> None:
    _, after = await steps(target, Case(size), Case(touch))
    assert (after.cannot_know, after.changes, after.to_do) == ("", (), True)


async def test_nothing_to_do_is_said_only_when_every_effect_is_done(target: FakeTarget) -> None:
    (target.folder / "motd").write_text("hello")
    done = await forecast(target, Case(size), Case(write), Case(question), Case(writes))
    assert not done.to_do
    assert "    proved       done, nothing to do: it is" in [
        line.text for line in forecast_lines(done)
    ]
    assert (done.counted.to_do, done.counted.proved_done, done.counted.cannot_know) == (0, 1, 2)


async def test_a_step_whose_check_can_t_tell_is_something_to_do(target: FakeTarget) -> None:
    assert (await forecast(target, Case(broken))).to_do


async def test_what_the_plan_passes_over_and_what_waits_for_a_step_is_said(
    target: FakeTarget,
) -> None:
    given = Reference("first", "outputs", "path")

    def edit(plan: Plan) -> Plan:
        (item,) = plan.items
        over, waits, after = item.steps
        later = Later(path=("path",), text=str(given), parts=(given,))
        call = replace(waits.call, parameters={"path": str(given)}, later=(later,))
        steps = (
            replace(over, when=Condition(text="${on}", reason="${on} is false")),
            replace(waits, call=call),
            after,
        )
        other = replace(item, id="other", number=2, when=Condition(text="x", reason="not here"))
        return replace(plan, items=(replace(item, steps=steps), other))

    scratch = target.folder.parent / "dry"
    scratch.mkdir(mode=0o700)
    cases = (Case(write), Case(write), Case(write))
    found = await dry.dry_run(target, scratch, *cases, edit=edit)
    over, waits, after = found.items[0].steps
    assert (over.not_applicable, over.to_do, over.changes) == ("${on} is false", False, ())
    assert waits.cannot_know == f"its parameters: {given} is known when that step has run"
    assert after.check is not None
    assert after.check.certainty is Certainty.PREDICTED, "what waits may change the same"
    assert (found.items[1].not_required, found.items[1].steps) == ("not here", ())
    lines = [line.text for line in forecast_lines(found)]
    assert "    not applicable: ${on} is false" in lines


async def test_each_step_is_told_before_it_is_looked_at(target: FakeTarget) -> None:
    scratch = target.folder.parent / "dry"
    scratch.mkdir(mode=0o700)
    told: list[Ahead] = []
    await dry.dry_run(target, scratch, Case(size), Case(write), told=told.append)
    assert [(ahead.number, ahead.place, ahead.total) for ahead in told] == [
        ("1.1", 1, 2),
        ("1.2", 2, 2),
    ]


async def rest(
    target: FakeTarget, state: SessionState, edit: Callable[[Plan], Plan], *cases: Case
) -> Forecast:
    scratch = target.folder.parent / "dry"
    scratch.mkdir(mode=0o700)
    return await dry.dry_run(target, scratch, *cases, edit=edit, state=state)


def in_session(*steps: StepState, **fields: object) -> SessionState:
    """A session that has one item, with these of its steps on record."""
    known = {step.id: step for step in steps}
    item = ItemState(
        id="item",
        outline=ItemOutline(id="item", number=1, title="Item", steps=(), checkpoint=(), success=()),
        steps=known,
        **fields,
    )
    return SessionState(items={"item": item})


def with_a_checkpoint(plan: Plan) -> Plan:
    (item,) = plan.items
    return replace(plan, items=(replace(item, checkpoint=(ConfirmLine(id="seen", title="Seen"),)),))


async def test_of_a_session_what_is_done_or_skipped_is_left_out_and_numbers_stay(
    target: FakeTarget,
) -> None:
    done = StepState(id="item.s1", item="item", status=StepStatus.SUCCEEDED)
    skipped = StepState(id="item.s2", item="item", status=StepStatus.SKIPPED)
    failed = StepState(id="item.s3", item="item", status=StepStatus.FAILED)
    state = in_session(done, skipped, failed, checkpoint_passed_at="2025-10-24T08:00:00Z")
    cases = (Case(write), Case(write), Case(write), Case(write, {"path": "other"}))
    found = await rest(target, state, with_a_checkpoint, *cases)
    assert [step.number for step in found.steps()] == ["1.3", "1.4"]
    assert found.items[0].checkpoint == ()


async def test_a_checkpoint_that_was_not_passed_is_told(target: FakeTarget) -> None:
    found = await rest(target, in_session(), with_a_checkpoint, Case(write))
    assert found.items[0].checkpoint == ("1 confirmation by a person",)


async def test_of_a_session_an_item_that_is_rolled_back_is_left_out(target: FakeTarget) -> None:
    state = in_session(
        rollback_started=RollbackStarted(item="item", reason="", by="op"),
        rollback=RollbackFinished(item="item", proven=True, seconds=1.0),
    )
    assert (await rest(target, state, lambda plan: plan, Case(write))).items == ()


async def test_what_steps_of_a_session_gave_is_in_place(target: FakeTarget) -> None:
    given = Reference("s1", "outputs", "path")

    def edit(plan: Plan) -> Plan:
        (item,) = plan.items
        later = Later(path=("path",), text=str(given), parts=(given,))
        steps = [
            replace(step, call=replace(step.call, parameters={"path": str(given)}, later=(later,)))
            for step in item.steps
        ]
        return replace(plan, items=(replace(item, steps=tuple(steps)),))

    gave = StepState(
        id="item.s1", item="item", status=StepStatus.SUCCEEDED, outputs={"path": "given"}
    )
    pending = StepState(id="item.s2", item="item")
    found = await rest(target, in_session(gave, pending), edit, Case(write), Case(write))
    (step,) = found.steps()
    assert [change.name for change in step.changes] == ["given"]


async def test_what_a_step_of_a_session_has_not_given_yet_is_said(target: FakeTarget) -> None:
    given = Reference("s1", "outputs", "path")

    def edit(plan: Plan) -> Plan:
        (item,) = plan.items
        first, second = item.steps
        later = Later(path=("path",), text=str(given), parts=(given,))
        call = replace(second.call, parameters={"path": str(given)}, later=(later,))
        return replace(plan, items=(replace(item, steps=(first, replace(second, call=call))),))

    steps = [StepState(id=f"item.s{n}", item="item") for n in (1, 2)]
    found = await rest(target, in_session(*steps), edit, Case(write), Case(write))
    assert [*found.steps()][1].cannot_know == f"{given} has no value: step item.s1 is pending."


async def test_what_a_session_measured_before_is_known(target: FakeTarget) -> None:
    measured = StepState(
        id="item.s1",
        item="item",
        status=StepStatus.SUCCEEDED,
        measurements=[Measurement(name="size", value=4)],
    )
    pending = StepState(id="item.s2", item="item")
    state = in_session(measured, pending)
    (step,) = (await rest(target, state, lambda plan: plan, Case(size), Case(touch))).steps()
    assert (step.cannot_know, step.to_do) == ("", True)


async def test_parameters_that_were_edited_in_a_session_are_those_foreseen(
    target: FakeTarget,
) -> None:
    edited = StepState(
        id="item.s1", item="item", status=StepStatus.FAILED, parameters={"path": "edited"}
    )
    (step,) = (await rest(target, in_session(edited), lambda plan: plan, Case(write))).steps()
    assert [change.name for change in step.changes] == ["edited"]
