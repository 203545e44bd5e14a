"""A measured score in lines, or as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.domain.events import ScoreChecked
from runbook_app.domain.plan import Score
from runbook_app.domain.score import Result, told
from runbook_app.domain.state import ScoreState, SessionState
from runbook_app.domain.times import seconds

_SHOWN = 300

_MARKS = {
    Result.PASSED: "holds",
    Result.FAILED: "FAILS",
    Result.NOT_MEASURED: "NOT MEASURED",
    Result.NOT_APPLICABLE: "not applicable",
}


def score_fields(taken: ScoreState) -> dict[str, object]:
    """What `score --json` prints."""
    measured = taken.measured
    return {
        "total": measured.total if measured else None,
        "categories": [
            {
                "name": category.name,
                "score": category.score,
                "weight": category.weight,
                "checks": [_check(c) for c in taken.checks if c.category == category.name],
            }
            for category in (measured.categories if measured else ())
        ],
    }


def _check(line: ScoreChecked) -> dict[str, object]:
    counts = line.verdict != Result.NOT_APPLICABLE
    return {
        "id": line.check,
        "points": line.points,
        "of": line.weight if counts else 0,
        "evidence": line.evidence,
        "verdict": line.verdict,
    }


def score_summary(state: SessionState) -> dict[str, object] | None:
    """What `status --json` prints of the newest score; None when none was measured."""
    if not state.scores or state.scores[-1].measured is None:
        return None
    newest = state.scores[-1].measured
    return {
        "total": newest.total,
        "categories": {category.name: category.score for category in newest.categories},
    }


def shorten(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… (--json has it all)"


def score_lines(score: Score, taken: ScoreState) -> list[str]:
    """What `score` prints."""
    return list(_lines(score, taken))


def _lines(score: Score, taken: ScoreState) -> Iterator[str]:
    measured = taken.measured
    if measured is None:
        return
    claim = ""
    if score.declared_current is not None:
        claim = f"; the plan claims {score.declared_current}, and {score.declared_target} to come"
    took = seconds(measured.seconds)
    yield f"Security score {told(measured.total)} of 100, measured in {took}{claim}"
    declared = {category.name: category for category in score.categories}
    for category in measured.categories:
        own = [line for line in taken.checks if line.category == category.name]
        found = "not applicable" if category.score is None else f"{told(category.score)} of 100"
        said = declared.get(category.name)
        claimed = f" (the plan claims {said.declared_current})" if said else ""
        yield ""
        yield f"{category.name}: {found}{claimed}"
        for line in own:
            mark = _MARKS[Result(line.verdict)]
            yield f"  {line.points:g}/{line.weight:g}  {line.title}: {mark} ({line.source})"
            yield f"         {shorten(line.evidence)}"
