"""What a plan asks the operator for: typed, checked where it stands, and pinned with the plan."""

from __future__ import annotations

import pytest

from runbook_app.adapters.plan_pin import pin, pinned_plan
from runbook_app.adapters.plans import open_questions, read_plan
from runbook_app.domain.errors import Unanswered
from runbook_app.domain.procedure import procedure
from runbook_app.domain.variables import Question, answered, expected, unfit
from tests.plans.conftest import HEAD, ITEM

VARIABLES = """\
variables:
  region: {prompt: Which region?, choices: [eu, us]}
  count: {prompt: How many?, type: integer}
  share: {prompt: Which share?, default: 0.5}
  strict: {prompt: "Refuse, or warn?", type: boolean, default: true}
  name: {prompt: Whose?, env: RUNBOOK_TEST_NAME}
"""
TEXT = (
    HEAD + VARIABLES + ITEM.replace("path: a.txt", 'path: "${name}/${region}", count: "${count}"')
)
ANSWERS = {"region": "us", "count": "7", "share": "2", "strict": "false", "name": "one"}


def test_an_answer_has_the_type_of_its_question(load):
    assert load(TEXT, **ANSWERS).variables == {
        "region": "us",
        "count": 7,
        "share": 2.0,
        "strict": False,
        "name": "one",
    }


def test_a_plan_without_answers_names_each_question_and_how_to_answer(load):
    with pytest.raises(Unanswered) as caught:
        load(TEXT, region="eu")
    assert caught.value.exit_code == 3
    assert caught.value.message.splitlines()[1:] == [
        "  count: How many? (a whole number)",
        "  share: Which share? (a number, 0.5 by default, which --yes takes)",
        "  strict: Refuse, or warn? (true or false, true by default, which --yes takes)",
        "  name: Whose? (text)",
    ]
    assert "--set count=VALUE --set share=VALUE" in caught.value.hint


def test_the_targets_file_and_the_environment_answer_too(load, monkeypatch, tmp_path):
    monkeypatch.setenv("RUNBOOK_TEST_NAME", "two")
    plan = load(TEXT, beside="region: us\nshare: 1\n", count="1", strict="true")
    assert (plan.variables["name"], plan.variables["region"]) == ("two", "us")
    assert plan.variables["env.RUNBOOK_TEST_NAME"] == "two"
    left = open_questions(tmp_path / "plan.yaml", {"count": "1"}, tmp_path / "target")
    assert [question.name for question in left] == ["strict"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"region": "asia"}, "1:1 --set region: expected one of eu, us, got 'asia'"),
        ({"count": "many"}, "1:1 --set count: expected a whole number, got 'many'"),
        ({"strict": "yes"}, "1:1 --set strict: expected true or false, got 'yes'"),
        ({"beside": "region: asia\n"}, "1:9 'region': expected one of eu, us, got asia"),
    ],
)
def test_a_given_answer_that_does_not_fit_is_an_error(mistakes, given, message):
    assert message in mistakes(TEXT, **{**ANSWERS, **given} if "beside" not in given else given)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("{prompt: A?, type: text, default: 1}", "6:40 'x': expected text, got the number 1"),
        ("{prompt: A?, type: integer, default: a}", "6:43 'x': expected a whole number, got"),
        ("{prompt: A?, type: boolean, default: on}", "6:43 'x' is on, which YAML readers take"),
        (
            "{prompt: A?, choices: [a, b], default: c}",
            "6:45 the variable 'x': expected one of a, b",
        ),
        ("{prompt: A?, choices: [a, 1]}", "6:32 the variable 'x': text is the first of its"),
        ("{prompt: A?, choices: [a]}", "6:28 the variable 'x': 'choices' is a list of two"),
        ("{prompt: A?, choices: [a, a]}", "6:28 the variable 'x': 'choices' is a list of two"),
        ("{prompt: A?, choices: [1, 2], type: integer}", "6:42 the variable 'x': it has 'choices'"),
        ("{prompt: A?, type: string}", "6:25 the variable 'x': 'type' is one of text, integer"),
        ("{prompt: ''}", "6:15 the variable 'x': 'prompt' is the text of a question"),
        ("{prompt: A?, default: '${y}'}", "6:28 the variable 'x': the default of a question is"),
        ("{type: integer}", "6:13 the variable 'x': 'type' says what a question takes"),
        (
            "{default: 1}",
            "6:6 the variable 'x' needs 'env', a name of the environment, or 'prompt'",
        ),
        ("{prompt: A?, secret: true}", "6:19 unknown key 'secret' in the variable 'x'; it has"),
    ],
)
def test_a_mistake_in_a_question_has_its_place(mistakes, written, message):
    found = mistakes(f"{HEAD}variables:\n  x: {written}\n{ITEM}")
    assert any(told.startswith(message) for told in found), found


def test_a_plan_that_is_only_read_has_defaults_and_says_what_is_not_answered(
    load, registry, tmp_path
):
    with pytest.raises(Unanswered):
        load(TEXT)
    plan = read_plan(tmp_path / "plan.yaml", registry, {"count": "3"}, None, stand_in=True)
    assert [question.name for question in plan.unanswered] == ["region", "share", "strict", "name"]
    assert plan.variables["share"] == 0.5
    assert plan.items[0].steps[0].call.parameters == {"path": "<name>/eu", "count": 3}
    page = procedure(plan)
    assert "| region | Which region? | one of eu, us |" in page
    assert "| region | not answered yet |" in page
    assert "| count | 3 |" in page


def test_the_pinned_plan_has_the_answers_and_asks_no_more(load, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    plan = load(TEXT, **ANSWERS)
    (tmp_path / "session").mkdir()
    pin(tmp_path / "session", plan)
    created = "2026-01-01T00:00:00Z"
    kept = pinned_plan(tmp_path / "session", plan.path, plan.variables, created=created)
    assert (kept.variables, kept.unanswered) == (plan.variables, ())


@pytest.mark.parametrize(
    ("question", "answer", "words", "taken"),
    [
        ({"takes": "integer"}, " 007 ", "", "7"),
        ({"takes": "integer"}, "1.5", "'1.5' is not a whole number.", ""),
        ({"takes": "number"}, "1e17", "", "1.0e+17"),
        ({"takes": "number"}, "much", "'much' is not a number.", ""),
        ({"takes": "boolean"}, "True", "", "true"),
        ({"takes": "boolean"}, "yes", "'yes' is not true or false.", ""),
        ({"choices": ("a", "b")}, "b ", "", "b"),
        ({"choices": ("a", "b")}, "c", "'c' is not one of a, b.", ""),
        ({}, " ", "It takes text, and nothing was answered.", ""),
        ({"default": ""}, "", "", ""),
    ],
)
def test_an_answer_is_judged_as_the_plan_would_read_it(question, answer, words, taken):
    asked = Question(name="x", text="X?", **question)
    assert unfit(asked, answer) == words
    if not words:
        assert answered(asked, answer) == taken
    assert expected(asked)
