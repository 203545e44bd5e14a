"""What a scope has come to, and when the rest will be done."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.estimate import completion, remaining
from runbook_app.domain.measure import Verdict
from runbook_app.domain.outcome import Outcome, out_of_reach, outcome

from .story import WHOLE, Story, checked, complete

STARTED = ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={})
ASKED = ev.QuestionAsked(id="q", item="tls", step="", kind="confirm", text="Reviewed?")


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (complete(), Outcome.DONE),
        (Story(WHOLE).headers().tls(), Outcome.DONE),
        (Story().headers(), Outcome.OPEN),
        (complete().rollback(), Outcome.OPEN),
        (Story().tell(STARTED), Outcome.OPEN),
        (Story().tell(ASKED), Outcome.WAITING),
        (
            Story().tell(STARTED, ev.StepBecameUnknown(item="tls", step="tls.test", reason="")),
            Outcome.WAITING,
        ),
        (
            Story().tell(STARTED, ev.StepFailed(item="tls", step="tls.test", error="x")),
            Outcome.FAILED,
        ),
        (
            complete().tell(
                ev.RollbackStarted(item="tls", by="bo", reason=""),
                ev.RollbackFailed(item="tls", error="x"),
            ),
            Outcome.FAILED,
        ),
        (
            Story().tell(checked("headers", "every-answer", verdict=Verdict.NOT_MEASURED)),
            Outcome.FAILED,
        ),
    ],
    ids=[
        "all done",
        "done as far as installed",
        "open",
        "rolled back",
        "running",
        "question",
        "unknown",
        "failed",
        "rollback failed",
        "not measured",
    ],
)
def test_the_whole_plan_is_judged(story: Story, expected: Outcome) -> None:
    assert outcome(story.state) is expected


def test_an_item_that_was_asked_for_is_not_done_because_it_cannot_be() -> None:
    assert outcome(Story(WHOLE).headers().tls().state, ("database",)) is Outcome.OPEN


def test_a_failure_outside_the_scope_does_not_count() -> None:
    story = Story().headers().tell(STARTED, ev.StepFailed(item="tls", step="tls.test", error="x"))
    assert outcome(story.state, ("headers",)) is Outcome.DONE


def test_what_needs_an_item_that_cannot_be_done_is_out_of_reach_too() -> None:
    assert list(out_of_reach(Story(WHOLE).state)) == ["database", "sign-off"]


def test_time_spent_is_taken_off_what_remains() -> None:
    story = Story(gap=0).headers().checkpoint().step("tls.certificates", 300).tell(STARTED)
    before = remaining(story.state, story.plan, story.at)
    story.tell(ev.NoteAdded(text="x", by="bo"), after=600)
    after = remaining(story.state, story.plan, story.at)
    assert before.high - after.high == timedelta(seconds=600)
    story.tell(ev.NoteAdded(text="x", by="bo"), after=6000)
    assert remaining(story.state, story.plan, story.at).high == timedelta()


def test_only_the_items_in_scope_take_time() -> None:
    story = Story().tell(ev.RunRequested(auto=True, items=("headers",)))
    assert remaining(story.state, story.plan, story.at).high == timedelta(minutes=10)
    done = complete()
    assert completion(done.state, done.plan, done.at) is None
