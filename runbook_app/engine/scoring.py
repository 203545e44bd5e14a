"""Measuring the security score: every check of the plan, one after the other, into the journal."""

from __future__ import annotations

import uuid

from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import Plan, ScoreCategory, ScoreCheck
from runbook_app.domain.score import (
    Result,
    category_scores,
    checked,
    evidence_of,
    not_to_measure,
    total,
)
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.series import Series
from runbook_app.engine.steps import Steps
from runbook_app.ports.action import ScoreTaken
from runbook_app.ports.clock import Clock

SCORE = "security score"
"""Stands for an item's id in what the checks of the score write; no item can be called so."""


class Scoring:
    """Implements `ports.action.ScoreMeter` for the step that measures it."""

    def __init__(
        self, *, plan: Plan, ledger: Ledger, steps: Steps, series: Series, clock: Clock
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._steps = steps
        self._series = series
        self._clock = clock

    async def measure(self, *, step: str) -> ScoreTaken:
        """Measure for a step, which repeats it all when it is cut short."""
        measured = await self.take("after", by="the plan", step=step)
        if measured is None:
            raise ActionError("The measurement was cut short: the session is being stopped.")
        return ScoreTaken(
            total=measured.total,
            categories={c.name: c.score for c in measured.categories},
        )

    async def take(
        self, moment: str, *, by: str, step: str = "", probes: bool = True
    ) -> ev.ScoreMeasured | None:
        """Measure every check; None when the engine is to stop before the last one."""
        began = self._clock.monotonic()
        measurement = uuid.uuid4().hex[:12]
        await self._ledger.emit(ev.ScoreStarted(id=measurement, moment=moment, by=by, step=step))
        lines = await self._series.measure(
            [
                (category, check)
                for category in self._plan.score.categories
                for check in category.checks
            ],
            lambda check: self._line(measurement, *check, probes=probes),
            lambda check: f"scored:{check[1].id}",
        )
        if lines is None:
            return None
        scores = category_scores(self._plan.score, lines)
        measured = ev.ScoreMeasured(
            id=measurement,
            moment=moment,
            total=total(scores),
            categories=scores,
            probes=probes,
            seconds=self._clock.monotonic() - began,
        )
        await self._ledger.emit(measured)
        return measured

    async def _line(
        self, measurement: str, category: ScoreCategory, check: ScoreCheck, *, probes: bool
    ) -> ev.ScoreChecked:
        if settled := not_to_measure(check, probes=probes):
            return checked(measurement, category, check, *settled)
        outcome, seconds = await self._steps.measure(SCORE, check.id, check.call)
        return checked(
            measurement,
            category,
            check,
            _RESULTS[outcome.verdict],
            evidence_of(outcome.verdict, outcome.error, outcome.measurements),
            measurements=outcome.measurements,
            seconds=seconds,
        )

    async def abandon(self, reason: str) -> None:
        """Put on record that a measurement is given up."""
        running = self._ledger.state.scoring
        if running is not None:
            await self._ledger.emit(ev.ScoreAbandoned(id=running.started.id, reason=reason))


_RESULTS = {
    Verdict.PASSED: Result.PASSED,
    Verdict.FAILED: Result.FAILED,
    Verdict.NOT_MEASURED: Result.NOT_MEASURED,
}
