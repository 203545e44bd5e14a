"""Every test that docs/trust.md names as holding a promise exists, under one name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TRUST = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w/]+\.py)`", TRUST)))
FOLDERS = sorted(set(re.findall(r"`(tests/[\w/]+)`", TRUST)))


@pytest.mark.parametrize("name", NAMED)
def test_a_test_that_holds_a_promise_exists_and_tests(name: str) -> None:
    found = [ROOT / name] if "/" in name else [*(ROOT / "tests").rglob(name)]
    assert len(found) == 1, f"docs/trust.md names {name}: {len(found)} files are called so"
    assert re.search(r"^(async )?def test_", found[0].read_text(encoding="utf-8"), re.MULTILINE)


def test_the_folders_that_are_named_exist() -> None:
    assert [name for name in FOLDERS if not (ROOT / name).is_dir()] == []


def test_each_promise_names_what_holds_it() -> None:
    rows = [line for line in TRUST.splitlines() if line.startswith("| ")]
    assert len(rows) > 60
    assert [row for row in rows if len(row.strip("| ").split(" | ")) != 2] == []
