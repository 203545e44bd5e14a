"""Running a plan: the order of things, what is recorded, and what stops it."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from msgspec.structs import replace

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain import record
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.domain.plan import ConfirmLine, Step
from runbook_app.domain.state import ItemStatus, StepStatus

from .world import PLAN, PROGRESS, World, call, line, plan_of, step


async def test_a_plan_runs_to_its_end_and_leaves_its_record(driven) -> None:
    async with driven() as session:
        await session.run()
        await session.confirm()
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)
        statuses = [item.status for item in session.state.items.values()]
        assert statuses == [ItemStatus.SUCCEEDED, ItemStatus.SUCCEEDED]
        assert (session.world.root / "base.txt").read_text() == "zero\none\ntwo\nthree\n"
    assert "First" in (session.world.root / PROGRESS).read_text()
    assert session.state.report is not None


async def test_a_second_run_of_a_done_plan_captures_and_changes_nothing(tmp_path, driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"), step("only.b", "write", path="b", text="b")
    )
    taken = []
    for name in ("session", "again"):
        world = World(tmp_path, plan)
        world.folder = tmp_path / name
        world.make()
        await world.begin()
        before = world.files()
        async with driven(plan, world=world) as session:
            await session.run()
            await session.until(lambda s=session: s.state.nothing_left)
            item = session.state.items["only"]
            assert item.status is ItemStatus.SUCCEEDED
            taken.append([capture.name for capture in item.captures])
    assert taken == [["a", "b"], []]
    assert world.files() == before


async def test_the_checkpoint_measures_and_captures_before_it_asks(driven) -> None:
    async with driven() as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        item = session.state.items["first"]
        assert item.fingerprint is not None
        assert [capture.name for capture in item.captures] == ["base.txt"]
        assert item.checkpoint["base"].passed
        assert not (session.world.root / "sub").exists()
        await session.confirm()
        await session.until(lambda: session.state.items["first"].checkpoint_passed_at)


async def test_a_refused_confirmation_fails_the_checkpoint_and_runs_no_step(driven) -> None:
    async with driven() as session:
        await session.run()
        await session.confirm("no")
        await session.until(lambda: session.state.items["first"].checkpoint_error)
        assert "Not confirmed" in session.state.items["first"].checkpoint_error
        assert all(s.status is StepStatus.PENDING for s in session.state.steps())


async def test_a_checkpoint_passes_over_a_failed_check_only_by_a_waiver(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"), checkpoint=(line("b", "holds", path="b"),)
    )
    async with driven(plan) as session:
        for _ in range(2):
            await session.run()
            await session.until(lambda: session.state.items["only"].checkpoint_error)
            await session.idle()
        only = session.state.items["only"]
        assert (only.checkpoint_passed_at, only.steps["only.a"].attempt) == ("", 0)
        fields = {"item": "only", "line": "b", "expires_on": "2027-01-01"}
        assert await session.send(cmd.WaiveCriterion, reason="r", owner="", **fields) != ""
        assert await session.send(cmd.WaiveCriterion, reason="", owner="o", **fields) != ""
        assert await session.send(cmd.WaiveCriterion, reason="r", owner="o", **fields) == ""
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        waiver = session.state.items["only"].checkpoint["b"].waiver
    assert waiver is not None
    assert (waiver.reason, waiver.owner, waiver.expires) == ("r", "o", "2027-01-01")


async def test_one_unit_at_a_time_when_asked_for_one(driven) -> None:
    async with driven(plan_of(step("only.a", "write", path="a", text="a"))) as session:
        await session.run(auto=False)
        await session.until(lambda: session.state.items["only"].checkpoint_passed_at)
        await session.idle()
        assert session.state.step("only.a").status is StepStatus.PENDING
        await session.run(auto=False)
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)


async def test_a_capture_is_recorded_before_the_file_changes(driven) -> None:
    async with driven(plan_of(step("only.a", "write", path="base.txt", text="x"))) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        names = [type(entry.body).__name__ for entry in session.client._journal.read()]
    assert names.index("CaptureTaken") < names.index("StepSucceeded")


@pytest.mark.parametrize(
    ("action", "parameters", "error"),
    [
        ("lie", {}, "its own check says not done"),
        ("breaks", {}, "ZeroDivisionError: a mistake in the action"),
        ("holds", {"path": "base.txt", "limit": 1}, "size is 5, limit <= 1"),
        ("missing", {}, "not installed"),
    ],
)
async def test_a_step_that_fails_says_why_and_stops_the_run(
    driven, action: str, parameters: dict[str, object], error: str
) -> None:
    plan = plan_of(step("only.a", action, **parameters), step("only.b", "write", path="b", text=""))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert error in session.state.step("only.a").error
        assert session.state.step("only.b").status is StepStatus.PENDING
        assert not session.state.intent.active


async def test_retry_counts_only_when_the_check_then_passes(driven) -> None:
    plan = plan_of(step("only.a", "append", path="base.txt", line="one", fail_at="stone"))
    async with driven(plan) as session:
        (session.world.root / "stone").write_text("")
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert session.state.step("only.a").hint == "Remove stone."
        (session.world.root / "stone").unlink()
        assert await session.send(cmd.RetryStep, step="only.a") == ""
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        assert session.state.step("only.a").attempt == 2


async def test_edited_parameters_are_used_and_both_versions_kept(driven) -> None:
    plan = plan_of(step("only.a", "holds", path="base.txt", limit=1))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        edited = {"path": "base.txt", "limit": 100}
        assert await session.send(cmd.RetryStep, step="only.a", parameters=edited) == ""
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        entries = session.client._journal.read()
    kept = next(e.body for e in entries if isinstance(e.body, ev.ParametersEdited))
    assert kept.after == edited


async def test_the_plan_s_retries_are_used_up_before_the_step_fails(driven) -> None:
    failing = Step(id="only.a", title="a", call=call("holds", path="nothing"), retries=2)
    async with driven(plan_of(failing)) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert session.state.step("only.a").attempt == 3


async def test_the_run_goes_on_after_a_retry_that_succeeds(driven) -> None:
    flaky = Step(
        id="only.a",
        title="a",
        call=call("append", path="base.txt", line="x", fail_at="stone"),
        retries=50,
        timeout=timedelta(seconds=20),
    )
    plan = plan_of(flaky, step("only.b", "write", path="b", text="b"))
    async with driven(plan) as session:
        stone = session.world.root / "stone"
        stone.write_text("")
        await session.run()
        await session.until(lambda: session.state.step("only.a").attempt == 2)
        stone.unlink()
        await session.until(lambda: session.state.nothing_left)
        assert session.state.step("only.b").status is StepStatus.SUCCEEDED


async def test_a_step_over_its_time_is_ended_and_says_so(driven) -> None:
    slow = Step(
        id="only.a",
        title="a",
        call=call("child", argv=["sleep", "60"]),
        timeout=timedelta(seconds=0.3),
    )
    async with driven(plan_of(slow)) as session:
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        assert "time limit" in session.state.step("only.a").error
        assert session.state.children == {}


async def test_a_cancelled_step_is_running_until_its_child_has_ended(driven) -> None:
    plan = plan_of(step("only.a", "child", argv=["sleep", "60"]))
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.children)
        assert await session.send(cmd.CancelStep) == ""
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        entries = [entry.body for entry in session.client._journal.read()]
    kinds = [type(body).__name__ for body in entries]
    assert kinds.index("StepStopping") < kinds.index("ChildEnded") < kinds.index("StepFailed")


async def test_a_question_of_an_action_is_recorded_and_its_answer_used(driven) -> None:
    async with driven(plan_of(step("only.a", "asks", text="which?"))) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        assert session.state.step("only.a").status is StepStatus.WAITING
        question = session.state.question.id
        assert "use one of" in await session.send(
            cmd.AnswerQuestion, question=question, answer="green"
        )
        assert await session.send(cmd.AnswerQuestion, question=question, answer="red") == ""
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        assert session.state.step("only.a").outputs == {"answer": "red"}


async def test_a_step_s_statement_is_confirmed_by_nobody_in_an_unattended_run(driven) -> None:
    async with driven(plan_of(step("only.a", "states", text="It is neat"))) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        question = session.state.question
        assert question.may_be_assumed
        await session.send(cmd.AnswerQuestion, question=question.id, answer="yes", assumed=True)
        await session.until(lambda: session.state.step("only.a").status is StepStatus.SUCCEEDED)
        (line,) = record.assumed(session.state, PLAN)
        assert (line.line, line.title) == ("only.a", "It is neat")


async def test_stop_works_while_waiting_and_waits_for_a_running_step(driven) -> None:
    async with driven() as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
    assert session.state.engine is None
    assert session.state.question is None
    plan = plan_of(step("only.a", "waits", gate="gate"))
    world = World(session.world.base / "two", plan).make()
    await world.begin()
    async with driven(plan, world=world) as session:
        await session.run()
        await session.until(lambda: session.state.running_step is not None)
        await session.client.send(cmd.Stop)
        await session.until(lambda: not session.state.commands)
        assert session.state.running_step is not None
        (world.root / "gate").write_text("")
    assert session.state.step("only.a").status is StepStatus.SUCCEEDED


async def test_a_question_that_comes_after_a_stop_is_not_waited_for(driven) -> None:
    checkpoint = (line("gate", "waits", gate="gate"), ConfirmLine(id="ready", title="Ready"))
    plan = plan_of(step("only.a", "lie"), checkpoint=checkpoint)
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: bool(session.state.items["only"].checkpoint_opened_at))
        await session.send(cmd.Stop)
        (session.world.root / "gate").write_text("")
        await session.until(lambda: session.state.engine is None)
    assert session.state.question is None
    assert session.state.step("only.a").status is StepStatus.PENDING


async def test_a_failed_criterion_keeps_the_item_open_and_a_waiver_closes_it(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"), success=(line("b", "holds", path="b"),)
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.items["only"].status is ItemStatus.FAILED)
        await session.idle()
        fields = {"item": "only", "line": "b", "reason": "r", "owner": "o"}
        assert await session.send(cmd.WaiveCriterion, expires_on="2027-01-01", **fields) == ""
        await session.run()
        await session.until(lambda: session.state.items["only"].status is ItemStatus.SUCCEEDED)


async def test_a_command_of_an_older_epoch_is_rejected_by_event(driven) -> None:
    async with driven() as session:
        session.client.state.epoch = 0
        old = await session.client.send(cmd.AddNote, text="hello")
        session.client.state.epoch = 1
        assert "has ended" in (await session.client.settled(old) or "")
        assert session.state.notes == []


async def test_an_expired_command_is_rejected(driven, monkeypatch) -> None:
    async with driven() as session:
        with monkeypatch.context() as patch:
            patch.setattr("runbook_app.engine.client.EXPIRY", timedelta(seconds=-1))
            late = await session.client.send(cmd.AddNote, text="hello")
        assert "expired" in (await session.client.settled(late) or "")


async def test_a_secret_an_action_says_is_masked_in_journal_and_log(driven) -> None:
    secret = "s3cr3t-value-0123456789"
    async with driven(plan_of(step("only.a", "leaks", path="base.txt"))) as session:
        (session.world.root / "base.txt").write_text(secret)
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
    assert "[secret:TOKEN]" in session.state.step("only.a").error
    for file in session.world.folder.rglob("*"):
        if file.is_file() and file.suffix != ".sealed":
            assert secret.encode() not in file.read_bytes(), file
    assert secret not in (session.world.root / PROGRESS).read_text()


async def test_a_secret_in_a_traceback_is_masked(driven) -> None:
    secret = f"{secrets.token_hex(8)} +/"
    async with driven(plan_of(step("only.a", "spills", path="base.txt"))) as session:
        (session.world.root / "base.txt").write_text(secret)
        await session.run()
        await session.until(lambda: session.state.step("only.a").status is StepStatus.FAILED)
        client = session.client
        lines = [found.text for found in client.logs.lines(0, client.logs.count())]
    words = "LookupError: no account for [secret:TOKEN], [secret:TOKEN]"
    assert session.state.step("only.a").error == words
    assert "Traceback (most recent call last):" in lines
    assert words in lines
    for file in session.world.folder.rglob("*"):
        if file.is_file() and file.suffix != ".sealed":
            assert secret[:16].encode() not in file.read_bytes(), file


async def test_a_person_s_line_is_not_assumed(driven) -> None:
    plan = plan_of(
        step("only.a", "write", path="a", text="a"),
        checkpoint=(ConfirmLine(id="me", title="A person looked", person_required=True),),
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.question is not None)
        question = session.state.question.id
        refused = await session.send(
            cmd.AnswerQuestion, question=question, answer="yes", assumed=True
        )
        assert "person" in refused
        await session.confirm()
        await session.until(lambda: session.state.nothing_left)


async def test_an_unbuilt_item_is_left_alone(driven) -> None:
    later = Step(id="only.a", title="a", call=call("later"), available=False)
    async with driven(plan_of(later)) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
        assert session.state.items["only"].status is ItemStatus.UNAVAILABLE
    assert PLAN.items[0].available


async def test_a_document_that_cannot_be_written_is_noted_once_and_ends_nothing(driven) -> None:
    target = replace(PLAN.target, progress="missing/PROGRESS.md")
    plan = replace(
        plan_of(*(step(f"only.{n}", "write", path=n, text=n) for n in "ab")), target=target
    )
    async with driven(plan) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
    (note,) = session.state.notes
    assert note.text.startswith("missing/PROGRESS.md can't be written: No such file or directory.")


async def test_a_check_with_an_unfit_parameter_can_t_run_and_says_so(driven, tmp_path) -> None:
    plan = plan_of(step("only.a", "write", path="a", text="a", unfit=1))
    world = World(tmp_path, plan).make()
    await world.begin()
    client = world.client()
    started = ev.StepStarted(item="only", step="only.a", attempt=1, parameters={})
    await client._journal.append(started)
    client.close()
    async with driven(plan, world=world) as session:
        await session.until(lambda: session.state.step("only.a").examined)
        found = session.state.step("only.a").examined
        assert found.progress is None
        assert "unfit: no such parameter" in found.evidence


async def test_an_engine_ends_when_an_older_one_may_still_act_on_the_target(tmp_path) -> None:
    world = World(tmp_path, plan_of(step("only.a", "write", path="a", text="a"))).make()
    world.survivors = ActionError("A command in demo-db-1 can't be ended.")
    await world.begin()
    await world.drive()
    client = world.client()
    client.refresh()
    stopped = client.state.engine_stopped
    client.close()
    assert stopped is not None
    assert "A command in demo-db-1 can't be ended." in stopped.reason
    assert not (world.root / "a").exists()


async def test_an_engine_works_on_where_no_docker_engine_answers(tmp_path, driven) -> None:
    world = World(tmp_path, plan_of(step("only.a", "write", path="a", text="a"))).make()
    world.survivors = EnvironmentLacks("No Docker engine answers.")
    await world.begin()
    async with driven(world=world) as session:
        await session.run()
        await session.until(lambda: session.state.nothing_left)
    assert (world.root / "a").exists()
