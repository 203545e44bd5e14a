"""The JSON Schema of plans: committed, named by each plan, and of one mind with the loader."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft7Validator

from runbook_app.adapters.plan_file.keys import TABLES
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, compose
from runbook_app.adapters.plan_file.scalars import UNCLEAR, resolve
from runbook_app.adapters.plan_file.schema import plan_schema, schema_text
from runbook_app.adapters.plan_file.source import read_source
from runbook_app.adapters.registry import InstalledActions
from runbook_app.cli import commands
from runbook_app.domain.errors import PlanError
from runbook_app.resources import shipped_plans
from tests.plans.conftest import HEAD

TESTS = Path(__file__).parents[1]
BROKEN = TESTS / "plans" / "broken"
SHIPPED = sorted(shipped_plans().glob("*.yaml"))
OTHERS = sorted(
    path for path in (TESTS / "real").rglob("*.yaml") if b"\nplan: " in b"\n" + path.read_bytes()
)
BEYOND = {
    *("commit_of_nothing", "no_checkpoint", "no_rollback", "rehearsal_of_nothing"),
    *("duplicate_items", "duplicate_lines", "duplicate_steps", "sign_off_first"),
    *("guide_missing", "needs_circle", "needs_itself", "needs_unknown", "window_over"),
    *("unclosed_reference", "unknown_variable", "variable_circle", "when_types"),
    "commands_without_database",
    "unclear_untyped",
}
"""Broken plans that a schema can't find: what an action does, what refers to what, files, the day,
values of variables; and what only YAML 1.1 takes for no text."""
ALL_KEYS = """\
variables:
  port: 1
  secure: true
  region: {env: RUNBOOK_TEST_NONE, default: eu}
  zone: {prompt: Which zone?, choices: [a, b], default: b}
  depth: {prompt: How deep?, type: integer, default: 3}
  hosts: [a, {path: b}]
window:
  starts: now
  budget: 12h
  declared: {start: 2025-10-24T08:00Z, target: 2025-10-24T10:00Z, deadline: 2025-10-24T20:00Z}
rehearsal: optional
score:
  declared: {current: 70, target: 95}
  categories:
    - name: A
      weight: 2
      declared: {current: 1, target: 2}
      checks:
        - id: c
          title: C
          source: S
          weight: 2
          when: {secure: true}
          planned: false
          check: sample.look
          with: {path: a, ratio: 0.5, limits: [{path: a, limit: 3, window: 20s}]}
audit: {document: AUDIT.md, items: [one]}
risks: [{id: r, title: R, mitigation: [one, two], rollback: undo it, budget: 5m-10m}]
claims: [{id: f, text: Fast, measured_by: one.write, figure: p95, unproven: no}]
blocks: [{id: b, title: B, lines: [x]}]
principles: [One at a time]
approval: Approved
items:
  - id: one
    number: 1
    title: One
    what: What
    why: Why
    priority: high
    estimate: 1h-2h
    needs: []
    declared_status: READY
    checkpoint:
      - {confirm: Ready, id: ready, person: required}
      - {check: sample.look, id: seen, title: Seen, with: {path: a}}
      - capture: {files: [a], project: false, database: true, volume: false}
        title: Copy
        id: copy
    rollback: [{action: sample.write, with: {path: b}}]
    rehearsal: required
    rollback_budget: 5m
    commit: "feat: one"
    creates: [{path: a.txt, note: new}, b.txt]
    modifies: [c.txt]
    risks: [r]
    sign_off: false
    planned: false
    steps:
      - id: write
        title: Write
        action: sample.write
        with: {path: a, count: "${port}", wait: 5s, kind: fancy, force: true, tags: [x]}
        why: Why
        instructions: Do it
        estimate: 5m
        block: In the morning
        timeout: 1h
        retries: 2
        required: true
        blast_radius: ignore
        confirm_within: 10m
        planned: false
      - id: measure
        title: Measure
        action: sample.measure
        each: [a, {key: b}]
        when: "${secure}"
        with: {size: {width: 3, unit: cm}, waits: {a: 5s}, folder: x, mixed: 3}
      - id: reload
        title: Reload
        shell: test "${HOME}"
        env: {PORT: "${port}"}
        check: test -f x
        capture: {files: [a], project: true, database: false}
        rollback: rm x
      - {id: list, title: List, python: pass, env: {A: b}, check: pass, capture: [a, b]}
      - {id: look, title: Look, shell: "true", changes: nothing}
      - id: rows
        title: Rows
        sql: UPDATE a SET b = %(b)s
        with: {b: "${port}", c: true, d: 1.5}
        check: SELECT true
        rollback: UPDATE a SET b = 0
    success: [{id: done, title: Done, check: sample.poke}]
  - {id: two, number: 2, title: Two, not_required: no need}
"""
UNUSED = {"guide", "documents", "baseline", "links", "next_phases", "sections", "troubleshooting"}
UNUSED |= {"next_action", "include"}
"""Keys like others that `ALL_KEYS` has; a guide and what is included have to be there."""
TARGET = """\
{compose: compose.yml, progress: P.md, suite: [true-suite],
 api: {service: api, health: /health, openapi: /openapi.json, port: 8000},
 database: {service: db, name: n, user: u, password_from: "file:p", superuser: s,
            credentials: [{role: r, on_rollback: keep}]}}"""


@cache
def validator(package: str) -> Draft7Validator:
    schema = plan_schema(InstalledActions(package, group="none"))
    Draft7Validator.check_schema(schema)
    return Draft7Validator(schema)


def plain(node: Node) -> Any:
    """A plan as an editor sees it: YAML 1.2's types, and text where the versions disagree."""
    if isinstance(node, Scalar):
        value = resolve(node)
        return node.text if value is UNCLEAR else value
    if isinstance(node, Mapping):
        return {name: plain(inner) for name, inner in node.entries.items()}
    return [plain(inner) for inner in node.items]


def read(data: bytes) -> Any:
    source = read_source("plan.yaml", data)
    root = compose(source)
    return None if root is None or source.mistakes else plain(root)


def mistakes(plan: Any, package: str = "tests.plans.sample_actions") -> list[str]:
    return [error.message for error in validator(package).iter_errors(plan)]


def test_the_committed_schema_is_what_the_model_and_the_actions_give():
    committed = (shipped_plans() / "runbook.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(InstalledActions(group="none")), (
        "stale; run 'runbook schema --output plans/runbook.schema.json'"
    )


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_plan_names_the_schema_and_is_valid(path):
    data = path.read_bytes()
    first = data.partition(b"\n")[0].decode()
    assert first == "# yaml-language-server: $schema=runbook.schema.json"
    assert mistakes(read(data), "actions") == []


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.stem)
def test_another_plan_that_loads_is_valid(path):
    assert mistakes(read(path.read_bytes()), "actions") == []


def test_broken_plans_of_the_right_kind_are_not_valid():
    plans = {path.stem: read(path.read_bytes()) for path in BROKEN.glob("*.yaml")}
    valid = {name for name, plan in plans.items() if plan is not None and not mistakes(plan)}
    assert valid == BEYOND


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to each value."""
    if path:
        yield path
    entries = value.items() if isinstance(value, dict) else ()
    for key, inner in enumerate(value) if isinstance(value, list) else entries:
        yield from places(inner, (*path, key))


def changes(plan: Any) -> Iterator[tuple[Any, str]]:
    """The plan with each key taken out, each value of another kind, and a key more in each mapping;
    with the way to it, to be read."""
    for path in places(plan):
        for how in ("gone", "other", "more"):
            copied = copy.deepcopy(plan)
            holder = copied
            for key in path[:-1]:
                holder = holder[key]
            last = path[-1]
            if how == "gone" and isinstance(last, str):
                del holder[last]
            elif how == "other":
                holder[last] = 7.5 if isinstance(holder[last], list | dict) else [[]]
            elif how == "more" and isinstance(holder[last], dict) and last != "when":
                holder[last]["frob nicate"] = "x"
            else:
                continue
            yield copied, f"{how}: {path}"


@pytest.mark.slow
def test_schema_and_loader_agree_about_every_key(load):
    plan = read(HEAD.replace("{compose: compose.yml}", TARGET).encode() + ALL_KEYS.encode())
    names = {key for path in places(plan) for key in path if isinstance(key, str)}
    assert {key for keys in TABLES.values() for key in keys} - names == UNUSED
    load(json.dumps(plan), stand_in=True)
    assert mistakes(plan) == []
    valid = validator("tests.plans.sample_actions").is_valid
    for changed, way in changes(plan):
        try:
            load(json.dumps(changed), stand_in=True)
        except PlanError as error:
            told = str(error)
            # What refers to a thing that is gone is beyond a schema.
            assert not valid(changed) or (way[:4] == "gone" and "needs the key" not in told), way
        else:
            assert valid(changed), way


def test_a_list_may_include_files():
    plan = read((HEAD + "items: [{include: parts/a.yaml}]").encode())
    valid = validator("tests.plans.sample_actions").is_valid
    assert valid(plan)
    plan["items"][0] |= {"title": "T"}
    assert not valid(plan)
    plan["items"] = [{"include": "../a.yaml"}]
    assert not valid(plan)
    steps = [{"include": "parts/a.yaml"}]
    plan["items"] = [{"id": "one", "number": 1, "title": "T", "steps": steps}]
    assert valid(plan)


def test_the_schema_is_printed_and_written(tmp_path):
    run = CliRunner()
    printed = run.invoke(commands, ["schema"])
    assert printed.exit_code == 0
    json.loads(printed.stdout)
    file = tmp_path / "schema.json"
    assert run.invoke(commands, ["schema", "--output", str(file)]).exit_code == 0
    assert file.read_text(encoding="utf-8") == printed.stdout
    refused = run.invoke(commands, ["schema", "--output", str(tmp_path / "none" / "x")])
    assert refused.exit_code == 2
    assert "can't be written" in refused.stderr
