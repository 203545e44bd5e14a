"""Active time: what is left of a session when nobody and nothing was at work."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain import guard as guards
from runbook_app.domain.clock import to_text
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import Body
from runbook_app.domain.fold import MEANWHILE, fold
from runbook_app.domain.measure import Progress, Verdict
from runbook_app.domain.signal import build_signal
from runbook_app.domain.state import SessionState
from tests.domain.story import PLAN, SCORED, Story, again, checked, measured

HOUR = 3600
STEP = "tls.test"
FAILED = ev.StepFailed(item="tls", step=STEP, error="502")
SUCCEEDED = ev.StepSucceeded(item="tls", step=STEP)
UNKNOWN = ev.StepBecameUnknown(item="tls", step=STEP, reason="the engine ended")
EXAMINED = ev.UnknownExamined(item="tls", step=STEP, progress=Progress.PARTLY, evidence="half")
ROLLBACK = ev.RollbackStarted(item="tls", by="anna", reason="")
ASKED = ev.QuestionAsked(id="q", item="tls", step=STEP, kind="text", text="Where?")
ANSWERED = ev.QuestionAnswered(id="q", answer="here", by="anna")
NEW_ENGINE = ev.EngineStarted(epoch=2, pid=8, pid_started="2", host="host1")
STOPPED = ev.EngineStopped(epoch=1, reason="stopped by anna")


def at_step() -> Story:
    """Item 2's second step has just begun, in a run of all; no time has gone by."""
    return begin(Story(gap=0).run())


def begin(story: Story, attempt: int = 1) -> Story:
    return story.tell(ev.StepStarted(item="tls", step=STEP, attempt=attempt, parameters={}))


def after(story: Story, seconds: float, *bodies: Body) -> Story:
    """So many seconds go by, then these come at once."""
    story.now += timedelta(seconds=seconds)
    return story.tell(*bodies)


def active(story: Story, later: float = 0, *, alive: bool = True) -> float:
    """Seconds at work, so many seconds after the story's last entry."""
    now = to_text(story.now + timedelta(seconds=later))
    return story.state.active(now, alive=alive).total_seconds()


def test_a_failure_that_nobody_has_answered_is_not_active_time() -> None:
    story = after(at_step(), 60, FAILED)
    assert active(story, HOUR) == 60
    after(story, HOUR, ev.RunRequested(auto=False))
    after(begin(story, 2), 30, SUCCEEDED)
    assert active(story) == 90
    assert story.state.elapsed(story.at).total_seconds() == 60 + HOUR + 30


@pytest.mark.parametrize(
    "stop",
    [
        ev.CheckpointFailed(item="tls", reason="no openssl"),
        checked("tls", "https", verdict=Verdict.FAILED),
        ev.ItemNotCommitted(item="tls", reason="a hook failed"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_nor_is_it_after_a_checkpoint_a_criterion_or_a_commit_that_failed(stop: Body) -> None:
    story = after(after(at_step(), 20, SUCCEEDED), 10, stop)
    assert active(story, HOUR) == 30


def test_an_unknown_outcome_waits_once_its_check_was_asked() -> None:
    story = after(at_step(), 20, NEW_ENGINE, UNKNOWN)
    after(story, 5, EXAMINED)
    assert active(story, HOUR) == 5
    again_from = ev.StepReset(item="tls", step=STEP, reason="not done")
    after(story, HOUR, again_from, ev.RunRequested(auto=False))
    assert active(begin(story, 2), 30) == 35


def test_undoing_what_was_partly_done_is_work_under_a_new_engine_too() -> None:
    partly = ev.UnknownResolved(
        item="tls", step=STEP, answer=Progress.PARTLY, by="anna", found=None, evidence=""
    )
    story = after(at_step(), 20, NEW_ENGINE, UNKNOWN, EXAMINED, partly)
    after(story, HOUR, NEW_ENGINE)
    assert active(story, 40) == 40


def test_a_rollback_that_failed_waits_until_it_is_tried_again() -> None:
    story = after(at_step(), 20, ROLLBACK)
    after(story, 10, ev.RollbackFailed(item="tls", error="the disk is full", hint=""))
    assert active(story, HOUR) == 30
    after(story, HOUR, ROLLBACK)
    after(story, 10, ev.RollbackFinished(item="tls", proven=True, seconds=10))
    assert active(story, HOUR) == 40


def test_a_pause_begins_when_the_step_that_ran_is_over() -> None:
    story = after(at_step(), 10, ev.RunPaused(reason="paused by anna"))
    after(story, 20, SUCCEEDED)
    assert active(story, HOUR) == 30
    after(story, HOUR, ev.RunRequested(auto=True))
    assert active(story, 5) == 35


def test_without_an_engine_nobody_works() -> None:
    story = after(after(at_step(), 10, SUCCEEDED), 5, STOPPED)
    assert active(story, HOUR) == 15
    after(story, HOUR, NEW_ENGINE, ev.RunRequested(auto=True))
    assert active(story, 5) == 20


def test_nobody_looks_what_became_of_a_step_when_the_engine_stopped_over_it() -> None:
    story = after(at_step(), 20, NEW_ENGINE, UNKNOWN)
    after(story, 5, ev.EngineStopped(epoch=2, reason="stopped by anna"))
    assert active(story, HOUR) == 5


def test_an_engine_that_died_worked_until_its_last_entry() -> None:
    progressed = ev.StepProgressed(item="tls", step=STEP, text="half")
    story = after(at_step(), 20, progressed)
    assert active(story, HOUR, alive=False) == 20
    assert active(story, HOUR) == 20 + HOUR
    after(story, HOUR, NEW_ENGINE, UNKNOWN, EXAMINED)
    assert active(story, HOUR) == 20


def test_an_open_question_is_a_rest_though_its_step_has_begun() -> None:
    story = after(at_step(), 20, ASKED)
    assert active(story, HOUR) == 20
    after(story, HOUR, ANSWERED)
    assert active(story, 5) == 25


def test_a_step_that_has_to_be_confirmed_waits_for_a_person() -> None:
    armed = ev.GuardArmed(item="tls", step=STEP, within=600, pid=9, pid_started="1")
    story = at_step().tell(armed)
    guard = story.state.items["tls"].guard
    assert guard is not None
    counting = guards.counting(guard, guards.Moment(boot="b", seconds=1), "its work has ended")
    after(story, 20, counting, SUCCEEDED)
    assert active(story, 300) == 20
    after(story, 300, ev.StepConfirmed(item="tls", step=STEP, by="anna", how="runbook confirm"))
    assert active(story, 5) == 25


def test_the_time_before_the_first_run_and_after_the_last_is_no_work() -> None:
    story = after(Story(gap=0), 100, ev.RunRequested(auto=True))
    after(story, 20, ev.NothingLeft())
    assert active(story, HOUR) == 20


def test_another_item_that_runs_beside_a_failed_one_is_work() -> None:
    story = after(at_step(), 20, FAILED)
    after(story, HOUR, ev.RunRequested(auto=True, only="headers"))
    assert story.state.status == "failed"
    assert active(story, 10) == 30


def test_measuring_beside_a_failure_is_work_and_the_end_may_lie_before_it() -> None:
    story = after(at_step(), 20, FAILED)
    failed_at = story.at
    after(story, HOUR, ev.RecheckStarted(id="r", by="anna", probes=False))
    after(story, 60, again("https"), ev.RecheckFinished(id="r", held=1, failed=0, not_measured=0))
    assert active(story, HOUR) == 80
    assert story.state.active(failed_at).total_seconds() == 20


def test_a_step_that_a_changed_plan_has_no_more_is_under_way_no_more() -> None:
    story = after(at_step(), 20, NEW_ENGINE, UNKNOWN)
    fewer = replace(PLAN, items=PLAN.items[:1])
    change = ev.PlanChangeAccepted(sha256="b", difference="", by="anna", outline=outline(fewer))
    after(story, 5, change)
    assert active(story, HOUR) == 5


def test_a_signal_counts_no_time_without_entries_as_work() -> None:
    story = after(at_step(), 20, ev.StepProgressed(item="tls", step=STEP, text="half"))
    now = to_text(story.now + timedelta(hours=1))
    assert build_signal(story.state, PLAN, now).times.active == 20


def meanwhile() -> list[Body]:
    """One of each event that is taken to begin and end no work."""
    scored = Story(SCORED, gap=0).score("before", 1).entries
    return [
        ev.StepProgressed(item="tls", step=STEP, text="half"),
        ev.StepMeasured(item="tls", step=STEP, measurement=measured("days", 365)),
        next(entry.body for entry in scored if isinstance(entry.body, ev.ScoreChecked)),
        ev.CaptureTaken(
            id="k", item="tls", step=STEP, kind="file", name="f", path="p", sha256="a", summary=""
        ),
    ]


@pytest.mark.parametrize(
    "story", [Story(), at_step(), at_step().tell(FAILED), at_step().tell(ASKED)]
)
def test_what_is_said_meanwhile_begins_no_work_and_ends_none(story: Story) -> None:
    bodies = meanwhile()
    assert {type(body) for body in bodies} == MEANWHILE
    for body in bodies:
        assert story.tell(body).state.at_work == fold(story.entries[:-1]).at_work


def test_what_was_active_at_an_entry_is_the_same_when_looked_back_at() -> None:
    story = after(after(at_step(), 20, ASKED), HOUR, ANSWERED)
    after(after(story, 30, FAILED), HOUR, ROLLBACK)
    after(story, 10, ev.RollbackFinished(item="tls", proven=True, seconds=10))
    whole, told = story.state, SessionState()
    for entry in story.entries:
        fold([entry], told)
        assert told.active(entry.at) == whole.active(entry.at)
