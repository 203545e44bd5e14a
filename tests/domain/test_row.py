"""Where there is something to look at: the same as a look at each step and item finds."""

from __future__ import annotations

import pickle

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runbook_app.domain import decisions as d
from runbook_app.domain import events as ev
from runbook_app.domain.entry import Entry
from runbook_app.domain.fold import fold
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus
from tests.fuzzing import examples

from .arbitrary import EVENTS, OUTLINES, STEPS
from .test_state import journal, started

BUSY = (StepStatus.RUNNING, StepStatus.WAITING)
FINISHED = (
    ItemStatus.SUCCEEDED,
    ItemStatus.NOT_REQUIRED,
    ItemStatus.UNAVAILABLE,
    ItemStatus.ROLLED_BACK,
)
TROUBLE = (ItemStatus.FAILED, ItemStatus.ROLLBACK_FAILED, ItemStatus.UNKNOWN)
NOT_RUN = (*FINISHED, ItemStatus.ROLLBACK_FAILED)

MANY = settings(max_examples=max(300, examples()))


class Plain:
    """The answers by a look at everything, in the words of the rules."""

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.items = list(state.items.values())
        self.steps = [step for item in self.items for step in item.steps.values()]

    def item_over(self, item: ItemState) -> bool:
        return all(step.status.over for step in item.steps.values())

    def item_finished(self, item: ItemState) -> bool:
        committed = item.committed or (item.not_committed and not item.not_committed.fatal)
        made = not item.outline.commits or bool(committed)
        done = bool(item.verified_at) and self.item_over(item)
        return not item.outline.not_required and done and made

    def item_status(self, item: ItemState) -> ItemStatus:
        if item.rollback_error:
            return ItemStatus.ROLLBACK_FAILED
        if item.rollback_started:
            return ItemStatus.ROLLED_BACK if item.rollback else ItemStatus.ROLLING_BACK
        statuses = [step.status for step in item.steps.values()]
        for status in (StepStatus.UNKNOWN, StepStatus.FAILED, *reversed(BUSY)):
            if status in statuses:
                return ItemStatus(status.value)
        if item.to_confirm:
            return ItemStatus.WAITING
        if item.outline.not_required or item.not_applicable:
            return ItemStatus.NOT_REQUIRED
        missed = any(line.result and not line.passed for line in item.success.values())
        refused = item.not_committed is not None and item.not_committed.fatal
        if item.checkpoint_error or missed or refused:
            return ItemStatus.FAILED
        if self.item_finished(item):
            return ItemStatus.SUCCEEDED
        if item.outline.unavailable:
            return ItemStatus.UNAVAILABLE
        begun = item.checkpoint_opened_at or any(step.attempt for step in item.steps.values())
        return ItemStatus.RUNNING if begun else ItemStatus.PENDING

    @property
    def running_step(self) -> object:
        return next((step for step in self.steps if step.status in BUSY), None)

    @property
    def rolling_back(self) -> bool:
        return any(item.rolling_back for item in self.items)

    @property
    def guarded(self) -> ItemState | None:
        return next((item for item in self.items if item.guard), None)

    @property
    def status(self) -> str:
        state, statuses = self.state, [self.item_status(item) for item in self.items]
        measuring = state.measuring and state.engine is not None
        if state.question or ItemStatus.WAITING in statuses:
            return "waiting"
        if ItemStatus.ROLLING_BACK in statuses or self.running_step or measuring:
            return "running"
        if any(status in TROUBLE for status in statuses):
            return "failed"
        if statuses and all(status in FINISHED for status in statuses):
            return "finished"
        if state.engine is None:
            return "stopped" if state.engine_stopped else "starting"
        return "running" if state.intent.active else "idle"

    def asked_for(self, item: ItemState) -> bool:
        intent = self.state.intent
        if intent.active and intent.only:
            return item.id == intent.only
        return not intent.items or item.id in intent.items

    def runnable(self, item: ItemState) -> bool:
        needs = [n for n in item.outline.needs if n in self.state.items]
        met = all(
            self.item_status(self.state.items[n]) in (ItemStatus.SUCCEEDED, ItemStatus.NOT_REQUIRED)
            for n in needs
        )
        return self.item_status(item) not in NOT_RUN and not item.outline.unavailable and met

    def next_work(self) -> d.ItemWork | None:
        for item in self.items:
            if item.rolling_back:
                return d.RollBack(item.id)
        for step in self.steps:
            if step.status is StepStatus.UNKNOWN and step.resolved:
                return d.UndoStep(step.item, step.id)
        guarded = self.guarded
        if guarded is not None and guarded.to_confirm:
            return d.AwaitConfirmation(guarded.id, guarded.to_confirm)
        until = self.state.intent.until if self.state.intent.active else ""
        if until and any(step.id == until and step.status.over for step in self.steps):
            return None
        for item in [guarded] if guarded else self.items:
            if self.asked_for(item) and self.runnable(item):
                work = self.next_in_item(item)
                if work is not None or self.item_status(item) is ItemStatus.FAILED:
                    return work
        return None

    def next_in_item(self, item: ItemState) -> d.ItemWork | None:
        for step in item.steps.values():
            if step.status is StepStatus.UNKNOWN:
                return d.SettleUnknown(item.id, step.id)
        if item.needs_checkpoint:
            return d.OpenCheckpoint(item.id)
        for step in item.steps.values():
            if step.status is StepStatus.PENDING:
                return d.RunStep(item.id, step.id)
            if step.status is StepStatus.FAILED:
                return None
        if not item.verified_at:
            return d.VerifyItem(item.id)
        commits = item.outline.commits and not self.item_finished(item)
        return d.CommitItem(item.id) if commits else None


def answers(state: SessionState) -> tuple[object, ...]:
    return (
        [item.status for item in state.items.values()],
        [(item.steps_over, item.finished) for item in state.items.values()],
        state.status,
        state.rolling_back,
        state.guarded,
        state.running_step,
        {step.id: state.step(step.id) for step in state.steps()},
        d.next_work(state),
    )


def plain_answers(state: SessionState) -> tuple[object, ...]:
    plain = Plain(state)
    return (
        [plain.item_status(item) for item in plain.items],
        [(plain.item_over(item), plain.item_finished(item)) for item in plain.items],
        plain.status,
        plain.rolling_back,
        plain.guarded,
        plain.running_step,
        {step.id: step for step in plain.steps},
        plain.next_work(),
    )


def begin(outline: tuple[ev.ItemOutline, ...]) -> ev.SessionStarted:
    return msgspec.structs.replace(started(), outline=outline)


@st.composite
def pieces(draw: st.DrawFn) -> list[list[Entry]]:
    """A journal in the pieces in which a reader may come by it, some entries left out."""
    entries = journal(begin(draw(st.sampled_from(OUTLINES))), *draw(EVENTS))
    found: list[list[Entry]] = []
    while entries:
        size = draw(st.integers(1, 8))
        found.append(entries[:size])
        entries = entries[size + draw(st.sampled_from((0, 0, 0, 1))) :]
    return found


@MANY
@given(pieces=pieces())
def test_what_is_found_by_where_to_look_is_what_a_look_at_everything_finds(
    pieces: list[list[Entry]],
) -> None:
    state = SessionState()
    for piece in pieces:
        fold(piece, state)
        assert answers(state) == plain_answers(state)


@MANY
@given(pieces=pieces(), place=st.integers(0, 60))
def test_a_state_that_was_stored_goes_on_as_the_one_it_was_stored_of(
    pieces: list[list[Entry]], place: int
) -> None:
    kept = fold(entry for piece in pieces[:place] for entry in piece)
    for state in (kept, pickle.loads(pickle.dumps(kept))):
        fold((entry for piece in pieces[place:] for entry in piece), state)
        assert answers(state) == plain_answers(state)


def resting_on(state: SessionState, step: str) -> list[str]:
    """What is passed over for what a step gave, in items that are not done."""
    return [
        decided.item
        for item in state.items.values()
        if not item.verified_at
        for decided in (item.not_applicable, *(s.not_applicable for s in item.steps.values()))
        if decided and (not step or step in decided.rests_on)
    ]


@MANY
@given(bodies=EVENTS, step=st.sampled_from(STEPS))
def test_whatever_rests_on_a_step_is_decided_anew_when_it_starts(
    bodies: list[ev.AnyEvent], step: str
) -> None:
    known = begin(OUTLINES[0])
    state = fold(journal(known, *bodies))
    item = step.partition(".")[0]
    begun = ev.StepStarted(item=item, step=step, attempt=1, parameters={})
    fold(journal(known, *bodies, begun)[-1:], state)
    assert item not in state.items or resting_on(state, step) == []


@pytest.mark.parametrize("outline", OUTLINES)
def test_a_step_that_is_reset_in_an_item_that_is_over_is_the_next_one(outline) -> None:
    """The look begins at what is not over, also when that lies before what was looked at."""
    items = [item for item in outline if not item.unavailable and not item.not_required]
    bodies: list[ev.AnyEvent] = [ev.RunRequested(auto=True)]
    for item in items:
        bodies += [ev.CheckpointPassed(item=item.id)]
        bodies += [ev.StepSucceeded(item=item.id, step=step) for step in item.steps]
        bodies += [ev.ItemVerified(item=item.id)]
        bodies += [ev.ItemCommitted(item=item.id, commit="c", paths=())]
    state = fold(journal(begin(outline), *bodies))
    assert d.next_work(state) is None
    for item in reversed([item for item in items if not item.needs]):
        for step in reversed(item.steps):
            bodies += [ev.StepReset(item=item.id, step=step, reason="again")]
            fold(journal(begin(outline), *bodies)[-1:], state)
            assert d.next_work(state) == d.RunStep(item.id, step)
