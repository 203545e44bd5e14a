"""Driving a session without a screen: who is asked, what it comes to, how it is left."""

from __future__ import annotations

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.errors import LockedError
from runbook_app.domain.measure import Progress, Verdict
from tests.domain.story import DATABASE, WHOLE, again, checked

from .stage import Show, Stage, done, obedient

CONFIRM = ev.QuestionAsked(
    id="q1",
    item="tls",
    step="",
    kind="confirm",
    text="TLS guide reviewed",
    choices=("yes", "no"),
)
RUNNING = ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={})
FAILED = (
    RUNNING,
    ev.StepFailed(item="tls", step="tls.test", error="port refused", hint="Look at nginx."),
)
UNKNOWN = (
    RUNNING,
    ev.StepBecameUnknown(item="tls", step="tls.test", reason="engine died"),
    ev.UnknownExamined(item="tls", step="tls.test", progress=None, evidence="no answer"),
    ev.RunPaused(reason="the outcome of step tls.test is unknown"),
)


async def test_a_whole_plan_done_ends_the_engine_and_exits_0() -> None:
    session = Stage(*done())
    show = Show(session)
    assert await show.run(unattended=True) == 0
    assert session.sent_kinds() == ["Run", "Stop"]
    assert session.state.engine is None
    assert "Done." in show.said


async def test_the_scope_reaches_the_engine() -> None:
    session = Stage(*done())
    await Show(session).run(
        items=("headers",), until="headers.measure", unattended=True, unknown="retry"
    )
    sent = session.sent[0]
    assert isinstance(sent, cmd.Run)
    assert (sent.auto, sent.items, sent.until) == (True, ("headers",), "headers.measure")
    assert (sent.unattended, sent.unknown) == (True, "retry")


async def test_what_is_not_installed_does_not_fail_a_full_run_and_is_named() -> None:
    show = Show(Stage(*done(WHOLE), plan=WHOLE))
    assert await show.run(unattended=True) == 0
    assert "not done: item database: the actions of these steps are not installed" in show.said
    assert "not done: item sign-off: it needs database" in show.said


async def test_a_failed_step_exits_1_with_its_hint_and_the_ways_on() -> None:
    session = Stage(*FAILED)
    show = Show(session)
    assert await show.run(unattended=True) == 1
    assert "step tls.test failed: port refused" in show.said
    assert "Look at nginx." in show.said
    assert "runbook rollback s1 ITEM --yes" in show.said
    assert session.sent_kinds()[-1] == "Stop"


async def test_a_criterion_that_does_not_hold_exits_1() -> None:
    found = checked("headers", "every-answer", verdict=Verdict.FAILED, evidence="no CSP")
    show = Show(Stage(found))
    assert await show.run(unattended=True) == 1
    assert "criterion every-answer is not met: no CSP" in show.said


async def test_without_yes_it_stops_at_the_first_line_that_needs_a_person() -> None:
    session = Stage(ev.CheckpointOpened(item="tls"), CONFIRM)
    show = Show(session)
    assert await show.run() == 3
    assert session.sent_kinds() == ["Run", "Stop"]
    assert "Waiting for a person: item tls: TLS guide reviewed" in show.said
    assert "runbook resume s1 --headless --yes" in show.said


def answering(stage: Stage, command: cmd.Command) -> None:
    if isinstance(command, cmd.AnswerQuestion):
        stage.emit(
            ev.QuestionAnswered(
                id=command.question, answer=command.answer, by="op", assumed=command.assumed
            ),
            *done(),
        )
    else:
        obedient(stage, command)


STATEMENT = ev.QuestionAsked(
    id="q1", item="tls", step="tls.test", kind="statement", text="It is neat", choices=("yes", "no")
)


RADIUS = ev.QuestionAsked(
    id="q1",
    item="tls",
    step="tls.test",
    kind="blast_radius",
    text="Confirm what step tls.test touches, as of now:\n  container api is made anew",
    choices=("yes", "no"),
)


async def test_without_yes_a_blast_radius_is_shown_whole_and_ends_the_run() -> None:
    show = Show(Stage(ev.CheckpointOpened(item="tls"), RADIUS))
    assert await show.run() == 3
    assert "Confirm what step tls.test touches, as of now:\n" in show.said
    assert "  container api is made anew" in show.said
    assert "runbook resume s1 --headless --yes" in show.said


@pytest.mark.parametrize(
    "asked", [CONFIRM, STATEMENT, RADIUS], ids=["checkpoint", "step", "blast radius"]
)
async def test_yes_stands_in_for_a_confirmation_once_and_says_that_it_is_assumed(
    asked: ev.QuestionAsked,
) -> None:
    session = Stage(ev.CheckpointOpened(item="tls"), asked, react=answering)
    assert await Show(session).run(unattended=True) == 0
    answers = [c for c in session.sent if isinstance(c, cmd.AnswerQuestion)]
    assert [(a.question, a.answer, a.assumed) for a in answers] == [("q1", "yes", True)]


@pytest.mark.parametrize(
    "asked",
    [
        ev.QuestionAsked(
            id="q2", item="tls", step="", kind="confirm", text="Signed?", person_required=True
        ),
        ev.QuestionAsked(id="q2", item="tls", step="tls.test", kind="text", text="Which host?"),
        ev.QuestionAsked(id="q2", item="tls", step="tls.test", kind="choice", text="Which one?"),
        ev.QuestionAsked(
            id="q2", item="tls", step="a.b", kind="statement", text="Signed?", person_required=True
        ),
        ev.QuestionAsked(id="q2", item="tls", step="", kind="changed", text="Changed by hand"),
    ],
    ids=["person required", "text", "choice", "a person's statement", "changed"],
)
async def test_yes_never_stands_in_where_a_person_is_required(asked: ev.QuestionAsked) -> None:
    session = Stage(asked)
    show = Show(session)
    assert await show.run(unattended=True) == 3
    assert "AnswerQuestion" not in session.sent_kinds()
    assert "--yes" not in show.said


async def test_an_outcome_that_stays_unknown_waits_for_a_person() -> None:
    show = Show(Stage(*UNKNOWN))
    assert await show.run(unattended=True) == 3
    assert (
        "The outcome of step tls.test is unknown: its check could not run: no answer" in show.said
    )
    assert "--unknown check (as its check finds), retry" in show.said


async def test_a_settled_unknown_goes_on() -> None:
    settled = (
        *UNKNOWN[:2],
        ev.UnknownExamined(item="tls", step="tls.test", progress=Progress.DONE, evidence="200"),
        ev.StepSucceeded(item="tls", step="tls.test"),
    )
    assert await Show(Stage(*settled, *done())).run(unattended=True) == 0


async def test_until_is_done_when_its_step_is() -> None:
    story = (
        ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}),
        ev.StepSucceeded(item="headers", step="headers.measure"),
        ev.NothingLeft(),
    )
    assert await Show(Stage(*story)).run(until="headers.measure", unattended=True) == 0


async def test_an_item_whose_needs_are_not_done_is_named() -> None:
    show = Show(Stage(ev.NothingLeft()))
    assert await show.run(items=("tls",), unattended=True) == 1
    assert "Item tls is not done: it needs headers first." in show.said


async def test_a_resumed_session_keeps_its_scope() -> None:
    session = Stage(ev.RunRequested(auto=True, items=("headers",)), *done()[:5], ev.NothingLeft())
    assert await Show(session).run(unattended=True) == 0


async def test_a_refused_run_is_a_usage_error_and_leaves_no_engine_behind() -> None:
    session = Stage()
    session.answer = lambda c: "no such item" if isinstance(c, cmd.Run) else ""
    show = Show(session)
    assert await show.run() == 2
    assert "Not run: no such item" in show.said
    assert session.state.engine is None


async def test_a_locked_target_is_left_to_the_command_line() -> None:
    session = Stage()
    session.engine_failure = LockedError("anna drives it")
    with pytest.raises(LockedError):
        await Show(session).run()


def dying(stage: Stage, command: cmd.Command) -> None:
    obedient(stage, command)
    stage.alive = False


async def test_an_engine_that_dies_is_reported_with_the_way_back() -> None:
    session = Stage(RUNNING, react=dying)
    show = Show(session)
    assert await show.run(unattended=True) == 1
    assert "engine.log" in show.said
    assert "runbook resume s1" in show.said
    session = Stage(RUNNING, react=dying)
    session.words = "journal.db could not be written: disk is full."
    show = Show(session)
    assert await show.run(unattended=True) == 1
    assert "The engine ended: journal.db could not be written: disk is full." in show.said


async def interrupted(times: int) -> tuple[Stage, Show, int]:
    """A run during whose step Ctrl-C is pressed."""

    def react(stage: Stage, command: cmd.Command) -> None:
        if isinstance(command, cmd.Run) or times == 1:
            obedient(stage, command)
        if isinstance(command, cmd.Run):
            for _ in range(times):
                show.interrupts.interrupt()

    session = Stage(RUNNING, react=react)
    show = Show(session)
    return session, show, await show.run(unattended=True)


async def test_ctrl_c_asks_for_a_stop_at_a_safe_point_and_waits_for_it() -> None:
    session, show, code = await interrupted(1)
    assert code == 3
    assert session.sent_kinds() == ["Run", "Stop"]
    assert "Stopping at the next safe point" in show.said
    assert "runbook resume s1" in show.said


async def test_a_second_ctrl_c_detaches_and_stops_nothing() -> None:
    session, show, code = await interrupted(2)
    assert code == 3
    assert session.sent_kinds() == ["Run"]
    assert "runbook attach s1" in show.said


async def test_a_closed_pipe_detaches_and_stops_nothing() -> None:
    session = Stage(RUNNING)
    show = Show(session)
    show.out.close()
    assert await show.run(unattended=True) == 3
    assert session.sent_kinds() == ["Run"]


async def test_a_pause_by_somebody_else_leaves_it_to_that_person() -> None:
    show = Show(Stage(ev.RunPaused(reason="paused by bo")))
    assert await show.run(unattended=True) == 3
    assert "Stopped: paused by bo" in show.said


def test_the_story_has_an_item_that_cannot_be_done() -> None:
    assert not DATABASE.available


async def test_a_session_with_drift_is_not_done_and_the_way_on_is_named() -> None:
    drift = (
        ev.RecheckStarted(id="r", by="op", probes=False),
        again("fast", verdict=Verdict.FAILED, evidence="P95 is 120"),
        ev.RecheckFinished(id="r", held=0, failed=1, not_measured=0),
    )
    show = Show(Stage(*done(), *drift))
    assert await show.run(unattended=True) == 1
    assert "Item tls: criterion fast held at" in show.said
    assert "runbook recheck s1" in show.said
    assert "runbook resume" not in show.said
