from __future__ import annotations

import pytest

from runbook_app.adapters.plans import lint, read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.resources import shipped_plans
from tests.plans.conftest import HEAD, told
from tests.plans.conftest import ITEM as UNVERIFIED

ITEM = UNVERIFIED.replace(
    "      - confirm: Ready\n",
    "      - confirm: Ready\n    success: [{id: there, check: sample.look, with: {path: a.txt}}]\n",
)


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
    assert told_ == "24:9 the block's lines add up to 1h30m, not to 1h"


def test_a_block_may_pass_midnight(warnings):
    lines = ("23:30-0:30 UTC: One", "TOTAL: 1 hour")
    assert warnings(HEAD + ITEM + block(*lines)) == []


def test_a_block_that_reserves_more_than_its_lines_take_is_named(warnings):
    text = HEAD + ITEM + block("8:00-9:30 UTC: One", title="Block (8:00-11:00 UTC)")
    assert warnings(text) == [
        "20:12 the block reserves 3h, but its lines take 1h30m and end at 9:30 UTC"
    ]


def test_stated_totals_are_held_against_the_items(warnings):
    item = ITEM.replace("    title: One\n", "    title: One\n    estimate: 9h-13h\n")
    section = 'baseline:\n  - {id: b, title: B, lines: ["Revised estimate: 4-6 hours"]}\n'
    assert warnings(HEAD + item + section) == [
        "20:31 the items' own estimates add up to 9h-13h, not to 4h-6h"
    ]


def test_steps_are_held_against_their_item(warnings):
    item = ITEM.replace("    title: One\n", "    title: One\n    estimate: 2h-3h\n")
    assert warnings(HEAD + item + "        estimate: 55m\n") == [
        "9:15 the steps of 'one' add up to 55m; the item says 2h-3h"
    ]


@pytest.mark.parametrize(
    ("estimate", "block", "said"),
    [
        ("15m", "8:00-8:15 UTC: One", []),
        ("10m-20m", "8:00-8:15 UTC: One", []),
        ("10m", "8:00-8:15 UTC: One", ["18:19 the step says 10m, its block 15m"]),
        ("15m", "8:00-8:15 UTC: Other", ["19:16 no line of 'blocks' says this"]),
        ("15m", "In the morning", ["19:16 no line of 'blocks' says this"]),
    ],
)
def test_a_step_is_held_against_its_block(warnings, estimate, block, said):
    step = f'        estimate: {estimate}\n        block: "{block}"\n'
    listed = 'blocks: [{id: b, title: B, lines: ["8:00-8:15 UTC: One"]}]\n'
    assert warnings(HEAD + ITEM + step + listed) == said


def test_a_block_may_hold_several_steps(warnings):
    step = '        estimate: 5m\n        block: "8:00-8:15 UTC: One"\n'
    after = "      - {id: look, title: L, estimate: 10m, action: sample.look, with: {path: a}}\n"
    assert warnings(HEAD + ITEM + step + after) == []
    assert warnings(HEAD + ITEM + step + after.replace("10m", "20m")) == [
        "18:19 the step says 5m, its block 15m"
    ]


DECLARED = """\
window:
  budget: 4h
  declared: {start: 2025-10-24T08:00Z, target: 2025-10-24T10:00Z, deadline: 2025-10-24T11:00Z}
"""


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (("8:00-9:00", "9:00-10:00"), []),
        (("7:30-9:00", "9:00-10:00"), ["1 begins before the declared start, 2025-10-24 08:00 UTC"]),
        (
            ("8:00-9:30", "9:00-10:00"),
            ["2 begins before 9:30 UTC, when the one before it ends"],
        ),
        (
            ("8:00-9:30", "9:30-10:30"),
            ["2 ends after the declared target, 2025-10-24 10:00 UTC"],
        ),
        (
            ("8:00-10:30", "10:30-11:30"),
            [
                "1 ends after the declared target, 2025-10-24 10:00 UTC",
                "2 ends after the declared deadline, 2025-10-24 11:00 UTC",
            ],
        ),
        (
            ("9:00-9:30", "1:00-2:00"),
            [
                "2 ends after the declared deadline, 2025-10-24 11:00 UTC",
                "2 ends after the declared target, 2025-10-24 10:00 UTC",
            ],
        ),
    ],
)
def test_blocks_are_held_against_the_declared_window(warnings, hours, said):
    blocks = "".join(
        f'  - {{id: b{n}, title: "B ({span} UTC)"}}\n' for n, span in enumerate(hours, 1)
    )
    found = warnings(f"{HEAD}{ITEM}{DECLARED}blocks:\n{blocks}")
    assert [
        f"{int(line.split(':')[0]) - 21} {line.split(' the block ')[1]}" for line in found
    ] == said


def test_blocks_longer_than_the_window_are_named(warnings):
    blocks = (
        'blocks:\n  - {id: a, title: "8:00-10:00 UTC"}\n  - {id: b, title: "10:00-13:00 UTC"}\n'
    )
    window = "window: {budget: %s}\n"
    assert warnings(HEAD + ITEM + window % "5h" + blocks) == []
    assert warnings(HEAD + ITEM + window % "4h" + blocks) == [
        "21:20 with this block they take 5h; the window has 4h"
    ]


def test_items_and_rollbacks_longer_than_the_window_are_named(warnings):
    times = "    title: One\n    estimate: 1h-3h\n    rollback_budget: 3h\n"
    item = ITEM.replace("    title: One\n", times)
    assert warnings(HEAD + item + "window: {budget: 3h}\n") == []
    assert warnings(HEAD + item + "window: {budget: 2h}\n") == [
        "10:22 the rollback may take 3h; the window has 2h",
        "20:18 the items' own estimates add up to 1h-3h; the window has 2h",
    ]


def test_an_item_that_nothing_verifies_is_named(warnings):
    said = "6:5 nothing measures what item 'one' came to; give it 'success' checks"
    assert warnings(HEAD + UNVERIFIED) == [said]
    look = "      - {id: look, title: Look, action: sample.look, with: {path: a.txt}}\n"
    assert warnings(HEAD + UNVERIFIED + look) == []


def test_what_captures_do_not_restore_needs_steps_of_its_own(warnings):
    item = ITEM.replace("sample.write", "sample.migrate").replace("{path: a.txt}\n", "{}\n")
    (told_,) = warnings(HEAD + item)
    assert told_.startswith("16:17 a rollback of captures does not restore the rows of a table;")
    back = "rollback: [{action: sample.write, with: {path: a.txt}}]"
    assert warnings(HEAD + item.replace("rollback: captures", back)) == []


COMMAND = """\
      - id: own
        title: Own
        shell: touch a
        check: test -f a
"""


def own(text: str) -> str:
    head = HEAD.replace("compose.yml}", "compose.yml, database: {service: db}}")
    return head + ITEM.replace("rollback: captures", "rollback: BACK") + text


@pytest.mark.parametrize("more", ["capture: [a]", "rollback: rm a"])
def test_a_command_that_nothing_takes_back_is_named(warnings, more):
    text = own(COMMAND).replace("BACK", "captures")
    (told_,) = warnings(text)
    assert told_ == (
        "20:16 nothing takes back what this changes; give the step a 'rollback', or name under"
        " 'capture' what it changes"
    )
    assert warnings(f"{text}        {more}\n") == []
    back = "[{action: sample.write, with: {path: a.txt}}]"
    assert warnings(own(COMMAND).replace("BACK", back)) == []
    assert warnings(text.replace("check: test -f a", "changes: nothing")) == []


def test_statements_that_nothing_takes_back_are_named(warnings):
    text = own(COMMAND).replace("BACK", "captures")
    text = text.replace("shell: touch a", "sql: DELETE FROM a").replace("test -f a", "SELECT true")
    (told_,) = warnings(text)
    assert told_ == (
        "20:14 nothing takes back what this changes; give the step a 'rollback': schema and rows"
        " are not captured"
    )
    assert warnings(f"{text}        rollback: SELECT 1\n") == []


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
    item = ITEM.replace("path: a.txt}}]", "path: 'http://x/api/v1/health'}}]")
    (told_,) = warnings(text + item)
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
        "the block ends after the declared target, 2025-10-24 18:00 UTC",
        "the step says 10m, its block 15m",
        "add up to 11h-15h; the window has 12h",
        "add up to 11h-15h, not to 4h-6h",
        "'alembic downgrade base'",
        "falling back to defaults contradicts",
        "health is asked at /api/v1/health here, and at /health",
    ):
        assert expected in messages
    for unexpected in ("not used", "nothing measures", "does not restore", "no line of 'blocks'"):
        assert unexpected not in messages


def test_a_condition_that_is_always_the_same_is_named(warnings):
    head = HEAD + "variables: {on: true, off: false}\n"
    item = ITEM.replace("title: Write\n", "title: Write\n        when: {when}\n")
    constant = item.replace("{when}", "not (1 > 2)").replace("a.txt", "'${on}${off}'")
    assert warnings(head + constant) == [
        "17:15 'when' is always the same; name a variable or a step, or take it out"
    ]
    for used in ("${on} and not ${off}", "{on: true, off: false}"):
        quoted = used if used.startswith("{") else f'"{used}"'
        assert warnings(head + item.replace("{when}", quoted)) == []


def test_an_each_without_entries_is_named(warnings):
    step = "      - {id: x, title: X, action: sample.look, each: [], with: {path: a}}\n"
    assert warnings(HEAD + ITEM + step) == ["18:54 'each' is empty: this makes no step"]
    assert warnings(HEAD + ITEM + step.replace("[]", "[a]")) == []
