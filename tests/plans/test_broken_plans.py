"""Broken plans as data: `broken/NAME.yaml`, and in `NAME.txt` every mistake as it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.domain.errors import PlanError
from tests.plans.conftest import NOW

BROKEN = Path(__file__).parent / "broken"
NAMES = sorted(path.stem for path in BROKEN.glob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_mistake_is_shown_with_its_place(name, registry, monkeypatch):
    monkeypatch.chdir(BROKEN)
    with pytest.raises(PlanError) as caught:
        read_plan(Path(f"{name}.yaml"), registry, {}, None, now=NOW)
    assert f"{caught.value}\n" == (BROKEN / f"{name}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_the_caret_stands_below_what_is_wrong(name):
    lines = (BROKEN / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    for shown, caret in zip(lines[1::3], lines[2::3], strict=False):
        assert caret.strip() == "^"
        assert len(caret) <= len(shown) + 1


def test_there_are_many_cases():
    assert len(NAMES) >= 60


def test_a_file_that_is_not_there_is_a_plan_error(registry, tmp_path):
    for path in (tmp_path / "none.yaml", tmp_path, tmp_path / "a\0b"):
        with pytest.raises(PlanError, match="can't be read"):
            read_plan(path, registry, {}, None)
