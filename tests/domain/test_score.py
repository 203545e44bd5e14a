"""The arithmetic of the score."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.plan import Call, Score, ScoreCategory, ScoreCheck
from runbook_app.domain.score import (
    Result,
    category_scores,
    checked,
    evidence_of,
    not_to_measure,
    told,
    total,
)


def check(name: str, weight: float = 1.0, **fields: object) -> ScoreCheck:
    return ScoreCheck(
        id=name, title=name, call=Call(action="a.b"), weight=weight, source="a book", **fields
    )


def category(name: str, *checks: ScoreCheck, weight: float = 1.0) -> ScoreCategory:
    return ScoreCategory(
        name=name, declared_current=0, declared_target=0, weight=weight, checks=checks
    )


def scored(results: dict[str, list[tuple[float, Result]]], weights: dict[str, float]):
    categories = [
        category(
            name,
            *(check(f"{name}{n}", weight) for n, (weight, _) in enumerate(lines)),
            weight=weights[name],
        )
        for name, lines in results.items()
    ]
    lines = [
        checked("m", found, line, result, "seen")
        for found in categories
        for line, (_, result) in zip(found.checks, results[found.name], strict=True)
    ]
    return category_scores(Score(categories=tuple(categories)), lines)


WEIGHTS = st.floats(min_value=0.1, max_value=10)
LINES = st.lists(st.tuples(WEIGHTS, st.sampled_from(Result)), min_size=1, max_size=6)
RESULTS = st.dictionaries(st.sampled_from("ABC"), LINES, min_size=1)


@given(RESULTS, st.fixed_dictionaries(dict.fromkeys("ABC", WEIGHTS)))
def test_a_score_is_between_0_and_100_and_within_its_categories(results, weights) -> None:
    scores = scored(results, weights)
    known = [s.score for s in scores if s.score is not None]
    assert all(0 <= score <= 100 for score in known)
    if known:
        assert min(known) - 0.02 <= total(scores) <= max(known) + 0.02
    else:
        assert total(scores) == 0


@given(RESULTS)
def test_all_passed_is_100_and_nothing_else_is(results) -> None:
    scores = scored(results, dict.fromkeys("ABC", 1.0))
    counted = {r for lines in results.values() for _, r in lines} - {Result.NOT_APPLICABLE}
    assert (total(scores) == 100) == (counted == {Result.PASSED})


@given(LINES, st.data())
def test_a_check_that_comes_to_pass_never_lowers_the_score(lines, data) -> None:
    place = data.draw(st.integers(0, len(lines) - 1))
    weight, before = lines[place]
    better = [*lines[:place], (weight, Result.PASSED), *lines[place + 1 :]]
    if before is Result.NOT_APPLICABLE:
        return
    now, then = (scored({"A": found}, {"A": 1.0})[0].score for found in (better, lines))
    assert now >= then


@given(LINES, WEIGHTS)
def test_what_is_not_applicable_changes_nothing(lines, weight) -> None:
    more = [*lines, (weight, Result.NOT_APPLICABLE)]
    plain, padded = (scored({"A": found}, {"A": 1.0})[0].score for found in (lines, more))
    assert plain == padded


def test_a_check_that_could_not_be_measured_has_no_points_and_counts() -> None:
    lines = [(1.0, Result.PASSED), (3.0, Result.NOT_MEASURED)]
    assert scored({"A": lines}, {"A": 1.0})[0].score == 25


def test_a_minimum_is_not_reached_by_rounding() -> None:
    lines = [(949_999.0, Result.PASSED), (50_001.0, Result.FAILED)]
    assert total(scored({"A": lines}, {"A": 1.0})) == 94.99
    assert told(94.99) == "94"


def test_what_is_not_measured_at_all_says_why() -> None:
    assert not_to_measure(check("a", excluded="b is c, not d"), probes=True) == (
        Result.NOT_APPLICABLE,
        "b is c, not d",
    )
    reason = not_to_measure(check("a", probe=True), probes=False)
    assert reason is not None
    assert reason[0] is Result.NOT_MEASURED
    assert "--probe" in reason[1]
    assert not_to_measure(check("a", probe=True), probes=True) is None
    missing = not_to_measure(check("a", available=False), probes=True)
    assert missing == (Result.NOT_MEASURED, "the action a.b is not installed")


def test_the_evidence_begins_with_what_is_not_met() -> None:
    good = Measurement(name="good", value=1)
    bad = Measurement(name="bad", value=2, limit="= 1", ok=False)
    assert evidence_of(Verdict.FAILED, "", [good, bad]) == "bad: 2 (limit = 1) - NOT MET"
    assert evidence_of(Verdict.PASSED, "", [good]) == "good: 1"
    assert evidence_of(Verdict.NOT_MEASURED, "why", [good]) == "not measured: why"
