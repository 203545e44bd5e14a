"""Heavy clients are imported when they are used, not when the program starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = (
    "aiohttp",
    "textual",
    "rich",
    "docker",
    "psycopg",
    "hvac",
    "cryptography",
    "httpx",
    "ruamel",
    "jinja2",
)

PLAN = """
plan: light
title: Light
version: "1"
target: {compose: compose.yaml}
items:
  - id: one
    number: 1
    title: One
    steps:
      - {id: ready, title: Ready, action: manual.confirm, with: {text: Ready}}
"""


def imported_by(*arguments: str) -> set[str]:
    """Top-level modules that a run of the command line imports."""
    code = f"""
import sys
from runbook_app.cli import commands
try:
    commands({list(arguments)!r}, prog_name="runbook")
except SystemExit:
    pass
print("\\n" + " ".join(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("run",)], ids=" ".join)
def test_no_heavy_client_comes_with(arguments: tuple[str, ...]) -> None:
    assert not imported_by(*arguments) & set(HEAVY)


def test_the_version_costs_neither_asyncio_nor_msgspec() -> None:
    assert not imported_by("--version") & {"asyncio", "msgspec", "sqlite3"}


def test_the_check_of_a_plan_costs_no_event_loop_and_opens_no_journal(tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN, encoding="utf-8")
    found = imported_by("check", str(plan))
    assert "actions" in found
    assert not found & {"asyncio", "sqlite3", "tempfile", *HEAVY}
