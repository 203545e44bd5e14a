"""One step of the file for each entry of a list: made when the plan loads, at one place."""

from __future__ import annotations

from runbook_app.adapters.plan_file.each import MOST
from tests.plans.conftest import HEAD

VARIABLES = "variables: {folder: certs}\n"
STEPS = """\
items:
  - id: one
    number: 1
    title: One
    steps:
      - id: look
        title: "Look at ${each.path}"
        action: sample.look
        each: ENTRIES
        with: {path: "${folder}/${each.path}"}
"""


def steps(load, each: str, text: str = STEPS):
    return load(HEAD + VARIABLES + text.replace("ENTRIES", each)).items[0].steps


def test_a_mapping_gives_the_ids_their_ends(load):
    found = steps(load, "{key: {path: key.pem}, ca: {path: ca.pem}}")
    assert [(s.id, s.title, s.call.parameters["path"]) for s in found] == [
        ("one.look-key", "Look at key.pem", "certs/key.pem"),
        ("one.look-ca", "Look at ca.pem", "certs/ca.pem"),
    ]
    assert {(s.position.line, s.position.column) for s in found} == {(11, 9)}


def test_a_list_counts_and_an_entry_may_name_its_key(load):
    found = steps(load, "[{path: a}, {path: b, key: second}, {path: c}]")
    assert [s.id for s in found] == ["one.look-1", "one.look-second", "one.look-3"]


def test_a_whole_reference_keeps_the_type(load):
    text = STEPS.replace("${each.path}", "${each.key}").replace(
        'with: {path: "${folder}/${each.key}"}', 'with: {path: a, ratio: "${each}"}'
    )
    found = steps(load, "[1, 0.5]", text)
    assert [s.call.parameters["ratio"] for s in found] == [1, 0.5]
    assert [s.title for s in found] == ["Look at 1", "Look at 2"]


def test_entries_may_use_variables_and_conditions_may_use_entries(load):
    text = STEPS.replace("${each.path}", "${each}") + "        when: \"${each} != 'certs'\"\n"
    found = steps(load, '["${folder}", other]', text)
    assert [s.when.reason for s in found if s.when] == [
        "${each} != 'certs' is false (each is certs)",
        "",
    ]
    assert [s.call.parameters["path"] for s in found] == ["certs/certs", "certs/other"]


def test_a_later_step_refers_to_one_of_them(load):
    text = STEPS + (
        "      - id: more\n        title: M\n        action: sample.look\n"
        '        with: {path: "${steps.look-ca.outputs.x}"}\n'
    )
    assert steps(load, "{ca: {path: a}}", text)[1].call.later


def test_a_plan_makes_so_many_and_no_more(load, mistakes):
    entries = ", ".join(["{path: a}"] * MOST)
    assert len(steps(load, f"[{entries}]")) == MOST
    more = HEAD + VARIABLES + STEPS.replace("ENTRIES", f"[{entries}, {{path: a}}]")
    assert any(f"more than {MOST:,} steps" in told for told in mistakes(more))
