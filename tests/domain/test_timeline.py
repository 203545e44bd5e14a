"""Planned against actual: when something was too long or too fast, and what holds up the rest."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from runbook_app.domain import events as ev
from runbook_app.domain.clock import Estimate, parse_time, to_text
from runbook_app.domain.plan import Item, Plan, Section, Window
from runbook_app.domain.timeline import (
    Pace,
    actual,
    block_spans,
    critical_path,
    plan_spans,
    window,
)
from tests.domain.story import PLAN, START, Story, complete, step

MINUTE = timedelta(minutes=1)


def item(name: str, minutes: int, *needs: str, **fields: object) -> Item:
    steps = (step(f"{name}.a", name, f"{minutes}m"),)
    return Item(id=name, number=1, title=name, needs=needs, steps=steps, **fields)


def plan_of(*items: Item) -> Plan:
    return replace(PLAN, items=items)


@pytest.mark.parametrize(
    ("took", "planned", "over", "overrun", "fast"),
    [
        (7, "1h-2h", True, 0, False),
        (5, "1h-2h", True, 0, True),
        (5, "1h-2h", False, 0, False),
        (90, "1h-2h", True, 0, False),
        (130, "1h-2h", False, 10, False),
        (0, "50s", True, 0, False),
    ],
)
def test_an_overrun_is_past_the_longest_time_and_fast_below_a_tenth_of_the_shortest(
    took: int, planned: str, over: bool, overrun: int, fast: bool
) -> None:
    pace = Pace(took=took * MINUTE, plan=Estimate.parse(planned), over=over)
    assert (pace.overrun, pace.suspicious) == (overrun * MINUTE, fast)


@pytest.mark.parametrize(
    ("title", "hours"),
    [
        ("Block 1 (8:00-11:00 UTC)", (1.0, 4.0)),
        ("Night (22:30-2:00)", (15.5, 19.0)),
        ("Block (25:00-26:00)", None),
        ("Block (9:00-10:75)", None),
        ("Block without a time", None),
    ],
)
def test_a_block_is_moved_along_with_the_window(
    title: str, hours: tuple[float, float] | None
) -> None:
    plan = replace(PLAN, blocks=(Section(id="b", title=title),))
    ((_, span),) = block_spans(plan, START + timedelta(hours=1))
    found = span and tuple((end - START) / timedelta(hours=1) for end in (span.start, span.end))
    assert found == hours


@pytest.mark.parametrize(
    ("opens", "now", "shown"),
    [(60, 2, (0, 13 * 60)), (60, 14 * 60, (0, 14 * 60)), (-60, 2, (-60, 11 * 60))],
)
def test_the_window_reaches_to_what_was_done_outside_of_it(
    opens: int, now: int, shown: tuple[int, int]
) -> None:
    plan = replace(PLAN, window=Window(starts=START + opens * MINUTE))
    span = window(plan, Story(plan, gap=0).state, to_text(START + now * MINUTE))
    assert span
    assert (span.start, span.end) == (START + shown[0] * MINUTE, START + shown[1] * MINUTE)


def test_items_are_planned_one_after_the_other_and_not_those_that_are_not_required() -> None:
    found = plan_spans(PLAN, START)
    assert [(name, span.start - START, span.end - START) for name, span in found.items()] == [
        ("headers", 0 * MINUTE, 10 * MINUTE),
        ("tls", 10 * MINUTE, 35 * MINUTE),
    ]


def test_the_bar_of_what_is_over_ends_there_and_that_of_the_rest_goes_on() -> None:
    done, now = complete().state.items["tls"], START + timedelta(hours=3)
    found = actual(done, to_text(now))
    assert found
    assert found.end == parse_time(done.finished_at)
    begun = Story().run().headers().checkpoint().state.items["tls"]
    going = actual(begun, to_text(now))
    assert going
    assert going.end == now


def path(plan: Plan, *bodies: ev.AnyEvent, after: float = 0) -> tuple[list[str], timedelta]:
    story = Story(plan, gap=0).tell(*bodies)
    now: datetime = story.now + timedelta(seconds=after)
    chain, span = critical_path(plan, story.state, to_text(now))
    return [each.id for each in chain], span


def test_the_longest_chain_of_needs_is_the_critical_path() -> None:
    plan = plan_of(item("a", 5), item("b", 30), item("c", 1, "a", "b"), item("d", 20))
    assert path(plan) == (["b", "c"], 31 * MINUTE)


def test_what_runs_longer_than_planned_makes_the_critical_path_longer() -> None:
    plan = plan_of(item("a", 5), item("b", 30), item("c", 1, "a", "b"))
    begun = ev.StepStarted(item="a", step="a.a", attempt=1, parameters={})
    assert path(plan, begun, after=40 * 60) == (["a", "c"], 41 * MINUTE)


def test_what_is_done_weighs_what_it_took_and_what_is_not_required_nothing() -> None:
    plan = plan_of(item("a", 30), item("b", 60, not_required="done before"), item("c", 1, "a", "b"))
    begun = ev.StepStarted(item="a", step="a.a", attempt=1, parameters={})
    done = (ev.StepSucceeded(item="a", step="a.a"), ev.ItemVerified(item="a"))
    assert path(plan) == (["a", "c"], 31 * MINUTE)
    assert path(plan, begun, *done) == (["a", "c"], 1 * MINUTE)
