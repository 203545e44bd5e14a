"""The lines of a checkpoint, as its dialog and the panel show them."""

from __future__ import annotations

from runbook_app.domain.decisions import lines_to_confirm
from runbook_app.domain.events import QuestionAsked
from runbook_app.domain.plan import CaptureLine, CheckLine, CheckpointLine, ConfirmLine, Item
from runbook_app.domain.state import ItemState, SessionState
from runbook_app.tui.view.measured import check_line
from runbook_app.tui.view.words import Line, Tone, plural


def checkpoint(item: Item, known: ItemState, asked: str = "") -> list[Line]:
    """Every line in plan order; `asked` is the id of the one that waits for its answer."""
    found: list[Line] = []
    for line in item.checkpoint:
        found += _line(line, known, asked=line.id == asked)
    return found


def _line(line: CheckpointLine, known: ItemState, *, asked: bool) -> list[Line]:
    state = known.checkpoint.get(line.id)
    match line:
        case CheckLine():
            return check_line(line.title, state)
        case CaptureLine():
            return _capture(line, known)
        case ConfirmLine() if asked:
            return [
                (("▶ ", Tone.WARN), (line.title, Tone.STRONG), ("  confirm?", Tone.WARN)),
            ]
        case ConfirmLine():
            person = [((line.title, Tone.DIM), ("  by a person", Tone.DIM))]
            if state and (state.confirmed or state.waiver):
                return check_line(line.title, state)
            mark: Line = (("○ ", Tone.DIM), *person[0][: 2 if line.person_required else 1])
            return [(*mark, ("  to confirm", Tone.DIM))]


def _capture(line: CaptureLine, known: ItemState) -> list[Line]:
    """A capture line with what has been captured; its parts are the item's captures by name."""
    taken = [c for c in known.captures if not c.step]
    done = bool(taken) or bool(known.checkpoint_passed_at)
    head: Line = (
        ("✓ " if done else "○ ", Tone.GOOD if done else Tone.DIM),
        (line.title, Tone.PLAIN if done else Tone.DIM),
        (f"  {plural(len(taken), 'capture')}" if done else "  to capture", Tone.DIM),
    )
    names = {*line.files} | ({"project"} if line.project else set())
    mine = [c for c in taken if c.name in names or c.kind in names] or taken
    rows: list[Line] = [
        (("    ◆ ", Tone.ACCENT), (f"{c.kind} {c.name}", Tone.PLAIN), (f"  {c.summary}", Tone.DIM))
        for c in mine
    ]
    return [head, *rows]


def asked_line(item: Item, known: ItemState, question: QuestionAsked | None) -> str:
    """Id of the confirm line that a question is about; empty when it is about none."""
    if question is None or question.item != item.id or question.kind != "confirm":
        return ""
    unanswered = [
        line
        for line in lines_to_confirm(item)
        if not (state := known.checkpoint.get(line.id)) or not state.passed
    ]
    for line in unanswered:
        if line.title in question.text:
            return line.id
    return unanswered[0].id if unanswered else ""


def is_checkpoint_question(state: SessionState) -> bool:
    """Whether the open question is a checkpoint's line, which its own dialog asks."""
    question = state.question
    if question is None or question.kind != "confirm" or question.item not in state.items:
        return False
    item = state.items[question.item]
    return question.step not in item.steps and item.needs_checkpoint
