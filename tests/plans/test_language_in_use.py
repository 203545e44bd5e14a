"""Everything that a plan can say is said by a plan that is shipped, and each of those is sound."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_app.adapters.plan_file.keys import TABLES
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Sequence, compose, walk
from runbook_app.adapters.plan_file.source import read_source
from runbook_app.adapters.plans import lint, read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.procedure import procedure
from runbook_app.resources import shipped_plans

PLANS = sorted(shipped_plans().glob("*.yaml"))
FILES = [*PLANS, *sorted((shipped_plans() / "parts").glob("*.yaml"))]
DEFAULT = "every credential is restored by a rollback, as it is by default"
NOT_SHIPPED = {
    "blast_radius": "nobody is spared the list of what a step touches",
    "credentials": DEFAULT,
    "on_rollback": DEFAULT,
    "role": DEFAULT,
    "person": "an unattended run is let through, and its signal says so",
    "planned": "all actions are there",
}
"""Keys that no shipped plan has, and why."""
TEXTS = "".join(path.read_text(encoding="utf-8") for path in FILES)


def roots() -> Iterator[Mapping]:
    for path in FILES:
        root = compose(read_source(str(path), path.read_bytes()))
        assert isinstance(root, Mapping)
        yield root


def nodes() -> Iterator[Node]:
    for root in roots():
        yield from walk(root)


KEYS = {key for node in nodes() if isinstance(node, Mapping) for key in node.entries}
VARIABLES = [
    value
    for root in roots()
    if isinstance(declared := root.entries.get("variables"), Mapping)
    for value in declared.entries.values()
]
SAID: dict[str, Callable[[], bool]] = {
    "a variable that is a list": lambda: any(isinstance(v, Sequence) for v in VARIABLES),
    "a question": lambda: any("prompt" in v.entries for v in VARIABLES if isinstance(v, Mapping)),
    "a variable of the environment": lambda: any(
        "env" in v.entries for v in VARIABLES if isinstance(v, Mapping)
    ),
    "each over a variable": lambda: bool(re.search(r"each: \$\{\w+\}", TEXTS)),
    "a value of an entry": lambda: "${each" in TEXTS,
    "what an earlier step put out": lambda: bool(re.search(r"\$\{steps\.\S+\.outputs\.", TEXTS)),
    "a condition that is an expression": lambda: bool(re.search(r"when: \S.*[<>=]", TEXTS)),
    "a condition that is a mapping": lambda: "when: {" in TEXTS,
}


@pytest.mark.parametrize("way", SAID)
def test_a_way_to_say_it_is_used_by_a_shipped_plan(way: str) -> None:
    assert SAID[way](), f"no plan in {shipped_plans()} has {way}"


def test_every_key_is_used_by_a_shipped_plan_or_it_is_said_why_not() -> None:
    known = {key for keys in TABLES.values() for key in keys}
    assert known - KEYS == NOT_SHIPPED.keys()


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_shipped_plan_can_be_rendered_with_every_step(path: Path) -> None:
    plan = read_plan(path, InstalledActions(group=""), {}, None, stand_in=True)
    page = procedure(plan).replace("\\", "")
    assert all(step.title in page for _, step in plan.steps())


def test_the_drill_contradicts_nothing() -> None:
    path = shipped_plans() / "drill.yaml"
    plan = read_plan(path, InstalledActions(group=""), {}, None, stand_in=True)
    assert lint(path, plan) == ()
