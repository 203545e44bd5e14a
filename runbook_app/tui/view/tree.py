"""Rows of the plan tree."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.clock import format_duration
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepStatus
from runbook_app.tui.view.node import Node, NodeKind, item_state, step_of
from runbook_app.tui.view.words import Line, Sign, Tone, clock, number_of, sign

_BAR = 4


@dataclass(frozen=True, slots=True)
class TreeRow:
    left: Line
    right: Line
    """Shown in full at the right edge; the left side gives way."""


def row(plan: Plan, state: SessionState, node: Node, *, opened: bool, now: str) -> TreeRow:
    item = plan.item(node.item)
    known = item_state(state, item)
    match node.kind:
        case NodeKind.ITEM:
            return _item_row(item, known, opened=opened)
        case NodeKind.CHECKPOINT:
            return _lines_row("Checkpoint", checkpoint_sign(known), _confirmed(known))
        case NodeKind.VERIFY:
            return _lines_row("Success criteria", verify_sign(known), _held(known))
        case NodeKind.STEP:
            return _step_row(item, known, step_of(item, node.step), now)


def _item_row(item: Item, known: ItemState, *, opened: bool) -> TreeRow:
    shown = item_sign(known)
    fold = "▾" if opened else "▸"
    left = (
        (f"{fold} ", Tone.DIM),
        (f"{shown.glyph} ", shown.tone),
        (f"{item.number} ", Tone.DIM),
        (item.title, Tone.DIM if shown.tone is Tone.DIM and not opened else Tone.STRONG),
    )
    return TreeRow(left, ((shown.word, shown.tone), *progress(known)))


def item_sign(known: ItemState) -> Sign:
    """An item between two steps is in progress; it says `running` only while a step runs."""
    status = known.status
    running = any(step.status is StepStatus.RUNNING for step in known.steps.values())
    if status is ItemStatus.RUNNING and not running:
        return sign("open")
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
    done = (StepStatus.SUCCEEDED, StepStatus.SKIPPED)
    return sum(step.status in done for step in known.steps.values()), len(known.steps)


def _step_row(item: Item, known: ItemState, step: Step, now: str) -> TreeRow:
    it = known.steps.get(step.id)
    status = it.status if it else StepStatus.PENDING
    shown = sign(status)
    if status is StepStatus.PENDING and not step.available:
        shown = sign(ItemStatus.UNAVAILABLE)
    left = (
        (f"    {shown.glyph} ", shown.tone),
        (f"{number_of(item, step.id)} ", Tone.DIM),
        (step.title, Tone.DIM if shown.tone is Tone.DIM else Tone.PLAIN),
    )
    word = f"stopping {shown.word}" if it and it.stopping else shown.word
    return TreeRow(left, ((word, shown.tone), (_step_time(step, known, now), Tone.DIM)))


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
    return sum(line.passed for line in lines), len(lines)
