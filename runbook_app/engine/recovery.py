"""What a new engine does first: end survivors, and find out what the crash left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from runbook_app.domain import events as ev
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import StepStatus
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.steps import Steps

CUT_SHORT = "it was cut short when the engine ended"

EndSurvivor = Callable[[int, str], Awaitable[bool]]
"""Ends the process of that pid and start time, if it still lives, and waits for its end."""


async def end_actors(ledger: Ledger, end_survivor: EndSurvivor) -> None:
    """End the children of an engine that died, and say of what it was doing that it is unknown.

    Nothing else may be begun before: never two actors on the target.
    """
    for child in list(ledger.state.children.values()):
        await end_survivor(child.pid, child.pid_started)
        await ledger.emit(
            ev.ChildEnded(pid=child.pid, pid_started=child.pid_started, exit_code=None)
        )
    cut_short = ledger.state.recheck
    if cut_short is not None and not cut_short.over:
        await ledger.emit(ev.RecheckAbandoned(id=cut_short.started.id, reason=CUT_SHORT))
    for step in list(ledger.state.steps()):
        if step.status in (StepStatus.RUNNING, StepStatus.WAITING):
            await ledger.emit(
                ev.StepBecameUnknown(
                    item=step.item,
                    step=step.id,
                    reason="it was running when the engine ended",
                )
            )


async def examine(ledger: Ledger, steps: Steps, plan: Plan) -> None:
    """Ask the check of each step of unknown outcome."""
    for step in list(ledger.state.steps()):
        if step.status is StepStatus.UNKNOWN and step.resolved is None:
            item, planned = plan.step(step.id)
            await steps.examine(item, planned)
