"""Conditions of plans that are made without a file."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from runbook_app.adapters.plan_file.conditions import Conditions
from runbook_app.adapters.plan_file.nodes import Scalar
from runbook_app.adapters.plan_file.reading import Reading
from runbook_app.adapters.plan_file.source import Place, Source
from runbook_app.adapters.plan_file.variables import Variables
from runbook_app.domain.plan import Condition

NO_REGISTRY: Any = None


def when(text: str, **variables: str | int | bool) -> Condition:
    """The condition that a plan with these variables reads from a text."""
    source = Source("plan.yaml", text)
    reading = Reading(source, Variables(source, variables), NO_REGISTRY)
    condition = Conditions(reading).read(Scalar(text, False, Place()))
    assert condition is not None, source.mistakes
    return condition


def only_when(part: Any, text: str, **variables: str | int | bool) -> Any:
    return replace(part, when=when(text, **variables))
