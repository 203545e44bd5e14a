"""Every shipped action keeps the promises of an action, ended at each of its points."""

from __future__ import annotations

import pytest

from runbook_app.testing.harness import prove
from tests.actions.shipped import CASES, REGISTRY, SLOW


@pytest.fixture(autouse=True)
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)


def test_every_shipped_action_has_a_case() -> None:
    assert sorted(CASES) == REGISTRY.names()


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in CASES]
)
async def test_killed_anywhere_it_ends_as_if_undisturbed(name, tmp_path) -> None:
    await prove(CASES[name], tmp_path, ["killed"])


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CASES)
async def test_failed_anywhere_it_ends_as_if_undisturbed(name, tmp_path) -> None:
    await prove(CASES[name], tmp_path, ["failed"])
