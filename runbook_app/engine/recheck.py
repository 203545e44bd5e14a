"""Measuring the criteria of the items that are done again: has the target drifted since?"""

from __future__ import annotations

from runbook_app.domain import events as ev
from runbook_app.domain.decisions import criteria_to_recheck
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import CheckLine, Item, Plan
from runbook_app.domain.score import NEEDS_PROBE
from runbook_app.engine.ledger import Ledger
from runbook_app.engine.series import Series
from runbook_app.engine.steps import Steps
from runbook_app.ports.clock import Clock


class Recheck:
    """Changes nothing but the record."""

    def __init__(
        self, *, plan: Plan, ledger: Ledger, steps: Steps, series: Series, clock: Clock
    ) -> None:
        self._plan = plan
        self._ledger = ledger
        self._steps = steps
        self._series = series
        self._clock = clock

    async def take(self, recheck: str, *, by: str, probes: bool) -> None:
        """Measure every criterion; given up when the engine is to stop before the last one."""
        began = self._clock.monotonic()
        await self._ledger.emit(ev.RecheckStarted(id=recheck, by=by, probes=probes))
        lines = await self._series.measure(
            criteria_to_recheck(self._ledger.state, self._plan),
            lambda criterion: self._line(*criterion, probes=probes),
            lambda criterion: f"rechecked:{criterion[1].id}",
        )
        if lines is None:
            await self.abandon("the engine was told to stop")
            return
        verdicts = [line.verdict for line in lines]
        await self._ledger.emit(
            ev.RecheckFinished(
                id=recheck,
                held=verdicts.count(Verdict.PASSED),
                failed=verdicts.count(Verdict.FAILED),
                not_measured=verdicts.count(Verdict.NOT_MEASURED),
                seconds=self._clock.monotonic() - began,
            )
        )

    async def _line(self, item: Item, line: CheckLine, *, probes: bool) -> ev.CheckFinished:
        if line.probe and not probes:
            return ev.CheckFinished(
                item=item.id,
                section="recheck",
                line=line.id,
                title=line.title,
                verdict=Verdict.NOT_MEASURED,
                evidence=NEEDS_PROBE,
            )
        return await self._steps.measure_line(item.id, line, "recheck")

    async def abandon(self, reason: str) -> None:
        """Put on record that what was measured so far does not count."""
        running = self._ledger.state.recheck
        if running is not None and not running.over:
            await self._ledger.emit(ev.RecheckAbandoned(id=running.started.id, reason=reason))
