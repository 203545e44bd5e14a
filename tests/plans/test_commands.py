"""Steps that give a command in place of an action are read as calls, their texts as they stand."""

from __future__ import annotations

import pytest

from runbook_app.adapters.plan_import.importing import import_plan
from runbook_app.domain.plan import Plan, Step
from runbook_app.domain.procedure import procedure
from tests.plans.conftest import HEAD
from tests.plans.test_render import Page

BEGIN = f"""\
{HEAD.replace("compose.yml}", "compose.yml, database: {service: db}}")}\
variables: {{port: 8443, ratio: 0.5, on: true, name: "a; b"}}
items:
  - id: one
    number: 1
    title: One
    checkpoint: [{{confirm: Ready}}]
    rollback: captures
    steps:
      - id: own
        title: Own
"""


@pytest.fixture
def step(load):
    def read(text: str) -> Step:
        indented = "".join(f"        {line}\n" for line in text.splitlines())
        plan: Plan = load(BEGIN + indented)
        return plan.items[0].steps[0]

    return read


def test_a_shell_command_is_a_call_whose_text_stands_as_it_is(step):
    found = step(
        """\
shell: |
  set -x
  curl "http://${HOST:-localhost}:$PORT/${1:-}" > "${HOME}/answer"
env: {PORT: "${port}", ON: "${on}", TEXT: "is ${name}"}
check: test -f "${HOME}/answer"
capture: [a, "${name}"]
rollback: rm -f "${HOME}/answer"
timeout: 2m"""
    )
    assert found.call.action == "command.shell"
    assert found.call.parameters == {
        "command": ('set -x\ncurl "http://${HOST:-localhost}:$PORT/${1:-}" > "${HOME}/answer"\n'),
        "env": {"PORT": "8443", "ON": "true", "TEXT": "is a; b"},
        "check": 'test -f "${HOME}/answer"',
        "capture": {"files": ["a", "a; b"]},
        "rollback": 'rm -f "${HOME}/answer"',
    }
    assert (found.effect, found.available, found.undoes, found.not_restored) == (
        *(True, True, True),
        "",
    )
    assert found.timeout.total_seconds() == 120


def test_a_name_that_the_environment_hands_over_is_the_shells_own(step):
    text = 'test "${port}"'
    found = step(f'shell: {text}\nenv: {{port: "${{port}}"}}\ncheck: {text}\nrollback: {text}')
    assert {found.call.parameters[key] for key in ("command", "check", "rollback")} == {text}


def test_neither_an_earlier_steps_value_nor_an_entry_gets_into_a_text(mistakes):
    text = """\
        each: {one: {path: a}}
        shell: rm ${each.path} ${steps.own.outputs.path}
        changes: nothing
"""
    said = "a value is never put into a command's text; hand path over by its environment: env:"
    assert mistakes(BEGIN + text) == [
        f"16:19 '${{each.path}}': {said} {{path: \"${{each.path}}\"}}",
        f"16:32 '${{steps.own.outputs.path}}': {said} {{path: \"${{steps.own.outputs.path}}\"}}",
    ]


def test_python_takes_a_mapping_of_what_is_captured(step):
    found = step("python: pass\ncheck: 'assert True'\ncapture: {files: [a], project: true}")
    assert found.call.action == "command.python"
    assert found.call.parameters["capture"] == {"files": ["a"], "project": True}
    assert (found.effect, found.undoes, found.not_restored) == (True, False, "")


def test_bound_values_keep_their_types(step):
    found = step(
        """\
sql: UPDATE a SET b = %(port)s, c = %(ratio)s, d = %(on)s, e = %(name)s, f = %(text)s, g = '%%'
with: {port: "${port}", ratio: "${ratio}", on: "${on}", name: "${name}", text: "no"}
check: SELECT true
rollback: UPDATE a SET b = %(port)s"""
    )
    assert found.call.action == "command.sql"
    assert found.call.parameters["values"] == {
        "port": 8443,
        "ratio": 0.5,
        "on": True,
        "name": "a; b",
        "text": "no",
    }
    assert found.undoes


def test_without_values_a_percent_sign_and_a_dollar_quote_are_the_querys_own(step):
    text = "SELECT a LIKE '%x' AND $${\"a\": 1}$$::jsonb @> b FROM c"
    found = step(f"sql: |\n  {text}\nchanges: nothing")
    assert found.call.parameters == {"command": f"{text}\n"}


@pytest.mark.parametrize("language", ["shell", "python", "sql"])
def test_what_changes_nothing_is_a_check(step, language):
    found = step(f"{language}: pass\nchanges: nothing")
    assert found.call.action == f"command.{language}_holds"
    assert (found.effect, found.undoes, found.available) == (False, False, True)


def test_a_command_without_capture_and_rollback_leaves_something_changed(step):
    found = step("shell: touch a\ncheck: test -f a")
    assert "what it changes" in found.not_restored


def test_a_text_that_no_argument_holds_is_refused_with_its_place(mistakes):
    text = "x" * 100_001
    assert mistakes(f"{BEGIN}        shell: {text}\n        changes: nothing\n") == [
        "15:16 'shell' has 100001 bytes, at most 100000 fit; put them into a file of the target"
    ]


def test_a_procedure_shows_a_command_as_it_is_typed(load):
    text = """\
        shell: |
          echo "a" > b
            indented
          ```
        check: test "$(cat b)" = 'a'
        env: {A: "b\\nc"}
        capture: [b]
        rollback: rm b
      - {id: two, title: Two, shell: "true", changes: nothing}
      - {id: three, title: Three, shell: touch c, check: test -f c, rollback: rm c}
"""
    plan = load(BEGIN + text)
    page = procedure(plan)
    call, *_ = Page(page).calls
    assert "Run the rollback of steps 1.3, 1.1 that were begun." in Page(page).texts
    assert call == {"action": "command.shell", **plan.items[0].steps[0].call.parameters}
    assert '    echo "a" > b\n      indented\n    ```\nenv: ' in page
    assert "check: |-\n    test \"$(cat b)\" = 'a'\n" in page


DOCUMENT = """\
# Plan

## Item 1: Proxy

1. Reload the proxy

   ```sh
   nginx -s reload
   ```

2. `rm -rf build`
"""


def test_nothing_of_an_imported_document_becomes_a_command(tmp_path):
    path = tmp_path / "PLAN.md"
    path.write_text(DOCUMENT, encoding="utf-8")
    written = import_plan(path).text
    assert "nginx -s reload" in written
    assert "action: manual.instruct" in written
    assert not {"shell:", "sql:", "python:", "command."} & {*written.split()}
    assert "command." not in written
