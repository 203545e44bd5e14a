from __future__ import annotations

import pytest

from tests.plans.conftest import HEAD, ITEM

VARIABLES = """\
variables:
  port: 8001
  share: 0.5
  name: staging
  strict: true
  url: "http://localhost:${port}"
"""


def step(load, text: str, **given) -> object:
    plan = load(HEAD + VARIABLES + ITEM.replace("{path: a.txt}", text), **given)
    return plan.items[0].steps[0].call.parameters


def test_a_whole_reference_keeps_the_type(load):
    assert step(load, '{path: a, count: "${port}", force: "${strict}"}') == {
        "path": "a",
        "count": 8001,
        "force": True,
    }


def test_a_reference_inside_text_becomes_text(load):
    assert step(load, '{path: "${name}/${port}/${strict}/${share}"}') == {
        "path": "staging/8001/true/0.5"
    }


def test_a_whole_reference_in_a_text_position_is_text(load):
    assert step(load, '{path: "${port}"}') == {"path": "8001"}
    assert load(HEAD.replace("title: T", 'title: "${port}"') + VARIABLES + ITEM).title == "8001"


def test_a_doubled_dollar_writes_the_reference_itself(load):
    assert step(load, '{path: "$${port} $$ $x ${port}$"}') == {"path": "${port} $$ $x 8001$"}


def test_a_variable_may_refer_to_others(load):
    assert step(load, '{path: "${url}/x"}', port="9") == {"path": "http://localhost:9/x"}


def test_options_win_over_the_targets_file_and_that_over_the_plan(load):
    text = '{path: "${port} ${name}"}'
    assert step(load, text) == {"path": "8001 staging"}
    beside = "port: 9001\nname: other\n"
    assert step(load, text, beside=beside) == {"path": "9001 other"}
    assert step(load, text, beside=beside, port="7001") == {"path": "7001 other"}


def test_resolved_values_are_in_the_plan(load):
    plan = load(HEAD + VARIABLES + ITEM, beside="port: 9\n", strict="false")
    assert plan.variables == {
        "port": 9,
        "share": 0.5,
        "name": "staging",
        "strict": False,
        "url": "http://localhost:9",
    }


def test_given_values_are_taken_literally(load):
    assert step(load, '{path: "${name}"}', name="${port}") == {"path": "${port}"}


def test_options_take_the_type_of_the_default(load):
    assert step(load, '{path: "${name}"}', name="010") == {"path": "010"}
    plan = load(HEAD + VARIABLES + ITEM, share="2", port="0x10")
    assert (plan.variables["share"], plan.variables["port"]) == (2.0, 16)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"port": "many"}, "1:1 --set port: expected a whole number, got 'many'"),
        ({"port": "1.5"}, "1:1 --set port: expected a whole number, got '1.5'"),
        ({"strict": "yes"}, "1:1 --set strict: expected true or false, got 'yes'"),
        ({"share": "x"}, "1:1 --set share: expected a number, got 'x'"),
        ({"prot": "1"}, "1:1 --set prot: the plan has no variable of that name"),
    ],
)
def test_an_option_that_does_not_fit_is_an_error(mistakes, given, message):
    assert mistakes(HEAD + VARIABLES + ITEM, **given) == [message]


@pytest.mark.parametrize(
    ("beside", "message"),
    [
        ("port: many\n", "1:7 'port': expected a whole number, got the text 'many'"),
        ("port: '9'\n", "1:7 'port': expected a whole number, got the text '9'"),
        ("port: 1_000\n", "1:7 'port' is 1_000, which YAML readers take differently;"),
        ("port: [1]\n", "1:7 the variable 'port' has to be text, a number, true or false"),
        ("name: 12\n", "1:7 'name': expected text, got the number 12"),
        ("- port\n", "1:1 the file has to be a mapping of names to values"),
        ("port: 1\nport: 2\n", "2:1 duplicate key 'port', first on line 1"),
        ("port: [\n", "2:1 YAML: did not find expected node content"),
    ],
)
def test_a_mistake_in_the_targets_file_has_its_place(mistakes, beside, message):
    assert mistakes(HEAD + VARIABLES + ITEM, beside=beside)[0].startswith(message)


def test_other_plans_variables_in_the_targets_file_are_left_alone(load):
    plan = load(HEAD + VARIABLES + ITEM, beside="subnet: 10.0.0.0/24\nname: no\n")
    assert plan.variables["name"] == "no"
    assert "subnet" not in plan.variables


def test_an_empty_targets_file_changes_nothing(load):
    for beside in ("", "# nothing\n", "---\n"):
        assert load(HEAD + VARIABLES + ITEM, beside=beside).variables["port"] == 8001


def test_a_wrong_reference_is_shown_where_it_stands(mistakes):
    text = HEAD + VARIABLES + ITEM.replace("{path: a.txt}", '{path: "abc/${prot}"}')
    (mistake,) = mistakes(text)
    assert mistake.startswith("22:27 unknown variable 'prot'")
