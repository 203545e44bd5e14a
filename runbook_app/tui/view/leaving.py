"""What is said before the screen is left."""

from __future__ import annotations

from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.tui.view.banner import name_of
from runbook_app.tui.view.node import Node, NodeKind
from runbook_app.tui.view.words import Line, Tone

OPTIONS = (
    ("Detach", "the engine goes on, and you can come back"),
    ("Stop the engine", "at the next safe point; the session can be resumed"),
    ("Stay", ""),
)


def words(plan: Plan, state: SessionState) -> list[Line]:
    if state.question:
        open_ = "A question is open; it stays open when you detach, and a stop withdraws it."
        return [((open_, Tone.PLAIN),)]
    step = state.running_step
    if step is not None:
        name = name_of(plan, Node(NodeKind.STEP, step.item, step.id))
        stop: Line = (("A stop waits until it has ended; c cancels it first.", Tone.DIM),)
        if step.stopping:
            stop = (
                ("Cancelled, and it can't be interrupted; a stop waits for its end.", Tone.WARN),
            )
        return [((f"{name} is running.", Tone.STRONG),), stop]
    return [(("Nothing is running.", Tone.PLAIN),)]
