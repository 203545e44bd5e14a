"""Plan files: read, validated as a whole, every mistake at once with its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from runbook_app.adapters.plan_file.declared import Declared, read_declared, unused
from runbook_app.adapters.plan_file.includes import Includes
from runbook_app.adapters.plan_file.lint import Lint
from runbook_app.adapters.plan_file.loading import (
    Asked,
    at_once,
    declared_and_given,
    environment_of,
    in_order,
    item_by_item,
    open_ones,
    read_bytes,
    target_source,
)
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import compose, no_collection
from runbook_app.adapters.plan_file.source import read_source
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import Mistake, PlanError
from runbook_app.domain.plan import Plan
from runbook_app.domain.variables import Given, Question


def read_plan(
    path: Path,
    registry: InstalledActions,
    overrides: Mapping[str, str],
    target: Path | None,
    *,
    window_from_now: bool = False,
    now: datetime | None = None,
    stand_in: bool = False,
) -> Plan:
    """Read a plan, its variables resolved for a target.

    Args:
        path: of the plan file.
        registry: the actions that it may name.
        overrides: values given by `--set`, which win over the target's file and the plan.
        target: folder whose `runbook.vars.yaml` is read; None uses the plan's own values.
        window_from_now: the window starts with the session, whatever the plan says.
        now: for a window that is over; the present by default.
        stand_in: questions that nobody has answered have their default, else any value of their
            type, as a plan is read that is not to be run.

    Raises:
        PlanError: with every mistake found.
        Unanswered: the plan asks for variables that have no value.
    """
    data = read_bytes(path)
    with no_collection():
        asked = Asked(
            path=path,
            data=data,
            registry=registry,
            overrides=overrides,
            target=target,
            window_from_now=window_from_now,
            now=now,
            stand_in=stand_in,
        )
        return item_by_item(asked) or at_once(asked)


def open_questions(
    path: Path, overrides: Mapping[str, str], target: Path | None
) -> tuple[Question, ...]:
    """The questions that options, target and environment leave to the operator.

    Raises:
        PlanError: with the mistakes of the variables.
    """
    source = read_source(str(path), read_bytes(path))
    root = None if source.mistakes else compose(source)
    beside = target_source(target)
    declared = Declared()
    given: dict[str, Given] = {}
    if isinstance(root, MappingNode):
        declared, given = declared_and_given(
            source, root, overrides, beside, environment_of(overrides)
        )
    if mistakes := [*(beside.mistakes if beside else ()), *source.mistakes]:
        raise PlanError(in_order(mistakes))
    return open_ones(declared, given)


def lint(path: Path, plan: Plan, target: Path | None = None) -> tuple[Mistake, ...]:
    """Warnings of a plan that can be loaded: where its own figures and words disagree."""
    source = read_source(str(path), read_bytes(path))
    root = compose(source)
    if not isinstance(root, MappingNode):
        return ()
    Includes(source, path.parent, 0).expand(root)
    Lint(source, root, plan).run()
    warnings = [m for m in source.mistakes if m.warning]
    beside = target_source(target)
    if beside is not None and (node := compose(beside)) is not None:
        unused(beside, node, read_declared(read_source(str(path), b""), root))
        warnings += [m for m in beside.mistakes if m.warning]
    return in_order(warnings)
