"""A measured score for the completion signal, and as Markdown for every document that shows it."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.domain.completion import ScoreClaim, ScoreFigures, ScoreLine, ScoreShare
from runbook_app.domain.events import ScoreChecked
from runbook_app.domain.markdown import escape, table
from runbook_app.domain.plan import Score
from runbook_app.domain.score import Result, told
from runbook_app.domain.state import ScoreState, SessionState
from runbook_app.domain.times import at_second

_EVIDENCE = 300


def score_result(score: Score, state: SessionState) -> ScoreClaim:
    """What was measured before and after, beside what the plan declares."""
    before, after = (_figures(score, taken) for taken in (state.score_before, state.score_now))
    newest = after or before
    return ScoreClaim(
        claimed_before=score.declared_current,
        claimed_after=score.declared_target,
        measured=newest.total if newest else None,
        before=before,
        after=after,
        outdated=outdated_by(state),
    )


def outdated_by(state: SessionState) -> tuple[str, ...]:
    """Ids of the items that were rolled back since the newest score: it may not hold any more."""
    now = state.score_now
    items = state.items.values() if now and now.measured else ()
    return tuple(item.id for item in items if now and item.rollback_started_at > now.measured_at)


def _figures(score: Score, taken: ScoreState | None) -> ScoreFigures | None:
    if taken is None or taken.measured is None:
        return None
    declared = {category.name: category for category in score.categories}
    return ScoreFigures(
        at=taken.measured_at,
        moment=taken.started.moment,
        by=taken.started.by,
        total=taken.measured.total,
        seconds=taken.measured.seconds,
        categories=tuple(
            ScoreShare(
                name=c.name,
                weight=c.weight,
                score=c.score,
                claimed_before=declared[c.name].declared_current if c.name in declared else None,
                claimed_after=declared[c.name].declared_target if c.name in declared else None,
                checks=tuple(_line(line) for line in taken.checks if line.category == c.name),
            )
            for c in taken.measured.categories
        ),
    )


def _line(line: ScoreChecked) -> ScoreLine:
    return ScoreLine(
        id=line.check,
        title=line.title,
        source=line.source,
        verdict=line.verdict,
        points=line.points,
        of=0.0 if line.verdict == Result.NOT_APPLICABLE else line.weight,
        evidence=line.evidence,
        measurements=line.measurements,
    )


def score_words(found: ScoreClaim) -> str:
    """The score in one line."""
    claim = ""
    if found.claimed_before is not None:
        claim = f" (the plan's claim: {found.claimed_before} → {found.claimed_after})"
    before = f"measured {told(found.before.total)}/100" if found.before else "not measured"
    if found.after:
        return f"{before} before, {told(found.after.total)}/100 now{claim}"
    return f"{before} before the first change{claim}" if found.before else before + claim


def score_section(found: ScoreClaim) -> list[str]:
    """A section with every category and check; empty when nothing was measured."""
    newest = found.after or found.before
    return ["## Security score", "", *_body(found, newest)] if newest else []


def _body(found: ScoreClaim, newest: ScoreFigures) -> Iterator[str]:
    words = escape(score_words(found))
    yield f"{words[:1].upper()}{words[1:]}. Newest: {at_second(newest.at)}, "
    yield f"{escape(newest.moment)}, by {escape(newest.by)}. Not measured counts as nothing."
    if found.outdated:
        undone = escape(", ".join(found.outdated))
        yield f"Rolled back since, so that it may not hold any more: {undone}."
    yield ""
    earlier = {c.name: c.score for c in found.before.categories} if found.before else {}
    yield from table(
        ("Category", "Weight", "The plan claims", "Before", "Now"),
        (
            (
                escape(c.name),
                f"{c.weight:g}",
                f"{c.claimed_before} → {c.claimed_after}",
                _share(earlier.get(c.name)) if found.before else "not measured",
                _share(c.score) if found.after else "-",
            )
            for c in newest.categories
        ),
    )
    points = _points(found.before)
    for category in newest.categories:
        yield from table(
            (escape(category.name), "Asked for by", "Before", "Newest", "Evidence"),
            (
                (
                    escape(line.title),
                    escape(line.source),
                    points.get(line.id, "-"),
                    _of(line),
                    escape(line.evidence[:_EVIDENCE]),
                )
                for line in category.checks
            ),
        )


def _points(figures: ScoreFigures | None) -> dict[str, str]:
    return {line.id: _of(line) for c in figures.categories for line in c.checks} if figures else {}


def _of(line: ScoreLine) -> str:
    if line.verdict == Result.NOT_APPLICABLE:
        return "not applicable"
    words = " not measured" if line.verdict == Result.NOT_MEASURED else ""
    return f"{line.points:g}/{line.of:g}{words}"


def _share(score: float | None) -> str:
    return "not applicable" if score is None else told(score)
