"""Work by hand: on which step it falls, and its words."""

from __future__ import annotations

from runbook_app.domain.state import HandsState, ItemState, SessionState
from runbook_app.domain.times import at_second

TOUCHED = "touched by hand"


def falls_to(state: SessionState, item_id: str) -> tuple[str, str]:
    """Ids of the item and the step that work by hand falls to.

    That is the running step, else the one of the item that was begun last; none before that.
    """
    running = state.running_step
    if running is not None:
        return running.item, running.id
    begun = [step for step in state.items[item_id].steps.values() if step.started_at]
    last = max(begun, key=lambda step: step.started_at, default=None)
    return item_id, last.id if last else ""


def touched(item: ItemState, step_id: str = "") -> list[HandsState]:
    """What was done by hand in the item's present run; of one step, when it is given."""
    return [one for one in item.hands if not step_id or one.went_in.step == step_id]


def within(state: SessionState) -> list[HandsState]:
    """Those who went in and did not come out yet."""
    return [one for one in state.hands.values() if one.came_out is None]


def hands_words(one: HandsState) -> str:
    """`psql as postgres in db, by op, 2025-10-24 09:12:05 UTC to 09:14:11 UTC, exit code 0`."""
    begun, out = one.went_in, one.came_out
    words = f"{begun.what}, by {begun.by}, {at_second(one.at)}"
    if out is None:
        words += ", still in"
    else:
        words += f" to {at_second(one.out_at)}"
        words += f", {out.reason}" if out.exit_code is None else f", exit code {out.exit_code}"
    return words + (f", while step {begun.during} ran" if begun.during else "")


def place_words(one: HandsState) -> str:
    """`step tls.test` or `item tls`."""
    begun = one.went_in
    return f"step {begun.step}" if begun.step else f"item {begun.item}"


def session_lines(state: SessionState) -> list[str]:
    """One line for each time somebody went in."""
    return [f"{place_words(one)} {TOUCHED}: {hands_words(one)}" for one in state.hands.values()]


def rollback_warning(item: ItemState) -> str:
    """What to know before the item is rolled back; empty when nothing was done by hand."""
    if not item.hands:
        return ""
    what = "; ".join(hands_words(one) for one in item.hands)
    return (
        f"Item {item.id} was {TOUCHED} ({what}). What was captured may not cover that; the"
        " fingerprint taken after the rollback shows what of it is left."
    )
