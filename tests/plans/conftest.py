from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import Mistake, PlanError
from runbook_app.domain.plan import Plan

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HEAD = """\
plan: p
title: T
version: "1"
target: {compose: compose.yml}
"""
ITEM = """\
items:
  - id: one
    number: 1
    title: One
    checkpoint:
      - confirm: Ready
    rollback: captures
    steps:
      - id: write
        title: Write
        action: sample.write
        with: {path: a.txt}
"""

Load = Callable[..., Plan]


@pytest.fixture(scope="session")
def registry() -> InstalledActions:
    return InstalledActions("tests.plans.sample_actions")


@pytest.fixture
def load(tmp_path: Path, registry: InstalledActions) -> Load:
    """Read a plan from text; `beside` is the content of the target's runbook.vars.yaml."""

    def read(
        text: str | bytes,
        *,
        beside: str | None = None,
        now: datetime = NOW,
        stand_in: bool = False,
        **overrides: str,
    ) -> Plan:
        path = tmp_path / "plan.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        target = tmp_path / "target"
        target.mkdir(exist_ok=True)
        if beside is not None:
            (target / "runbook.vars.yaml").write_text(beside, encoding="utf-8")
        return read_plan(path, registry, overrides, target, now=now, stand_in=stand_in)

    return read


@pytest.fixture
def mistakes(load: Load) -> Callable[..., list[str]]:
    """The messages of a plan that can't be loaded, each with line and column."""

    def read(text: str | bytes, **given: object) -> list[str]:
        with pytest.raises(PlanError) as caught:
            load(text, **given)
        return [told(mistake) for mistake in caught.value.mistakes]

    return read


def told(mistake: Mistake) -> str:
    return f"{mistake.position.line}:{mistake.position.column} {mistake.message}"
