"""The documentation names every key, and its examples work."""

from __future__ import annotations

import re
import types
from pathlib import Path

import pytest

from runbook_app.adapters.plan_file.keys import TABLES, Keys
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.ports.action import Action

DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (DOCS / "plan-format.md").read_text(encoding="utf-8")
WRITING = (DOCS / "writing-an-action.md").read_text(encoding="utf-8")
HEADINGS = {
    "plan": "The plan's keys",
    "target": "`target`",
    "score_check": "`score`",
    "item": "Items",
    "step": "Steps",
}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def table(keys: Keys) -> str:
    """The table of the documentation; keys that mean the same share a row."""
    rows: dict[str, list[str]] = {}
    for name, key in keys.items():
        shown = f"**`{name}`**" if key.needed else f"`{name}`"
        rows.setdefault(key.means, []).append(shown)
    lines = [f"| {', '.join(names)} | {means} |" for means, names in rows.items()]
    return "\n".join(["| key | value |", "| --- | --- |", *lines])


@pytest.mark.parametrize("name", HEADINGS)
def test_a_table_of_keys_is_that_of_the_model(name):
    section = FORMAT.partition(f"# {HEADINGS[name]}\n")[2]
    found = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert found
    assert found[0].rstrip() == table(TABLES[name])


@pytest.mark.parametrize("name", sorted(TABLES.keys() - HEADINGS.keys()))
def test_every_key_is_documented(name):
    words = set(re.findall(r"[a-z_]+", FORMAT))
    assert TABLES[name].keys() - words == set()


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
