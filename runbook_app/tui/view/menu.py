"""What can be done about a failure or an unknown outcome: the panel's menu."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from runbook_app.domain.measure import Progress
from runbook_app.domain.plan import Plan, Step
from runbook_app.domain.state import (
    ItemState,
    ItemStatus,
    LineState,
    SessionState,
    StepState,
    StepStatus,
)
from runbook_app.domain.window import taken_back
from runbook_app.tui.view.node import Node, NodeKind
from runbook_app.tui.view.words import plural


class Way(StrEnum):
    """A way out of a failure."""

    RETRY = "retry"
    EDIT = "edit"
    SKIP = "skip"
    WAIVE = "waive"
    ROLL_BACK = "roll back"
    BY_HAND = "by hand"
    GUIDE = "guide"
    STOP = "stop"
    AGAIN = "again"
    DONE = "done"
    NOT_DONE = "not done"
    PARTLY = "partly"


@dataclass(frozen=True, slots=True)
class Choice:
    way: Way
    label: str
    note: str = ""
    subject: str = ""
    """Id of the line that a waiver is about."""


_BY_HAND = Choice(Way.BY_HAND, "Go in by hand", "psql or a shell, on record")
_GUIDE = Choice(Way.GUIDE, "Show the guide's troubleshooting")
_STOP = Choice(Way.STOP, "Stop the engine", "the session can be resumed")


def choices(plan: Plan, state: SessionState, node: Node | None) -> list[Choice]:
    """The menu of a node; empty when nothing is wrong with it."""
    if node is None or node.item not in state.items:
        return []
    item = state.items[node.item]
    found = _of_node(plan, item, node)
    if not found:
        return []
    if not any(choice.way is Way.ROLL_BACK for choice in found):
        found = [*found, _roll_back(plan, item)]
    guide = [_GUIDE] if plan.item(node.item).guide else []
    return [*found, _BY_HAND, *guide, _STOP]


def _of_node(plan: Plan, item: ItemState, node: Node) -> list[Choice]:
    match node.kind:
        case NodeKind.STEP if node.step in item.steps:
            return _of_step(plan, item, node.step)
        case NodeKind.CHECKPOINT if item.checkpoint_error:
            again = Choice(Way.AGAIN, "Check again", "the whole checkpoint is measured anew")
            return [again, *_waivers(plan, item, item.checkpoint)]
        case NodeKind.VERIFY if item.status is ItemStatus.FAILED:
            failed = any(line.result and not line.passed for line in item.success.values())
            again = Choice(Way.AGAIN, "Measure again")
            return [again, *_waivers(plan, item, item.success)] if failed else []
        case NodeKind.ITEM if item.not_committed and item.not_committed.fatal:
            return [Choice(Way.AGAIN, "Try the commit again")]
        case NodeKind.ITEM if item.status is ItemStatus.ROLLBACK_FAILED:
            return [Choice(Way.ROLL_BACK, "Try the rollback again")]
        case _:
            return []


def _of_step(plan: Plan, item: ItemState, step_id: str) -> list[Choice]:
    match item.steps[step_id].status:
        case StepStatus.UNKNOWN:
            return _triage(plan.step(step_id)[1], item, item.steps[step_id])
        case StepStatus.FAILED:
            retry = Choice(Way.RETRY, "Retry", "counts only if its check then passes")
            edit = Choice(Way.EDIT, "Edit parameters and retry", "both versions are kept")
            if plan.step(step_id)[1].required:
                return [retry, edit]
            skip = Choice(Way.SKIP, "Skip", "a waiver: reason, owner and expiry")
            return [retry, edit, skip]
        case _:
            return []


def _triage(planned: Step, item: ItemState, step: StepState) -> list[Choice]:
    """What the step's own check finds stands first, where the cursor is.

    Nothing is offered before the check was asked, nor while an answer is carried out.
    """
    if step.examined is None or step.resolved:
        return []
    found = step.examined.progress
    own = plural(sum(capture.step == step.id for capture in item.captures), "capture")
    undo = "take it back, " if planned.undoes else ""
    answers = {
        Progress.PARTLY: Choice(Way.PARTLY, "It is partly done", f"{undo}restore {own}, run again"),
        Progress.NOT_DONE: Choice(Way.NOT_DONE, "It is not done", "run it again as it is"),
        Progress.DONE: Choice(Way.DONE, "It is done", "take it as succeeded"),
    }
    again = Choice(Way.AGAIN, "Ask its check again", "changes nothing")
    if found is None:
        return [*answers.values(), again]
    first = answers.pop(found)
    against = [
        replace(choice, note=f"{choice.note}; AGAINST its check") for choice in answers.values()
    ]
    return [replace(first, note=f"{first.note}; so its check finds"), *against, again]


def _waivers(plan: Plan, item: ItemState, lines: dict[str, LineState]) -> list[Choice]:
    return [
        Choice(Way.WAIVE, f"Waive: {_title(plan, item, line.id)}", "reason, owner, expiry", line.id)
        for line in lines.values()
        if line.result and not line.passed
    ]


def _title(plan: Plan, item: ItemState, line_id: str) -> str:
    planned = plan.item(item.id)
    for line in (*planned.checkpoint, *planned.success):
        if line.id == line_id:
            return line.title
    return line_id


def _roll_back(plan: Plan, item: ItemState) -> Choice:
    own = len(taken_back(plan.item(item.id), item))
    first = f"takes {plural(own, 'step')} back, " if own else ""
    restores = f"{first}restores {plural(len(item.captures), 'capture')}, proves it"
    return Choice(Way.ROLL_BACK, "Roll the item back", restores)
