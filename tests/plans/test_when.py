"""Conditions over variables: decided when the plan loads, strictly, and bounded."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest

from tests.plans.conftest import HEAD, ITEM

VARIABLES = "variables: {mode: prod, count: 3, share: 0.5, secure: true}\n"


def text_of(when: str) -> str:
    quoted = when if when.startswith("{") else "'" + when.replace("'", "''") + "'"
    return f"{HEAD}{VARIABLES}{ITEM}        when: {quoted}\n"


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ("${mode} == 'prod'", ""),
        ("${mode} == 'test'", "${mode} == 'test' is false (mode is prod)"),
        ("${count} > 2 and (${share} < 1 or ${secure})", ""),
        ("${count} == 3.0", ""),
        ("not ${secure}", "not ${secure} is false (secure is true)"),
        ("${mode} in ['test', 'prod']", ""),
        ("'ro' in ${mode} and 'x' not in ${mode}", ""),
        ("${mode} | upper == 'PROD' and ${mode} | length == 4", ""),
        ("-${count} < 0", ""),
        ("1 < ${count} < 3", "1 < ${count} < 3 is false (count is 3)"),
        ("'4' | int > ${count}", ""),
        ("{mode: prod, count: 3}", ""),
        ("{mode: test, secure: false}", "mode is prod, not test; secure is true, not false"),
    ],
)
def test_a_condition_over_variables_is_decided_at_once(load, when, reason):
    found = load(text_of(when)).items[0].steps[0].when
    assert found is not None
    assert (found.reason, found.references) == (reason, ())


def test_of_equal_places_the_names_do_not_meet(load):
    """The plain names that Jinja sees are none that a text may have."""
    found = load(text_of("'v0 vv1' == 'v0 vv1' and ${mode} != 'v0'")).items[0].steps[0].when
    assert found is not None
    assert found.reason == ""


@pytest.mark.parametrize(
    "when",
    [
        "(" * 490 + "${secure}" + ")" * 490,
        "not " * 200 + "${secure}",
        "[" * 400 + "]" * 400,
        "${count} ** 99999999 > 1",
        "'a' * 999999999 == 'b'",
        "${mode}|upper" + "|upper" * 100 + " == 'X'",
    ],
)
def test_what_is_deep_or_grows_is_refused_unread(mistakes, when):
    (told,) = mistakes(text_of(when))
    assert "nested deeper" in told or "not allowed" in told


@pytest.mark.parametrize(
    "when",
    [
        "${mode}.__class__",
        "${mode}['__class__']",
        "${mode}.upper()",
        "().__class__.__mro__",
        "cycler.__init__",
        "self",
        "${mode} | attr('__class__')",
        "{{ 1 }}",
        "x if ${secure} else y",
        "${mode} is string",
        "${mode} ~ 'x'",
        "{'a': 1}",
        "true }}{% for x in [1] %}{{ x }}{% endfor %}{{ true",
    ],
)
def test_python_and_templates_are_out_of_reach(mistakes, when):
    text = f'{HEAD}{VARIABLES}{ITEM}        when: "{when}"\n'
    assert len(mistakes(text)) == 1


def test_a_plan_with_a_condition_can_be_pickled(load):
    plan = load(
        text_of("${steps.one.write.outputs.x} == 1")
        .replace("id: write", "id: other", 1)
        .replace(
            "    steps:\n",
            "    steps:\n      - {id: write, title: W, action: sample.look, with: {path: a}}\n",
        )
    )
    when = pickle.loads(pickle.dumps(plan)).items[0].steps[1].when
    assert (when.judge([1]), when.judge([2])) == (True, False)


@pytest.mark.parametrize(("when", "imported"), [("{mode: prod}", False), ("${secure}", True)])
def test_only_an_expression_imports_jinja(tmp_path, when, imported):
    (tmp_path / "plan.yaml").write_text(text_of(when))
    code = (
        "import sys; from pathlib import Path; from runbook_app.adapters.plans import read_plan\n"
        "from runbook_app.adapters.registry import InstalledActions\n"
        f"read_plan(Path({str(tmp_path / 'plan.yaml')!r}),"
        " InstalledActions('tests.plans.sample_actions'), {}, None)\n"
        "print('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(imported)
