"""Rows of the plan tree."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.clock import format_duration
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.rehearsal import badge_words
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepState, StepStatus
from runbook_app.tui.view.by_hand import mark
from runbook_app.tui.view.node import Node, NodeKind, item_state, step_of
from runbook_app.tui.view.words import Line, Sign, Tone, clock, number_of, sign

_BAR = 4
_GOING = (StepStatus.RUNNING, StepStatus.WAITING, StepStatus.ROLLING_BACK)


@dataclass(frozen=True, slots=True)
class TreeRow:
    left: Line
    right: Line
    """Shown in full at the right edge; the left side gives way."""


def row(
    plan: Plan, state: SessionState, node: Node, *, opened: bool, now: str, dead: bool = False
) -> TreeRow:
    """One node's row. With a `dead` engine nothing runs, whatever the journal last said."""
    item = plan.item(node.item)
    known = item_state(state, item)
    match node.kind:
        case NodeKind.ITEM:
            badge = badge_words(state, known, now)
            return _item_row(item, known, badge, opened=opened, dead=dead)
        case NodeKind.CHECKPOINT:
            return _lines_row("Checkpoint", checkpoint_sign(known), _confirmed(known))
        case NodeKind.VERIFY:
            return _lines_row("Success criteria", verify_sign(known), _held(known))
        case NodeKind.STEP:
            at = state.at if dead else now
            step = step_of(item, node.step)
            return _step_row(item, known, step, at, dead=dead, asked=is_asked(state, step))


def _item_row(item: Item, known: ItemState, badge: str, *, opened: bool, dead: bool) -> TreeRow:
    shown = item_sign(known, dead=dead)
    fold = "▾" if opened else "▸"
    left = (
        (f"{fold} ", Tone.DIM),
        (f"{shown.glyph} ", shown.tone),
        (f"{item.number} ", Tone.DIM),
        (item.title, Tone.DIM if shown.tone is Tone.DIM and not opened else Tone.STRONG),
    )
    on_steps = opened and all(one.went_in.step for one in known.hands)
    touched = () if on_steps else mark(known)
    remark = ((f"{badge} · ", Tone.DIM),) if badge else ()
    return TreeRow(left, (*touched, *remark, (shown.word, shown.tone), *progress(known)))


def item_sign(known: ItemState, *, dead: bool = False) -> Sign:
    """An item between two steps is in progress; it says `running` only while a step runs."""
    status = known.status
    if dead and any(step.status in _GOING for step in known.steps.values()):
        return sign("interrupted")
    running = any(step.status is StepStatus.RUNNING for step in known.steps.values())
    if status is ItemStatus.RUNNING and not running:
        return sign("open")
    if status is ItemStatus.SUCCEEDED and known.drifted:
        return sign("drifted")
    return sign(status)


def progress(known: ItemState) -> Line:
    """`4/7 ▓▓░░` once the item has begun."""
    over, total = steps_over(known)
    if not total or not known.started:
        return ()
    full = over * _BAR // total
    return (
        (f" {over}/{total} ", Tone.PLAIN),
        ("▓" * full, Tone.PLAIN),
        ("░" * (_BAR - full), Tone.DIM),
    )


def steps_over(known: ItemState) -> tuple[int, int]:
    return sum(step.status.over for step in known.steps.values()), len(known.steps)


def step_sign(step: Step, it: StepState | None, *, dead: bool, asked: bool = False) -> Sign:
    """`asked`: a question about the step is open, which may come before it begins."""
    status = it.status if it else StepStatus.PENDING
    if dead and status in _GOING:
        return sign("interrupted")
    if status is StepStatus.PENDING and not step.available:
        return sign(ItemStatus.UNAVAILABLE)
    if status is StepStatus.PENDING and asked and not dead:
        return sign(StepStatus.WAITING)
    return sign(it.word if it else status)


def is_asked(state: SessionState, step: Step) -> bool:
    return state.question is not None and state.question.step == step.id


def _step_row(
    item: Item, known: ItemState, step: Step, now: str, *, dead: bool, asked: bool
) -> TreeRow:
    it = known.steps.get(step.id)
    shown = step_sign(step, it, dead=dead, asked=asked)
    left = (
        (f"    {shown.glyph} ", shown.tone),
        (f"{number_of(item, step.id)} ", Tone.DIM),
        (step.title, Tone.DIM if shown.tone is Tone.DIM else Tone.PLAIN),
    )
    word = f"stopping {shown.word}" if it and it.stopping else shown.word
    return TreeRow(
        left, (*mark(known, step.id), (word, shown.tone), (_step_time(step, known, now), Tone.DIM))
    )


def _step_time(step: Step, known: ItemState, now: str) -> str:
    it = known.steps.get(step.id)
    if it and it.started_at:
        return f" {clock(it.seconds(now))}"
    return f" ~{format_duration(step.estimate.high)}" if step.estimate else ""


def _lines_row(title: str, shown: Sign, count: tuple[int, int]) -> TreeRow:
    held, total = count
    left = (
        (f"    {shown.glyph} ", shown.tone),
        (title, Tone.DIM if shown.tone is Tone.DIM else Tone.PLAIN),
    )
    return TreeRow(left, ((shown.word, shown.tone), (f" {held}/{total}", Tone.DIM)))


def checkpoint_sign(known: ItemState) -> Sign:
    if known.checkpoint_error:
        return sign("failed")
    if known.checkpoint_passed_at:
        return sign("passed")
    return sign("open" if known.checkpoint_opened_at else "pending")


def verify_sign(known: ItemState) -> Sign:
    if known.drifted:
        return sign("drifted")
    if known.verified_at:
        return sign("passed")
    results = [line for line in known.success.values() if line.result]
    if any(not line.passed for line in results):
        return sign("failed")
    return sign("open" if results else "pending")


def _confirmed(known: ItemState) -> tuple[int, int]:
    lines = known.checkpoint.values()
    if known.checkpoint_passed_at:
        return len(lines), len(lines)
    return sum(line.passed for line in lines), len(lines)


def _held(known: ItemState) -> tuple[int, int]:
    lines = known.success.values()
    return sum(line.passed and not line.drifted for line in lines), len(lines)
