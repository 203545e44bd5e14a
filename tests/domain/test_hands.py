"""Work by hand is told by every document of the session."""

from __future__ import annotations

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.brief import handover_brief
from runbook_app.domain.hands import falls_to, rollback_warning
from runbook_app.domain.progress import progress_document
from runbook_app.domain.signal import build_signal, signal_markdown
from runbook_app.domain.status import status_report

from .story import Story, complete

WORDS = "touched by hand: psql as postgres in db, by anna, 2025-10-24 08:0"


@pytest.fixture
def story() -> Story:
    story = complete()
    begun = ev.HandsWentIn(
        id="h1",
        by="anna",
        way="psql",
        what="psql as postgres in db",
        item="tls",
        step="tls.test",
        pid=1,
        pid_started="1",
    )
    return story.tell(begun, ev.HandsCameOut(id="h1", exit_code=0))


def test_it_falls_to_the_step_of_the_item_that_was_begun_last() -> None:
    state = complete().state
    assert falls_to(state, "tls") == ("tls", "tls.test")
    assert falls_to(Story().state, "tls") == ("tls", "")


def test_it_falls_to_the_running_step_of_another_item() -> None:
    story = Story().tell(
        ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={})
    )
    assert falls_to(story.state, "tls") == ("headers", "headers.measure")


def test_the_signal_says_so_and_marks_the_step(story: Story) -> None:
    signal = build_signal(story.state, story.plan, story.at)
    (line,) = signal.by_hand
    assert line.startswith(f"step tls.test {WORDS}")
    assert line.endswith("exit code 0")
    marked = [s.id for item in signal.items for s in item.steps if s.touched_by_hand]
    assert marked == ["tls.test"]
    assert "## Done by hand" in signal_markdown(signal)


def test_report_brief_and_progress_file_say_so(story: Story) -> None:
    state, plan, now = story.state, story.plan, story.at
    assert any(WORDS in text for text in status_report(state, plan, now).status)
    assert any(WORDS in line for line in handover_brief(state, plan, now))
    assert f"step tls.test {WORDS}" in progress_document(state, plan, now).replace("\\", "")


def test_only_a_touched_item_has_a_warning(story: Story) -> None:
    assert "may not cover that" in rollback_warning(story.state.items["tls"])
    assert rollback_warning(story.state.items["headers"]) == ""


def test_nothing_is_said_where_nothing_was_done_by_hand() -> None:
    story = complete()
    signal = build_signal(story.state, story.plan, story.at)
    assert "by hand" not in signal_markdown(signal)
    assert "by hand" not in progress_document(story.state, story.plan, story.at)
