"""What is to be known before somebody goes in by hand, and the marks that it leaves."""

from __future__ import annotations

from runbook_app.domain.hands import TOUCHED, falls_to, hands_words, rollback_warning, touched
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemState, ItemStatus, SessionState
from runbook_app.tui.view.measured import prose
from runbook_app.tui.view.node import Node, step_of
from runbook_app.tui.view.words import Line, Tone, number_of


def before(plan: Plan, state: SessionState, node: Node) -> list[Line]:
    """Where it will stand in the record, and what runs beside it."""
    item_id, step_id = falls_to(state, node.item)
    item = plan.item(item_id)
    place = f"item {item.number} {item.title}"
    if step_id:
        place = f"step {number_of(item, step_id)} {step_of(item, step_id).title}"
    found = prose(
        f"Who, when and how it ended goes on record with {place}, and what the terminal shows into"
        " the log, known secrets masked. A password that is typed unseen is not recorded."
    )
    if state.running_step is not None:
        text = f"{place[:1].upper()}{place[1:]} is RUNNING: what you do now happens beside it."
        found += prose(text, Tone.BAD)
    if any(known.status is ItemStatus.ROLLING_BACK for known in state.items.values()):
        found += prose("An item is being ROLLED BACK: what you do now may be undone.", Tone.BAD)
    return found


def mark(known: ItemState, step_id: str = "") -> Line:
    """Stands before the state in the tree; empty when nobody was there."""
    return ((f"{TOUCHED} · ", Tone.WARN),) if touched(known, step_id) else ()


def touched_lines(known: ItemState, step_id: str = "") -> list[Line]:
    """Each time that somebody was there by hand."""
    return [
        line
        for one in touched(known, step_id)
        for line in prose(f"{TOUCHED.capitalize()}: {hands_words(one)}", Tone.WARN)
    ]


def warning_lines(known: ItemState) -> list[Line]:
    return prose(rollback_warning(known), Tone.WARN)
