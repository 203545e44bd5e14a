"""A step that reverts by itself unless it is confirmed: its clock, its words, what may be done."""

from __future__ import annotations

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain import decisions
from runbook_app.domain import events as ev
from runbook_app.domain import guard as guards
from runbook_app.domain.outcome import Outcome, outcome
from runbook_app.domain.record import assumed
from runbook_app.domain.report import progress_document
from runbook_app.domain.state import ItemStatus
from tests.domain.story import PLAN, Story

STEP = "tls.certificates"
WITHIN = 600.0
HERE = guards.Moment(boot="b1", seconds=1000.0)


def armed(story: Story | None = None) -> Story:
    """Item 2's first step has begun, with a guard."""
    story = story or Story().run().headers().checkpoint()
    return story.tell(
        ev.StepStarted(item="tls", step=STEP, attempt=1, parameters={}),
        ev.GuardArmed(item="tls", step=STEP, within=WITHIN, pid=9, pid_started="1"),
    )


def waiting(story: Story | None = None) -> Story:
    """Its work has ended, and nobody has confirmed it yet."""
    story = armed(story)
    guard = story.state.items["tls"].guard
    assert guard is not None
    return story.tell(
        guards.counting(guard, HERE, "its work has ended"),
        ev.StepSucceeded(item="tls", step=STEP),
    )


def confirmed(*, by_yes: bool = False) -> Story:
    return waiting().tell(
        ev.StepConfirmed(item="tls", step=STEP, by="anna", how="runbook confirm", assumed=by_yes)
    )


def left(story: Story, moment: guards.Moment, now: str) -> float | None:
    guard = story.state.items["tls"].guard
    assert guard is not None
    return guards.left(guard, moment, now)


def test_the_clock_is_the_machine_s_own_whatever_the_wall_says() -> None:
    story = waiting()
    later = guards.Moment(boot="b1", seconds=HERE.seconds + 108)
    assert left(story, later, "2099-01-01T00:00:00Z") == WITHIN - 108
    assert left(armed(), later, story.at) is None


def test_after_a_restart_of_the_machine_the_wall_counts_and_never_adds_time() -> None:
    story = waiting()
    other = guards.Moment(boot="b2", seconds=5.0)
    assert (left(story, other, "2099-01-01T00:00:00Z") or 0) < 0
    assert left(story, other, "2001-01-01T00:00:00Z") == WITHIN


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(492, "8 min 12 s"), (600, "10 min"), (45, "45 s"), (3905, "1 h 5 min"), (-3, "0 s")],
)
def test_times_are_spoken(seconds: float, text: str) -> None:
    assert guards.spoken(seconds) == text


def test_nothing_else_is_done_before_it_is_confirmed() -> None:
    state = waiting().state
    assert decisions.next_work(state) == decisions.AwaitConfirmation("tls", STEP)
    assert state.items["tls"].status is ItemStatus.WAITING
    assert outcome(state, until=STEP) is Outcome.WAITING
    after = confirmed().state
    assert decisions.next_work(after) == decisions.RunStep("tls", "tls.test")


def test_while_a_failed_step_reverts_by_itself_no_other_item_is_worked_on() -> None:
    story = armed().tell(ev.StepFailed(item="tls", step=STEP, error="e"))
    story.tell(ev.RunRequested(auto=True))
    assert decisions.next_work(story.state) is None
    skip = cmd.SkipStep(
        id="c",
        by="op",
        epoch=1,
        seen=1,
        expires="e",
        step=STEP,
        reason="r",
        owner="o",
        expires_on="2026-01-01",
    )
    with pytest.raises(decisions.Rejected, match="reverts by itself"):
        decisions.judge(story.state, PLAN, skip)


def test_a_guard_that_follows_another_keeps_its_clock_and_a_new_attempt_does_not() -> None:
    story = waiting()
    follower = ev.GuardArmed(
        item="tls", step=STEP, within=WITHIN, pid=10, pid_started="2", again="it died"
    )
    guard = story.tell(follower).state.items["tls"].guard
    assert guard is not None
    assert (guard.armed.pid, guard.counting is None) == (10, False)
    anew = armed(story).state.items["tls"].guard
    assert anew is not None
    assert anew.counting is None


def test_what_is_seen_of_it_says_when_and_what_confirms() -> None:
    state = waiting().state
    words = (
        "step tls.certificates reverts by itself in 8 min 12 s unless confirmed: runbook confirm"
    )
    assert guards.words(state, 492).startswith(f"{words} s1 tls.certificates")
    document = progress_document(state, PLAN, "2025-10-24T08:05:00.000Z")
    assert "reverts by itself in" in document
    assert guards.words(confirmed().state, None) == ""


def test_the_record_says_who_confirmed_it_and_when_nobody_did() -> None:
    known = progress_document(confirmed().state, PLAN, "2025-10-24T08:05:00.000Z")
    assert "confirmed over a new connection by anna, 2025-10-24" in known
    state = confirmed(by_yes=True).state
    assert [found.line for found in assumed(state, PLAN)] == [STEP]
    assert "confirmation assumed" in progress_document(state, PLAN, "2025-10-24T08:05:00.000Z")
