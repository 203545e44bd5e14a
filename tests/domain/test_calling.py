"""What a person is called for: the one thing that waits, and nothing while work goes on."""

from __future__ import annotations

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.calling import call_for
from tests.domain.story import Story, complete

ASKED = ev.QuestionAsked(id="q", item="tls", step="", kind="confirm", text="TLS guide reviewed")
BEGUN = ev.StepStarted(item="tls", step="tls.test", attempt=1, parameters={})
DIED = ev.EngineStarted(epoch=2, pid=8, pid_started="1", host="host1")
UNKNOWN = ev.StepBecameUnknown(item="tls", step="tls.test", reason="the engine ended")
UNDOING = ev.RollbackStarted(item="tls", by="anna", reason="")
FAILED_TO_UNDO = ev.RollbackFailed(item="tls", error="port 8001 is taken")
ELSEWHERE = ev.StepStarted(item="headers", step="headers.measure", attempt=2, parameters={})


def begun() -> Story:
    return Story().run().headers().checkpoint().tell(BEGUN)


def words_of(story: Story) -> str:
    call = call_for(story.state)
    return call.words if call else ""


@pytest.mark.parametrize(
    ("story", "words"),
    [
        (Story(), ""),
        (begun(), ""),
        (Story().tell(ASKED), "waiting for a person: TLS guide reviewed"),
        (
            begun().tell(ev.StepFailed(item="tls", step="tls.test", error="502")),
            "item 2 TLS/HTTPS Enforcement: step tls.test failed: 502",
        ),
        (
            begun().tell(DIED, UNKNOWN),
            "item 2 TLS/HTTPS Enforcement: the outcome of tls.test is unknown after a crash",
        ),
        (
            begun().tell(UNDOING, FAILED_TO_UNDO),
            "item 2 TLS/HTTPS Enforcement: rollback failed: port 8001 is taken",
        ),
        (begun().tell(UNDOING, FAILED_TO_UNDO, ELSEWHERE), ""),
        (complete(), "nothing is left to do that was asked for"),
    ],
    ids=["new", "running", "question", "failure", "unknown", "rollback", "elsewhere", "over"],
)
def test_a_person_is_called_for_what_waits(story: Story, words: str) -> None:
    assert words_of(story) == words


def test_the_same_thing_keeps_its_key_and_another_attempt_has_its_own() -> None:
    failed = ev.StepFailed(item="tls", step="tls.test", error="502")
    story = begun().tell(failed)
    first = call_for(story.state)
    assert call_for(story.tell(ev.NoteAdded(text="x", by="bo")).state) == first
    again = ev.StepStarted(item="tls", step="tls.test", attempt=2, parameters={})
    second = call_for(story.tell(again, failed).state)
    assert first
    assert second
    assert (second.words, second.key != first.key) == (first.words, True)
