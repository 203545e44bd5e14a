"""The handover brief has all that whoever takes over has to know."""

from __future__ import annotations

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.brief import handover_brief
from runbook_app.domain.entry import Body
from runbook_app.domain.measure import Verdict
from tests.domain.story import Story, again, complete

TEST = {"item": "tls", "step": "tls.test"}
BEGUN = ev.StepStarted(**TEST, attempt=1, parameters={})
ARMED = ev.GuardArmed(**TEST, within=600, pid=9, pid_started="1")
COUNTING = ev.GuardCounting(**TEST, boot="b", ends=600.0, reason="")
REVERTS = (
    "step tls.test reverts by itself within 10 min of its end unless confirmed:"
    " runbook confirm s1 tls.test"
)
UNPROVEN = ev.RollbackFinished(item="tls", proven=False)


def brief(story: Story) -> tuple[str, ...]:
    return handover_brief(story.state, story.plan, story.at)


def in_tls() -> Story:
    return Story().run().headers().checkpoint().step("tls.certificates")


@pytest.mark.parametrize(
    ("bodies", "line"),
    [
        ((), "Item: 2 - TLS/HTTPS Enforcement"),
        ((BEGUN,), "Step: Test HTTPS access"),
        ((), "State: running, 1 of 3 items done"),
        (
            (ev.EngineStopped(epoch=1, reason="stopped by bo"),),
            "State: stopped, 1 of 3 items done, the engine stopped (stopped by bo)",
        ),
        (
            (ev.EngineStopped(epoch=1, reason="stopped by bo"),),
            "Next action: Start an engine (runbook resume), then: Test HTTPS access",
        ),
        ((), "Waits for a person: nothing"),
        (
            (ARMED, BEGUN, ev.StepSucceeded(**TEST), COUNTING),
            "Waits for a person: step tls.test reverts by itself unless it is confirmed",
        ),
        ((ARMED, BEGUN), f"Open risk: {REVERTS}"),
        ((), "Open risk: none known"),
        (
            (ev.StepSkipped(**TEST, reason="no lab", owner="ops", expires="2026-01-01"),),
            "Open risk: step tls.test is skipped until 2026-01-01: no lab",
        ),
        (
            (ev.RollbackStarted(item="tls", by="bo", reason=""), UNPROVEN),
            "Open risk: item 2: rolled back, differences remain",
        ),
        ((), "Next action: Test HTTPS access"),
    ],
)
def test_a_brief_has_a_line_for_what_counts_now(bodies: tuple[Body, ...], line: str) -> None:
    assert line in brief(in_tls().tell(*bodies))


def test_the_three_newest_notes_are_in_a_brief() -> None:
    story = in_tls().tell(*(ev.NoteAdded(text=f"note {n}", by="bo") for n in range(5)))
    found = [line for line in brief(story) if line.startswith("Note: ")]
    assert found == [f"Note: note {n} (bo)" for n in (2, 3, 4)]


def test_a_brief_says_when_it_will_be_done_and_that_the_window_has_closed() -> None:
    story = in_tls()
    assert "Done by: 08:00-08:20 UTC" in brief(story)
    assert not any("window" in line for line in brief(story))
    late = brief(story.tell(ev.NoteAdded(text="lunch", by="bo"), after=13 * 3600))
    assert "Open risk: the window closed at 20:00 UTC" in late


def test_drift_is_a_risk_in_a_brief() -> None:
    story = complete().recheck(again("fast", verdict=Verdict.FAILED, evidence="too slow"))
    assert any(line.startswith("Open risk: drift: item 2") for line in brief(story))
