"""The range of the rest: from this session, earlier ones of the same plan, and the plan."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import parse_time
from runbook_app.domain.estimate import completion, remaining
from tests.domain.story import HEADERS, PLAN, TLS, WHOLE, Story

EARLIER = {
    "headers.measure": (20.0, 40.0),
    "tls.certificates": (2.0, 4.0),
    "tls.test": (60.0, 90.0),
}


def story(earlier: dict[str, tuple[float, float]], items: tuple[str, ...]) -> Story:
    """A session with these items in scope that knows of earlier ones."""
    return Story(gap=0, earlier=earlier).tell(ev.RunRequested(auto=True, items=items))


def seconds(told: Story) -> tuple[float, float]:
    rest = remaining(told.state, told.plan, told.at)
    return rest.low.total_seconds(), rest.high.total_seconds()


def test_what_earlier_sessions_took_stands_for_what_was_planned() -> None:
    assert seconds(story({}, ("headers", "tls"))) == (35 * 60, 35 * 60)
    told = story(EARLIER, ("headers", "tls"))
    assert seconds(told) == (82.0, 134.0)
    span = completion(told.state, told.plan, told.at)
    assert span is not None
    early, late = (moment - parse_time(told.at) for moment in span)
    assert (early, late) == (timedelta(seconds=82), timedelta(seconds=134))


def test_a_step_that_no_earlier_session_has_takes_what_is_planned() -> None:
    known = {name: EARLIER[name] for name in ("headers.measure", "tls.certificates")}
    assert seconds(story(known, ("headers", "tls"))) == (22.0 + 20 * 60, 44.0 + 20 * 60)


def test_a_session_slower_than_earlier_ones_stretches_only_what_they_have_times_of() -> None:
    told = story({"headers.measure": (20.0, 40.0), "tls.test": (60.0, 90.0)}, ("headers", "tls"))
    told.step("headers.measure", 80)
    told.tell(ev.ItemVerified(item="headers"))
    assert seconds(told) == (5 * 60 + 60.0, 5 * 60 + 180.0)


def test_time_spent_on_a_step_is_taken_off_what_it_took_before() -> None:
    told = story(EARLIER, ("tls",)).checkpoint().step("tls.certificates", 3)
    told.tell(ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}))
    told.tell(ev.NoteAdded(text="x", by="bo"), after=50)
    assert seconds(told) == (10.0, 40.0)


def test_what_is_skipped_rolled_back_or_out_of_reach_takes_no_more_time() -> None:
    told = Story(WHOLE, gap=0)
    assert seconds(told) == (35 * 60, 35 * 60)
    waived = {"reason": "no lab", "owner": "ops", "expires": "2026-01-01"}
    told.tell(ev.StepSkipped(item="tls", step="tls.test", **waived))
    assert seconds(told) == (15 * 60, 15 * 60)
    told.rollback()
    assert seconds(told) == (10 * 60, 10 * 60)


def test_time_spent_is_taken_off_an_item_that_is_planned_as_a_whole() -> None:
    steps = tuple(replace(step, estimate=None) for step in TLS.steps)
    told = Story(replace(PLAN, items=(HEADERS, replace(TLS, steps=steps))), gap=0)
    told.tell(ev.RunRequested(auto=True, items=("tls",)))
    told.tell(ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={}))
    told.tell(ev.NoteAdded(text="x", by="bo"), after=600)
    assert seconds(told) == (110 * 60, 170 * 60)
