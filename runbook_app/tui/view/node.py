"""Nodes of the plan tree, and which of them the work is at."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from runbook_app.domain import decisions
from runbook_app.domain.events import ItemOutline
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepState, StepStatus


class NodeKind(StrEnum):
    ITEM = "item"
    CHECKPOINT = "checkpoint"
    STEP = "step"
    VERIFY = "verify"
    """An item's success criteria, measured after its steps."""


@dataclass(frozen=True, slots=True)
class Node:
    """One row of the plan tree, keyed by id."""

    kind: NodeKind
    item: str
    step: str = ""


def item_state(state: SessionState, item: Item) -> ItemState:
    """The item's state; a blank one before the session's first entry has been read."""
    known = state.items.get(item.id)
    if known is not None:
        return known
    return ItemState(
        item.id,
        ItemOutline(
            id=item.id,
            number=item.number,
            title=item.title,
            steps=tuple(step.id for step in item.steps),
            checkpoint=(),
            success=(),
        ),
        steps={step.id: StepState(step.id, item.id) for step in item.steps},
    )


def step_of(item: Item, step_id: str) -> Step:
    """The planned step, of its item alone."""
    return next(step for step in item.steps if step.id == step_id)


def nodes(plan: Plan, opened: Collection[str]) -> list[Node]:
    """Every visible node, top to bottom."""
    found: list[Node] = []
    for item in plan.items:
        found.append(Node(NodeKind.ITEM, item.id))
        if item.id in opened:
            found.extend(children(item))
    return found


def children(item: Item) -> list[Node]:
    found = [Node(NodeKind.CHECKPOINT, item.id)] if item.checkpoint else []
    found.extend(Node(NodeKind.STEP, item.id, step.id) for step in item.steps)
    if item.success:
        found.append(Node(NodeKind.VERIFY, item.id))
    return found


def current(state: SessionState) -> Node | None:
    """Where the work is, or stands still, or goes on next."""
    return _asked(state) or _busy(state) or trouble(state) or _next(state)


def nothing_left(state: SessionState) -> bool:
    """Whether nothing more can be done of what the session's scope has."""
    return bool(state.items) and current(state) is None


def at_rest(state: SessionState) -> bool:
    """Nothing runs or is about to, nothing is asked, nothing has failed."""
    return not (state.intent.active or _asked(state) or _busy(state) or trouble(state))


def _asked(state: SessionState) -> Node | None:
    question = state.question
    if question is None or question.item not in state.items:
        return None
    if question.step in state.items[question.item].steps:
        return Node(NodeKind.STEP, question.item, question.step)
    item = state.items[question.item]
    kind = NodeKind.CHECKPOINT if item.needs_checkpoint else NodeKind.ITEM
    return Node(kind, question.item)


def _busy(state: SessionState) -> Node | None:
    step = state.running_step
    if step is not None:
        return Node(NodeKind.STEP, step.item, step.id)
    for item in state.row.astir():
        if item.rolling_back:
            return Node(NodeKind.ITEM, item.id)
    return None


def trouble(state: SessionState) -> Node | None:
    """The first thing that failed, is unknown, or could not be rolled back."""
    for item in state.row.astir():
        found = item_trouble(item)
        if found is not None:
            return found
    return None


def item_trouble(item: ItemState) -> Node | None:
    if item.status not in (ItemStatus.FAILED, ItemStatus.UNKNOWN, ItemStatus.ROLLBACK_FAILED):
        return None
    if item.status is ItemStatus.ROLLBACK_FAILED:
        return Node(NodeKind.ITEM, item.id)
    for step in item.row.astir():
        if step.status in (StepStatus.FAILED, StepStatus.UNKNOWN):
            return Node(NodeKind.STEP, item.id, step.id)
    if item.checkpoint_error:
        return Node(NodeKind.CHECKPOINT, item.id)
    if any(line.result and not line.passed for line in item.success.values()):
        return Node(NodeKind.VERIFY, item.id)
    return Node(NodeKind.ITEM, item.id)


def _next(state: SessionState) -> Node | None:
    match decisions.next_work(state):
        case decisions.OpenCheckpoint(item):
            return Node(NodeKind.CHECKPOINT, item)
        case (
            decisions.RunStep(item, step)
            | decisions.AwaitConfirmation(item, step)
            | decisions.SettleUnknown(item, step)
            | decisions.UndoStep(item, step)
        ):
            return Node(NodeKind.STEP, item, step)
        case decisions.VerifyItem(item):
            return Node(NodeKind.VERIFY, item)
        case decisions.CommitItem(item) | decisions.RollBack(item):
            return Node(NodeKind.ITEM, item)
        case None:
            return None
