"""The security score, for the step of a plan that measures it."""

from __future__ import annotations

from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, probe


@probe
async def measure(run: Run, *, minimum: float = 0) -> None:
    """Measure the plan's security score, every check of it, and hold the total to a minimum."""
    if run.score is None:
        raise NotMeasured("The score can't be measured from here.", hint="Make it a step's action.")
    taken = await run.score.measure(step=run.step)
    for name, score in taken.categories.items():
        run.measure(name, "not applicable" if score is None else score, "of 100")
    run.measure("security score", taken.total, "of 100", at_least=minimum)
