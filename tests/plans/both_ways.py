"""A plan read item by item, held against the same read at once."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runbook_app.adapters.plan_file.loading import Asked, at_once, item_by_item
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import PlanError
from runbook_app.domain.plan import Plan
from tests.plans.conftest import NOW


def asked(path: Path, registry: InstalledActions) -> Asked:
    return Asked(
        path=path,
        data=path.read_bytes(),
        registry=registry,
        overrides={},
        target=None,
        now=NOW,
        stand_in=True,
    )


def content(plan: Plan) -> str:
    """All that is in a plan, in its order; of a condition's judge only that there is one."""
    return repr(msgspec.to_builtins(plan, enc_hook=lambda value: type(value).__name__))


def read_both_ways(path: Path, registry: InstalledActions) -> bool:
    """Whether a plan can be read item by item; it is the same plan then, and a sound one."""
    found = item_by_item(asked(path, registry))
    try:
        whole = at_once(asked(path, registry))
    except PlanError:
        assert found is None
        return False
    assert found is None or content(found) == content(whole)
    return found is not None
