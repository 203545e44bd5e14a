from __future__ import annotations

import pytest

from runbook_app.adapters.plans import lint, read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.resources import shipped_plans
from tests.plans.conftest import HEAD, ITEM, told


@pytest.fixture
def warnings(load, tmp_path):
    def read(text: str, **given) -> list[str]:
        plan = load(text, **given)
        return [told(m) for m in lint(tmp_path / "plan.yaml", plan, tmp_path / "target")]

    return read


def block(*lines: str, title: str = "Block 1") -> str:
    listed = "".join(f'      - "{line}"\n' for line in lines)
    return f'blocks:\n  - id: b\n    title: "{title}"\n    lines:\n{listed}'


def test_a_plan_without_contradictions_gives_none(warnings):
    assert warnings(HEAD + ITEM) == []


def test_a_blocks_total_is_held_against_its_clock_times(warnings):
    lines = ("8:00-8:40 UTC: One", "8:40-9:30 UTC: Two")
    assert warnings(HEAD + ITEM + block(*lines, "BLOCK 1 TOTAL: 1.5 hours")) == []
    (told_,) = warnings(HEAD + ITEM + block(*lines, "BLOCK 1 TOTAL: 1 hour"))
    assert told_ == "23:9 the block's lines add up to 1h30m, not to 1h"


def test_a_block_may_pass_midnight(warnings):
    lines = ("23:30-0:30 UTC: One", "TOTAL: 1 hour")
    assert warnings(HEAD + ITEM + block(*lines)) == []


def test_a_block_that_reserves_more_than_its_lines_take_is_named(warnings):
    text = HEAD + ITEM + block("8:00-9:30 UTC: One", title="Block (8:00-11:00 UTC)")
    assert warnings(text) == [
        "19:12 the block reserves 3h, but its lines take 1h30m and end at 9:30 UTC"
    ]


def test_stated_totals_are_held_against_the_items(warnings):
    item = ITEM.replace("    title: One\n", "    title: One\n    estimate: 9h-13h\n")
    section = 'baseline:\n  - {id: b, title: B, lines: ["Revised estimate: 4-6 hours"]}\n'
    assert warnings(HEAD + item + section) == [
        "19:31 the items' own estimates add up to 9h-13h, not to 4h-6h"
    ]


def test_steps_are_held_against_their_item(warnings):
    item = ITEM.replace("    title: One\n", "    title: One\n    estimate: 2h-3h\n")
    assert warnings(HEAD + item + "        estimate: 55m\n") == [
        "9:15 the steps of 'one' add up to 55m; the item says 2h-3h"
    ]


def test_the_score_is_held_against_its_categories(warnings):
    score = """\
score:
  declared: {current: 70, target: 95}
  categories:
    - {name: A, declared: {current: 60, target: 95}}
    - {name: B, weight: 3, declared: {current: 60, target: 95}}
"""
    assert warnings(HEAD + score + ITEM) == [
        "6:23 the declared current score is 70, but its categories come to 60"
    ]


def test_a_downgrade_to_base_is_named(warnings):
    risk = "risks:\n  - {id: r, title: R, rollback: alembic downgrade base}\n"
    (told_,) = warnings(HEAD + risk + ITEM)
    assert told_.startswith("6:33 'alembic downgrade base' would take the whole schema away")


def test_failing_and_falling_back_contradict_each_other(warnings):
    fails, falls = "Fail if required secrets missing", "Fallback to defaults in config"
    assert warnings(f"{HEAD}principles: [{falls}]\n{ITEM}") == []
    (told_,) = warnings(f"{HEAD}principles: [{fails}, {falls}]\n{ITEM}")
    assert told_.startswith("5:48 falling back to defaults contradicts failing")


def test_two_health_addresses_are_named(warnings):
    text = HEAD.replace("compose.yml}", "compose.yml, api: {health: /health}}")
    line = "      - {id: h, check: sample.look, with: {path: 'http://x/api/v1/health'}}\n"
    (told_,) = warnings(f"{text}{ITEM}    success:\n{line}")
    assert told_.endswith("health is asked at /api/v1/health here, and at /health on line 4")


def test_an_unused_variable_is_named(warnings):
    assert warnings(f"{HEAD}variables: {{port: 1}}\n{ITEM}") == [
        "5:19 the variable 'port' is not used"
    ]


def test_a_mark_that_is_no_longer_needed_is_named(warnings):
    text = ITEM.replace("    title: One\n", "    title: One\n    planned: true\n")
    assert warnings(HEAD + text) == [
        "9:14 item 'one' is marked as planned, but all its actions are installed"
    ]


def test_a_name_in_the_targets_file_that_is_nearly_a_variable_is_named(warnings):
    text = f"{HEAD}variables: {{port: 1}}\n{ITEM.replace('a.txt', chr(34) + '${port}' + chr(34))}"
    assert warnings(text, beside="prot: 2\nproject: x\n") == ["1:1 the plan has no variable 'prot'"]


def test_the_shipped_plans_contradictions_are_those_of_its_source():
    path = shipped_plans() / "phase1_security_hardening.yaml"
    plan = read_plan(path, InstalledActions(), {}, None)
    found = lint(path, plan)
    assert all(warning.warning for warning in found)
    messages = "\n".join(warning.message for warning in found)
    for expected in (
        "the declared current score is 70, but its categories come to 60",
        "the declared target score is 95, but its categories come to 100",
        "the block's lines add up to 3h30m, not to 3h",
        "add up to 11h-15h, not to 4h-6h",
        "'alembic downgrade base'",
        "falling back to defaults contradicts",
        "health is asked at /api/v1/health here, and at /health",
    ):
        assert expected in messages
    assert "not used" not in messages
