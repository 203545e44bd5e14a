"""The lines of a checkpoint, as its dialog and the panel show them."""

from __future__ import annotations

from collections.abc import Callable

from runbook_app.domain.decisions import lines_to_capture, lines_to_confirm, lines_to_measure
from runbook_app.domain.events import CaptureTaken, QuestionAsked
from runbook_app.domain.plan import CaptureLine, CheckLine, CheckpointLine, ConfirmLine, Item
from runbook_app.domain.state import ItemState, LineState, SessionState
from runbook_app.tui.view.measured import check_line
from runbook_app.tui.view.words import Line, Tone, folded, plural

Size = Callable[[str], int | None]
"""Bytes of a file of the session's folder; None when it is not there."""


def checkpoint(
    item: Item,
    known: ItemState,
    asked: str = "",
    *,
    at_work: bool = False,
    width: int = 0,
    size: Size | None = None,
) -> list[Line]:
    """Every line in plan order; `asked` is the id of the one that waits for its answer.

    With an engine `at_work` the line is marked that is being measured. With a `size` each capture
    has its size and place, in rows of `width` columns.
    """
    running = _running(item, known) if at_work and not asked else ""
    found: list[Line] = []
    for line in item.checkpoint:
        if isinstance(line, CaptureLine) and size is not None:
            rows = _capture(line, known, lambda c: _in_full(c, width, size))
        else:
            rows = _line(line, known, asked=line.id == asked)
        if line.id == running:
            rows[0] = ((f"● {line.title}", Tone.ACCENT), ("  under way", Tone.ACCENT))
        found += rows
    return found


def _running(item: Item, known: ItemState) -> str:
    """Id of the line that the checkpoint is at: checks first, then captures."""
    if not known.checkpoint_opened_at or known.checkpoint_passed_at or known.checkpoint_error:
        return ""
    names = [line.id for line in lines_to_measure(item)]
    names += [line.id for line in lines_to_capture(item)]
    return next((name for name in names if _open(known.checkpoint.get(name))), "")


def _open(line: LineState | None) -> bool:
    return line is None or (line.result is None and line.waiver is None)


def _line(line: CheckpointLine, known: ItemState, *, asked: bool) -> list[Line]:
    state = known.checkpoint.get(line.id)
    match line:
        case CheckLine():
            return check_line(line.title, state)
        case CaptureLine():
            return _capture(line, known, _in_short)
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


def _capture(
    line: CaptureLine, known: ItemState, told: Callable[[CaptureTaken], list[Line]]
) -> list[Line]:
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
    return [head, *(row for capture in mine for row in told(capture))]


def _in_short(capture: CaptureTaken) -> list[Line]:
    name = f"{capture.kind} {capture.name}"
    return [(("    ◆ ", Tone.ACCENT), (name, Tone.PLAIN), (f"  {capture.summary}", Tone.DIM))]


def _in_full(capture: CaptureTaken, width: int, size: Size) -> list[Line]:
    return [
        (("    ◆ ", Tone.ACCENT), (f"{capture.kind} {capture.name}", Tone.PLAIN)),
        *folded(capture.summary, width, Tone.DIM, "      "),
        place(capture, size(capture.path), "      "),
    ]


def place(capture: CaptureTaken, size: int | None, indent: str, more: str = "") -> Line:
    """Size and place of a capture below the session's folder; one that is gone says so."""
    held = f"{capture.path}{more}"
    if size is None:
        return ((f"{indent}✗ NOT THERE  ", Tone.BAD), (held, Tone.DIM))
    return ((f"{indent}{size:,} bytes, encrypted  ", Tone.PLAIN), (held, Tone.DIM))


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
