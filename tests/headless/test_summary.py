"""`status`, for people and for programs."""

from __future__ import annotations

from datetime import timedelta

from runbook_app.domain import events as ev
from runbook_app.domain.clock import to_text
from runbook_app.domain.measure import Verdict
from runbook_app.headless.score import score_fields, score_lines
from runbook_app.headless.summary import session_state, status_fields, status_lines
from runbook_app.testing.session import FakeSession
from tests.domain.story import SCORED, WHOLE, Story, again, complete


def session(story: Story, *, alive: bool = True) -> FakeSession:
    found = FakeSession(story.plan)
    found.id = "s1"
    found.state = story.state
    found.alive = alive
    return found


def test_the_fields_have_the_shape_that_scripts_rely_on() -> None:
    found = status_fields(session(Story(WHOLE).run().headers().tls()))
    assert list(found) == ["session", "plan", "target", "state", "items", "score"]
    assert (found["session"], found["plan"], found["target"]) == ("s1", "phase1", "/srv/staging")
    items = found["items"]
    assert isinstance(items, list)
    assert items[1] == {
        "id": "tls",
        "state": "succeeded",
        "steps": [
            {"id": "tls.certificates", "state": "succeeded"},
            {"id": "tls.test", "state": "succeeded"},
        ],
    }
    assert items[2]["state"] == "unavailable"
    assert items[2]["steps"] == [{"id": "database.pgcrypto", "state": "unavailable"}]
    assert found["score"] is None


def test_drift_is_among_the_fields_and_the_lines() -> None:
    story = complete().recheck(again("fast", verdict=Verdict.FAILED, evidence="P95 is 120"))
    items = status_fields(session(story))["items"]
    assert isinstance(items, list)
    assert [item.get("drift") for item in items] == [None, ["fast"], None]
    lines = status_lines(session(story), story.at)
    assert any(
        line.startswith("Item tls: criterion fast held at") and line.endswith(": P95 is 120")
        for line in lines
    )


def test_a_rehearsal_is_among_the_remarks() -> None:
    noted = ev.RehearsalNoted(
        item="tls",
        rehearsed_at=Story().at,
        proven=True,
        apply_seconds=20,
        rollback_seconds=9,
        plan_sha256=WHOLE.sha256,
    )
    story = Story(WHOLE).tell(noted)
    assert "Item tls: rollback proven just now" in status_lines(session(story), story.at)


def test_the_newest_score_is_among_the_fields() -> None:
    found = status_fields(session(Story(SCORED).score("before", 1).score("asked", 3)))
    assert found["score"] == {"total": 75, "categories": {"API Security": 75}}


def test_a_score_is_told_with_what_each_check_saw() -> None:
    state = Story(SCORED).score("before", 1).state
    told = "\n".join(score_lines(SCORED.score, state.scores[0]))
    assert "Security score 25 of 100" in told
    assert "the plan claims 70, and 95 to come" in told
    assert "  1/1  line 0: holds (CIS 0)\n         seen 0" in told
    assert "  0/1  line 3: FAILS (CIS 3)" in told


def test_a_score_s_fields_have_the_shape_that_scripts_rely_on() -> None:
    found = score_fields(Story(SCORED).score("before", 1).state.scores[0])
    assert list(found) == ["total", "categories"]
    categories = found["categories"]
    assert isinstance(categories, list)
    (category,) = categories
    assert list(category) == ["name", "score", "weight", "checks"]
    assert category["checks"][0] == {
        "id": "api-0",
        "points": 1,
        "of": 1,
        "evidence": "seen 0",
        "verdict": "passed",
    }


def test_a_dead_engine_makes_a_session_interrupted() -> None:
    story = Story().run()
    story.tell(ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}))
    assert session_state(session(story)) == "running"
    assert session_state(session(story, alive=False)) == "interrupted"
    text = "\n".join(status_lines(session(story, alive=False), story.at))
    assert "runbook resume s1" in text


def test_time_under_a_dead_engine_is_not_time_at_work() -> None:
    story = Story(gap=0).run()
    story.tell(ev.StepStarted(item="headers", step="headers.measure", attempt=1, parameters={}))
    story.tell(
        ev.StepProgressed(item="headers", step="headers.measure", text="half of it"), after=40
    )
    later = to_text(story.now + timedelta(hours=1))
    assert ", 40s at work," in status_lines(session(story, alive=False), later)[3]
    assert ", 1h at work," in status_lines(session(story), later)[3]


def test_what_needs_attention_is_listed() -> None:
    story = complete(assumed=True)
    story.tell(ev.BlockerRaised(id="b", text="no DNS", by="bo"))
    text = "\n".join(status_lines(session(story), story.at))
    assert "Not confirmed by a person: tls: TLS guide reviewed" in text
    assert "Blocker: no DNS" in text
    assert "2 TLS/HTTPS Enforcement (tls)" in text


def test_nothing_needs_attention_when_all_is_well() -> None:
    story = complete()
    assert status_lines(session(story), story.at)[-1] == "Nothing needs attention."
