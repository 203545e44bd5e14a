"""Variables that are lists: one step for each entry, with the places of mistakes."""

from __future__ import annotations

import pytest

from runbook_app.adapters.plan_pin import pin, pinned_plan
from runbook_app.domain.variables import as_option
from tests.plans.conftest import HEAD, ITEM

STEPS = """\
items:
  - id: one
    number: 1
    title: One
    steps:
      - id: look
        title: "Look at ${each}"
        action: sample.look
        each: ${hosts}
        with: {path: "${each}"}
"""
VARIABLES = "variables: {port: 1, hosts: [a, '${port}']}\n"
TEXT = HEAD + VARIABLES + STEPS


def paths(plan):
    return [(step.id, step.call.parameters["path"]) for step in plan.items[0].steps]


def test_each_makes_a_step_of_every_entry_of_a_variable(load):
    assert paths(load(TEXT)) == [("one.look-1", "a"), ("one.look-2", "1")]


def test_options_and_the_targets_file_give_other_entries(load):
    given = load(TEXT, hosts='[x, "y, z"]', beside="hosts: [q]\n")
    assert paths(given) == [("one.look-1", "x"), ("one.look-2", "y, z")]
    assert paths(load(TEXT, beside="hosts: [q]\n")) == [("one.look-1", "q")]


def test_an_entry_may_be_a_mapping_that_names_its_key(load):
    text = TEXT.replace("[a, '${port}']", "[{path: a, key: first}, {path: '${port}'}]")
    found = load(text.replace("${each}", "${each.path}"))
    assert paths(found) == [("one.look-first", "a"), ("one.look-2", "1")]


def test_a_list_is_a_parameter_where_it_stands_alone_and_is_searched_by_a_condition(load):
    variables = "variables: {hosts: [a, b]}\n"
    when = "        when: \"'c' in ${hosts} or ${hosts} | length > 2\"\n"
    item = ITEM.replace("path: a.txt", 'path: a, tags: "${hosts}"') + when
    (step,) = load(HEAD + variables + item).items[0].steps
    assert step.call.parameters["tags"] == ["a", "b"]
    assert step.when
    assert step.when.reason.endswith('is false (hosts is ["a", "b"], hosts is ["a", "b"])')
    with_it = load(HEAD + variables + item, hosts="[c]").items[0].steps[0]
    assert with_it.when
    assert not with_it.when.reason


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            TEXT.replace("each: ${hosts}", "each: ${port}"),
            "14:15 'each': the variable ${port} is a",
        ),
        (TEXT.replace("each: ${hosts}", "each: ${host}"), "14:15 unknown variable 'host'"),
        (TEXT.replace("each: ${hosts}", "each: hosts"), "14:15 'each' is a list, a variable that"),
        (TEXT.replace("One", "${hosts}"), "9:12 the variable 'hosts' is a list; it stands alone"),
        (TEXT.replace("[a, ", "[[a], "), "5:30 an entry of 'hosts' is one value, or a mapping"),
        (TEXT.replace("[a, ", "[A, "), ""),
        (TEXT.replace("[a, ", "[{key: A B}, "), "14:15 the key 'A B' can't end an id"),
    ],
)
def test_a_mistake_about_a_list_has_its_place(load, mistakes, text, message):
    if message:
        assert any(told.startswith(message) for told in mistakes(text)), mistakes(text)
    else:
        assert load(text)


@pytest.mark.parametrize("given", ["a", "a, b", "[a", "[[a]]", "{a: b}", ""])
def test_an_option_that_is_no_list_is_an_error(mistakes, given):
    (told,) = mistakes(TEXT, hosts=given)
    assert told == f"1:1 --set hosts: expected a list such as [a, b], got {given!r}"


def test_a_pinned_list_is_read_back_as_it_was(load, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    entries = ["true", "01", 'a"b', "\u2028\x85\U0001f600\n", " x ", "${port}"]
    hosts = f"[{as_option(entries)[1:-1]}, 1, 1.0e-7, true]"
    plan = load(TEXT.replace('{path: "${each}"}', "{path: x}"), hosts=hosts)
    assert plan.variables["hosts"] == [*entries, 1, 1e-7, True]
    (tmp_path / "session").mkdir()
    pin(tmp_path / "session", plan)
    kept = pinned_plan(
        tmp_path / "session", plan.path, plan.variables, created="2026-01-01T00:00:00Z"
    )
    assert kept.variables == plan.variables


@pytest.mark.parametrize(
    "value", [1e17, 1e-7, -2.5, float("inf"), float("-inf"), [{"a b": "c: d"}, {}], []]
)
def test_any_value_is_written_as_an_option_that_reads_it_back(load, value):
    declared = "[]" if isinstance(value, list) else "0.5"
    text = HEAD + f"variables: {{x: {declared}}}\n" + STEPS.replace("${hosts}", "[a]")
    assert load(text, x=as_option(value)).variables["x"] == value
