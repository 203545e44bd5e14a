"""The fold: every state reachable, every non-final one has a way out, the journal is the state."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runbook_app.domain import events as ev
from runbook_app.domain.decisions import outline
from runbook_app.domain.entry import GENESIS, Entry, chain, decode, encode
from runbook_app.domain.fold import EFFECTS, fold
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.progress import progress_document
from runbook_app.domain.signal import build_signal
from runbook_app.domain.state import STEP_TRANSITIONS, ItemStatus, SessionState, StepStatus
from runbook_app.domain.status import status_report

from .story import PLAN, SCORED, Story

OUTLINE = (
    ev.ItemOutline(
        id="tls",
        number=2,
        title="TLS",
        steps=("tls.one", "tls.two"),
        checkpoint=("tool", "ready"),
        success=("answers",),
        commits=True,
    ),
    ev.ItemOutline(
        id="later",
        number=3,
        title="Later",
        steps=("later.one",),
        checkpoint=(),
        success=(),
        unavailable=("later.one",),
    ),
)


def started() -> ev.SessionStarted:
    return ev.SessionStarted(
        session="s1",
        plan="p",
        plan_title="P",
        plan_path="p.yaml",
        plan_sha256="0" * 64,
        target="/srv/t",
        operator="op",
        host="h",
        program="0",
        variables={},
        outline=OUTLINE,
    )


def journal(*bodies: ev.AnyEvent) -> list[Entry]:
    entries, previous = [], GENESIS
    for seq, body in enumerate(bodies, start=1):
        at = f"2026-01-01T00:00:{seq % 60:02d}.000Z"
        digest = chain(previous, seq, at, encode(body))
        entries.append(Entry(seq=seq, at=at, body=body, previous=previous, hash=digest))
        previous = digest
    return entries


def state_after(*bodies: ev.AnyEvent) -> SessionState:
    return fold(journal(started(), *bodies))


def start(step: str = "tls.one", attempt: int = 1) -> ev.StepStarted:
    return ev.StepStarted(item="tls", step=step, attempt=attempt, parameters={})


def succeed(step: str) -> tuple[ev.AnyEvent, ...]:
    return (start(step), ev.StepSucceeded(item="tls", step=step))


PASSED = ev.CheckFinished(
    item="tls", section="success", line="answers", title="t", verdict=Verdict.PASSED
)
FINISHED = (
    ev.CheckpointOpened(item="tls"),
    ev.CheckpointPassed(item="tls"),
    *succeed("tls.one"),
    *succeed("tls.two"),
    PASSED,
    ev.ItemVerified(item="tls"),
    ev.ItemCommitted(item="tls", commit="abc", paths=("a",)),
)


def test_every_step_state_is_reachable_and_every_non_final_one_has_a_way_out() -> None:
    reached = {StepStatus.PENDING}
    while True:
        more = reached | {t for s in reached for t in STEP_TRANSITIONS[s]}
        if more == reached:
            break
        reached = more
    assert reached == set(StepStatus)
    assert all(STEP_TRANSITIONS[status] for status in StepStatus)


def test_an_item_is_done_only_with_steps_criteria_and_commit() -> None:
    assert state_after(*FINISHED).items["tls"].status is ItemStatus.SUCCEEDED
    for missing in range(2, len(FINISHED)):
        partial = state_after(*FINISHED[:missing])
        assert partial.items["tls"].status is not ItemStatus.SUCCEEDED


def test_a_failed_criterion_fails_the_item_and_stops_the_run() -> None:
    failed = ev.CheckFinished(
        item="tls", section="success", line="answers", title="t", verdict=Verdict.FAILED
    )
    state = state_after(ev.RunRequested(auto=True), *FINISHED[:6], failed)
    assert state.items["tls"].status is ItemStatus.FAILED
    assert not state.intent.active


def test_a_waived_criterion_counts_as_passed() -> None:
    waived = ev.CriterionWaived(item="tls", line="answers", reason="r", owner="o", expires="e")
    assert state_after(waived).items["tls"].success["answers"].passed


def test_a_fatal_missing_commit_fails_the_item() -> None:
    refused = ev.ItemNotCommitted(item="tls", reason="hook failed")
    assert state_after(*FINISHED[:-1], refused).items["tls"].status is ItemStatus.FAILED


def test_an_item_whose_action_is_missing_is_unavailable() -> None:
    assert state_after().items["later"].status is ItemStatus.UNAVAILABLE


def test_running_again_after_a_rollback_forgets_the_first_run_but_not_its_record() -> None:
    rolled = (
        *FINISHED,
        ev.RollbackStarted(item="tls", by="op", reason=""),
        ev.RollbackFinished(item="tls", proven=True),
    )
    assert state_after(*rolled).items["tls"].status is ItemStatus.ROLLED_BACK
    again = state_after(*rolled, ev.RunRequested(auto=True, items=("tls",)))
    assert again.items["tls"].status is ItemStatus.RUNNING
    assert len(again.items["tls"].rollback_history) == 1
    assert again.step("tls.one").status is StepStatus.PENDING


def test_a_new_engine_withdraws_the_intent_and_the_open_question() -> None:
    state = state_after(
        ev.RunRequested(auto=True, items=("tls",), until="tls.two"),
        ev.QuestionAsked(id="q", item="tls", step="", kind="confirm", text="ready?"),
        ev.EngineStarted(epoch=2, pid=1, pid_started="1", host="h"),
    )
    assert state.question is None
    assert not state.intent.active
    assert state.intent.items == ("tls",)


@pytest.mark.parametrize("event", FINISHED, ids=lambda event: type(event).__name__)
def test_every_event_reads_back_as_it_was_written(event: ev.AnyEvent) -> None:
    assert decode(encode(event)) == event


def test_every_event_has_its_effect_on_the_state() -> None:
    assert set(EFFECTS) == set(get_args(ev.AnyEvent))


def test_entries_that_a_reader_had_to_leave_out_are_known() -> None:
    entries = journal(started(), *FINISHED[:6])
    assert fold([*entries[:2], entries[4], entries[6]]).left_out == [3, 4, 6]
    assert fold(entries).left_out == []


class StepLife(RuleBasedStateMachine):
    """Any legal order of events: the fold of the whole journal is the state kept live."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: list[ev.AnyEvent] = []
        self.live = SessionState()

    @initialize()
    def begin(self) -> None:
        self._add(started())
        self._add(ev.EngineStarted(epoch=1, pid=1, pid_started="1", host="h"))

    def _add(self, event: ev.AnyEvent) -> None:
        self.bodies.append(event)
        fold([journal(*self.bodies)[-1]], self.live)

    @rule(step=st.sampled_from(["tls.one", "tls.two"]), data=st.data())
    def move(self, step: str, data: st.DataObject) -> None:
        status = self.live.step(step).status
        events = {
            StepStatus.RUNNING: start(step, self.live.step(step).attempt + 1),
            StepStatus.SUCCEEDED: ev.StepSucceeded(item="tls", step=step),
            StepStatus.FAILED: ev.StepFailed(item="tls", step=step, error="e"),
            StepStatus.SKIPPED: ev.StepSkipped(
                item="tls", step=step, reason="r", owner="o", expires="e"
            ),
            StepStatus.UNKNOWN: ev.StepBecameUnknown(item="tls", step=step, reason="r"),
            StepStatus.PENDING: ev.StepReset(item="tls", step=step, reason="r"),
        }
        legal = sorted(STEP_TRANSITIONS[status] & events.keys())
        if legal:
            target = data.draw(st.sampled_from(legal))
            self._add(events[target])
            assert self.live.step(step).status is target

    @rule()
    def measure(self) -> None:
        m = Measurement(name="p95", value=1.0)
        self._add(ev.StepMeasured(item="tls", step="tls.one", measurement=m))

    @rule()
    def ask_and_answer(self) -> None:
        self._add(ev.QuestionAsked(id="q", item="tls", step="tls.one", kind="text", text="?"))
        self._add(ev.QuestionAnswered(id="q", answer="a", by="op"))

    @rule()
    def roll_back(self) -> None:
        if self.live.items["tls"].rollback_started is None:
            self._add(ev.RollbackStarted(item="tls", by="op", reason=""))
            self._add(ev.RollbackFinished(item="tls", proven=True))

    @invariant()
    def fold_equals_live(self) -> None:
        assert fold(journal(*self.bodies)) == self.live

    @invariant()
    def a_rest_goes_on_just_while_nothing_is_at_work(self) -> None:
        assert bool(self.live.resting_since) is not self.live.at_work


StepLife.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestStepLife = StepLife.TestCase


@pytest.mark.parametrize(("moment", "kept"), [("before", False), ("after", False), ("asked", True)])
def test_a_new_engine_takes_up_only_a_score_that_somebody_asked_for(moment, kept) -> None:
    """The others are begun anew by what wanted them; until then nothing runs."""
    story = Story(SCORED).tell(ev.ScoreStarted(id="m", moment=moment, by="anna"))
    assert story.state.status == "running"
    story.tell(ev.EngineStarted(epoch=2, pid=8, pid_started="2", host="host1"))
    assert (story.state.scoring is not None) == kept
    assert story.state.status == ("running" if kept else "idle")


def passed_over(*, verified: bool) -> Story:
    """A step of the second item that was passed over for what the first one's step gave."""
    story = Story().headers()
    rests = ("headers.measure",)
    story.tell(
        ev.StepNotApplicable(item="tls", step="tls.test", reason="no", rests_on=rests),
        ev.ItemNotApplicable(item="validation", reason="no", rests_on=("other.step",)),
    )
    if verified:
        story.tell(ev.ItemVerified(item="tls"))
    return story


def test_what_rests_on_a_step_is_decided_anew_when_that_runs_again():
    story = passed_over(verified=False)
    assert story.state.step("tls.test").word == "not_applicable"
    story.step("headers.measure")
    assert story.state.step("tls.test").status is StepStatus.PENDING
    assert story.state.step("tls.test").not_applicable is None
    assert story.state.items["validation"].passed_over == "no"


def test_what_a_finished_item_passed_over_stands():
    assert passed_over(verified=True).step("headers.measure").state.step("tls.test").not_applicable


def test_what_a_finished_item_passed_over_is_decided_anew_once_it_is_rolled_back():
    story = passed_over(verified=True)
    story.tell(ev.PlanChangeAccepted(sha256="b", difference="", by="a", outline=outline(PLAN)))
    assert story.rollback().state.step("tls.test").not_applicable
    assert story.step("headers.measure").state.step("tls.test").not_applicable is None


def test_a_changed_plan_decides_anew():
    story = passed_over(verified=False)
    story.tell(ev.PlanChangeAccepted(sha256="b", difference="", by="a", outline=outline(PLAN)))
    assert story.state.step("tls.test").status is StepStatus.PENDING
    assert story.state.items["validation"].passed_over == ""


def test_what_was_passed_over_is_told_with_its_reason_and_is_no_waiver():
    story = passed_over(verified=False)
    state = story.state
    progress = progress_document(state, PLAN, story.at)
    assert "| not applicable |" not in progress  # its item has not begun
    story.checkpoint()
    progress = progress_document(story.state, PLAN, story.at)
    assert "not applicable" in progress
    assert "Not applicable: no" in progress
    signal = build_signal(story.state, PLAN, story.at)
    tls, validation = signal.items[1], signal.items[2]
    assert [step.state for step in tls.steps] == ["pending", "not_applicable"]
    assert (validation.state, validation.reason) == ("not_required", "item 1 covers")
    assert signal.waivers == ()
    report = status_report(story.state, PLAN, story.at)
    assert "not applicable: Test HTTPS access" in report.status
