"""The security score: what its checks came to, per category and in all. No I/O."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum

from runbook_app.domain.events import CategoryScore, ScoreChecked
from runbook_app.domain.markdown import measured
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.plan import Score, ScoreCategory, ScoreCheck

FULL = 100.0
NEEDS_PROBE = "it has to write in order to measure: add --probe"
_EVIDENCE = 2000
"""Letters; the event has every measurement besides."""


class Result(StrEnum):
    """What a check of the score came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_MEASURED = "not_measured"
    """No points; the evidence says why."""
    NOT_APPLICABLE = "not_applicable"
    """The plan's `when` left it out, before measuring: it counts on neither side."""


def checked(
    measurement: str,
    category: ScoreCategory,
    check: ScoreCheck,
    result: Result,
    evidence: str,
    *,
    measurements: tuple[Measurement, ...] = (),
    seconds: float = 0.0,
) -> ScoreChecked:
    """One line of a measurement; only a check that passed has points."""
    return ScoreChecked(
        id=measurement,
        category=category.name,
        check=check.id,
        title=check.title,
        source=check.source,
        weight=check.weight,
        points=check.weight if result is Result.PASSED else 0.0,
        verdict=result.value,
        evidence=evidence,
        measurements=measurements,
        seconds=seconds,
    )


def not_to_measure(check: ScoreCheck, *, probes: bool) -> tuple[Result, str] | None:
    """Why a check is not measured at all; None when it is."""
    if check.excluded:
        return Result.NOT_APPLICABLE, check.excluded
    if not check.available:
        return Result.NOT_MEASURED, f"the action {check.call.action} is not installed"
    if check.probe and not probes:
        return Result.NOT_MEASURED, NEEDS_PROBE
    return None


def evidence_of(verdict: Verdict, error: str, found: Iterable[Measurement]) -> str:
    """What was seen, in one line: what is not met first, else what was held against a limit."""
    taken = list(found)
    if verdict is Verdict.NOT_MEASURED:
        return f"not measured: {error}"
    bad = [measured(m) for m in taken if not m.ok]
    if verdict is Verdict.FAILED:
        return _short("; ".join(bad) or error or "it failed without a word")
    return _short("; ".join(measured(m) for m in taken) or error or "it holds")


def _short(text: str) -> str:
    return text if len(text) <= _EVIDENCE else f"{text[:_EVIDENCE]}…"


def category_scores(score: Score, lines: Iterable[ScoreChecked]) -> tuple[CategoryScore, ...]:
    """Each category's share of its points, 0-100, in the plan's order."""
    taken = list(lines)
    return tuple(
        CategoryScore(
            name=category.name,
            weight=category.weight,
            score=_share([line for line in taken if line.category == category.name]),
        )
        for category in score.categories
        if category.checks
    )


def _share(lines: list[ScoreChecked]) -> float | None:
    counted = [line for line in lines if line.verdict != Result.NOT_APPLICABLE]
    most = math.fsum(line.weight for line in counted)
    if not most:
        return None
    return _down(FULL * math.fsum(line.points for line in counted) / most)


def total(categories: Iterable[CategoryScore]) -> float:
    """The categories' mean by their weights, 0-100; 0 when nothing counts."""
    counted = [c for c in categories if c.score is not None and c.weight > 0]
    weight = math.fsum(c.weight for c in counted)
    if not weight:
        return 0.0
    return _down(math.fsum(c.weight * (c.score or 0.0) for c in counted) / weight)


def _down(value: float) -> float:
    """Two decimals, never rounded up: a minimum is not reached by rounding."""
    return min(FULL, max(0.0, math.floor(value * 100 + 1e-6) / 100))


def told(value: float) -> str:
    """A score as people read it: whole, and never rounded up."""
    return str(math.floor(value))
