"""The documentation names every key, and its examples work."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest

from runbook_app.adapters.plan_file import document, items
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.ports.action import Action

DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (DOCS / "plan-format.md").read_text(encoding="utf-8")
WRITING = (DOCS / "writing-an-action.md").read_text(encoding="utf-8")
KEYS = {
    name: keys
    for module in (document, items)
    for name, keys in vars(module).items()
    if isinstance(keys, frozenset)
}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


@pytest.mark.parametrize("name", sorted(KEYS))
def test_every_key_is_documented(name):
    words = set(re.findall(r"[a-z_]+", FORMAT))
    assert KEYS[name] - words == set()


def test_the_smallest_plan_and_the_checkpoint_lines_load(tmp_path):
    smallest, lines = blocks(FORMAT, "yaml")
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    path = tmp_path / "plan.yaml"
    path.write_text(smallest + indented, encoding="utf-8")
    plan = read_plan(path, InstalledActions(), {}, None)
    assert len(plan.items[0].checkpoint) == 5
    assert plan.items[0].checkpoint[-1].volume


def test_the_examples_are_actions_of_which_effects_have_checks():
    for code in blocks(WRITING, "python"):
        module = types.ModuleType("example")
        exec(compile(code, "example", "exec"), vars(module))
        (action,) = [value for value in vars(module).values() if isinstance(value, Action)]
        assert action.summary
        assert InstalledActions().parameters(action)
        assert (action.kind == "effect") == (action.checker is not None)
