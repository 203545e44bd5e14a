"""The score's keys."""

from __future__ import annotations

from runbook_app.adapters.plans import lint
from tests.plans.conftest import HEAD, ITEM

SCORE = """\
variables: {backend: environment}
score:
  declared: {current: 70, target: 95}
  categories:
    - name: A
      weight: 2
      declared: {current: 70, target: 95}
      checks:
        - {id: one, title: One, source: CIS 4.3, weight: 3, check: sample.look, with: {path: a}}
        - {id: two, title: Two, source: CIS 4.4, check: sample.poke}
        - {id: three, title: Three, source: S, when: {backend: vault}, check: sample.poke}
        - {id: four, title: Four, source: S, planned: true, check: sample.to_come}
"""


def test_a_score_is_read_with_its_checks(load) -> None:
    category = load(HEAD + SCORE + ITEM).score.categories[0]
    one, two, three, four = category.checks
    assert (category.weight, one.id, one.title, one.source, one.weight) == (
        2,
        "one",
        "One",
        "CIS 4.3",
        3,
    )
    assert one.call.parameters == {"path": "a"}
    assert (one.position.line, two.weight) == (13, 1)
    assert [c.probe for c in category.checks] == [False, True, True, False]
    assert [c.available for c in category.checks] == [True, True, True, False]
    assert (two.excluded, three.excluded) == ("", "backend is environment, not vault")
    assert four.call.action == "sample.to_come"


def test_when_is_decided_by_the_variables_of_the_session(load) -> None:
    assert load(HEAD + SCORE + ITEM, backend="vault").score.categories[0].checks[2].excluded == ""


def test_a_variable_that_only_a_when_asks_for_is_used(load, tmp_path) -> None:
    plan = load(HEAD + SCORE + ITEM)
    warnings = [m.message for m in lint(tmp_path / "plan.yaml", plan)]
    assert not [text for text in warnings if "not used" in text]


def test_a_step_knows_whether_it_changes_the_target(load) -> None:
    look = ITEM.replace("sample.write", "sample.look")
    assert load(HEAD + ITEM).items[0].steps[0].effect
    assert not load(HEAD + look).items[0].steps[0].effect
