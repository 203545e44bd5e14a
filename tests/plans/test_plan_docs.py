"""The documentation names every key, and its examples work."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import types
from pathlib import Path

import pytest

from runbook_app.adapters.plan_file.keys import TABLES, Keys
from runbook_app.adapters.plans import lint, read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.ports.action import Action

DOCS = Path(__file__).parents[2] / "docs"
FORMAT = (DOCS / "plan-format.md").read_text(encoding="utf-8")
WRITING = (DOCS / "writing-an-action.md").read_text(encoding="utf-8")
TUTORIAL, _, REFERENCE = WRITING.partition("\n## A check\n")
COOKBOOK = (DOCS / "cookbook.md").read_text(encoding="utf-8")
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


def test_the_recipes_are_a_plan_that_loads_and_contradicts_nothing(tmp_path):
    head, *recipes = blocks(COOKBOOK, "yaml")
    path = tmp_path / "plan.yaml"
    lines = "".join(recipes).splitlines()
    path.write_text(f"{head}items:\n" + "".join(f"  {line}\n" for line in lines), encoding="utf-8")
    plan = read_plan(path, InstalledActions(group=""), {}, None)
    assert len(plan.items) == len(recipes)
    assert [f"{w.position.line}: {w.message}" for w in lint(path, plan)] == []


def test_the_cookbook_has_as_many_recipes_as_headings():
    recipes = len(blocks(COOKBOOK, "yaml")[1:]) + len(blocks(COOKBOOK, "python"))
    assert recipes == len(re.findall("^## ", COOKBOOK, re.MULTILINE)) >= 8


PROGRAMS = {"runbook": ["-m", "runbook_app.cli"], "python": [], "pip": ["-m", "pip"]}
OFFLINE = ["--no-deps", "--no-build-isolation", "--no-index", "--target", "site"]


def said_by(line: str, folder: Path) -> str:
    """What a command of the documentation says; an installation goes into a folder, offline."""
    program, *arguments = shlex.split(line)
    if program == "pip":
        arguments.remove("--editable")
        arguments += OFFLINE
    done = subprocess.run(
        [sys.executable, *PROGRAMS[program], *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder / 'site'}:{DOCS.parent}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_ten_minutes_from_nothing_to_tested_end_well(tmp_path):
    said = []
    for before, language, code in re.findall(
        r"([^\n]*)\n\n```(\w+)\n(.*?)```", TUTORIAL, re.DOTALL
    ):
        if language == "sh":
            said += [said_by(line, tmp_path) for line in code.splitlines()]
            continue
        (path,) = re.findall(r"`(runbook-motd/[\w./]+)`:$", before)
        assert (tmp_path / path).is_file()
        (tmp_path / path).write_text(code, encoding="utf-8")
    assert "3 passed" in said[1]
    assert "3 passed" in said[2]
    assert "Write the message of the day." in said[4]
    assert "no errors" in said[5]
    assert "warning" not in said[5]


def test_the_smallest_plan_and_the_checkpoint_lines_load(tmp_path):
    smallest, lines = blocks(FORMAT, "yaml")
    indented = "".join(f"    {line}\n" for line in lines.splitlines())
    path = tmp_path / "plan.yaml"
    path.write_text(smallest + indented, encoding="utf-8")
    plan = read_plan(path, InstalledActions(), {}, None)
    assert len(plan.items[0].checkpoint) == 5
    assert plan.items[0].checkpoint[-1].volume


def test_the_examples_are_actions_of_which_effects_have_checks():
    for code in (*blocks(REFERENCE, "python"), *blocks(COOKBOOK, "python")):
        module = types.ModuleType("example")
        exec(compile(code, "example", "exec"), vars(module))
        (action,) = [value for value in vars(module).values() if isinstance(value, Action)]
        assert action.summary
        assert InstalledActions().parameters(action)
        assert (action.kind == "effect") == (action.checker is not None)
