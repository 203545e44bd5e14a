"""Plan files: read, validated as a whole, every mistake at once with its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.calls import Calls
from runbook_app.adapters.plan_file.declared import (
    Declared,
    read_declared,
    read_overrides,
    read_target_file,
    unused,
)
from runbook_app.adapters.plan_file.document import Document
from runbook_app.adapters.plan_file.includes import Includes, digest
from runbook_app.adapters.plan_file.items import Items
from runbook_app.adapters.plan_file.lint import Lint
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import compose, no_collection
from runbook_app.adapters.plan_file.reading import Reading
from runbook_app.adapters.plan_file.references import check_references
from runbook_app.adapters.plan_file.rules import Rules
from runbook_app.adapters.plan_file.score import Scores
from runbook_app.adapters.plan_file.source import Source, read_source
from runbook_app.adapters.plan_file.variables import (
    ENVIRONMENT,
    TARGET_FILE,
    Environment,
    resolve_variables,
)
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import Mistake, PlanError, Unanswered
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
    data = _bytes(path)
    with no_collection():
        return _read(path, data, registry, overrides, target, window_from_now, now, stand_in)


def open_questions(
    path: Path, overrides: Mapping[str, str], target: Path | None
) -> tuple[Question, ...]:
    """The questions that options, target and environment leave to the operator.

    Raises:
        PlanError: with the mistakes of the variables.
    """
    source = read_source(str(path), _bytes(path))
    root = None if source.mistakes else compose(source)
    beside = _target_source(target)
    declared = Declared()
    given: dict[str, Given] = {}
    if isinstance(root, MappingNode):
        declared, given = _declared(source, root, overrides, beside, _environment(overrides))
    if mistakes := [*(beside.mistakes if beside else ()), *source.mistakes]:
        raise PlanError(_in_order(mistakes))
    return _open(declared, given)


def lint(path: Path, plan: Plan, target: Path | None = None) -> tuple[Mistake, ...]:
    """Warnings of a plan that can be loaded: where its own figures and words disagree."""
    source = read_source(str(path), _bytes(path))
    root = compose(source)
    if not isinstance(root, MappingNode):
        return ()
    Includes(source, path.parent, 0).expand(root)
    Lint(source, root, plan).run()
    warnings = [m for m in source.mistakes if m.warning]
    beside = _target_source(target)
    if beside is not None and (node := compose(beside)) is not None:
        unused(beside, node, read_declared(read_source(str(path), b""), root))
        warnings += [m for m in beside.mistakes if m.warning]
    return _in_order(warnings)


def _read(
    path: Path,
    data: bytes,
    registry: InstalledActions,
    overrides: Mapping[str, str],
    target: Path | None,
    window_from_now: bool,
    now: datetime | None,
    stand_in: bool,
) -> Plan:
    source = read_source(str(path), data)
    root = None if source.mistakes else compose(source)
    if not isinstance(root, MappingNode):
        if not source.mistakes:
            source.wrong(None, "a plan is a mapping of keys to values; this file has none")
        raise PlanError(_in_order(source.mistakes))
    includes = Includes(source, path.parent, len(data))
    includes.expand(root)
    beside = _target_source(target)
    environment = _environment(overrides)
    declared, given = _declared(source, root, overrides, beside, environment)
    variables = resolve_variables(source, root, declared.values, given, environment)
    unanswered = _open(declared, given)
    wrong = source.mistakes or (beside is not None and beside.mistakes)
    if unanswered and not stand_in and not wrong:
        raise Unanswered(unanswered)
    reading = Reading(source, variables, registry)
    fields = reading.fields(root, "a plan", keys.PLAN)
    calls = Calls(reading)
    document = Document(reading, fields, Items(reading, calls), Scores(reading, calls))
    sha256 = digest(data, includes.files.items())
    plan = document.plan(path=str(path), sha256=sha256, includes=tuple(includes.files))
    moment = now or datetime.now(UTC)
    rules = Rules(source, document, plan)
    rules.check(path.parent, moment, window_from_now=window_from_now)
    check_references(source, plan)
    plan = msgspec.structs.replace(
        plan,
        variables={**plan.variables, **environment.used},
        questions=tuple(declared.questions.values()),
        unanswered=unanswered,
    )
    mistakes = [*(beside.mistakes if beside else ()), *source.mistakes]
    if mistakes:
        raise PlanError(_in_order(mistakes))
    return plan


def _environment(overrides: Mapping[str, str]) -> Environment:
    return Environment({n: text for n, text in overrides.items() if n.startswith(ENVIRONMENT)})


def _declared(
    source: Source,
    root: MappingNode,
    overrides: Mapping[str, str],
    beside: Source | None,
    environment: Environment,
) -> tuple[Declared, dict[str, Given]]:
    """What the plan declares, and what options and target give."""
    declared = read_declared(source, root, environment, overrides)
    given = read_target_file(beside, declared) if beside else {}
    return declared, given | read_overrides(source, declared, overrides)


def _open(declared: Declared, given: Mapping[str, Given]) -> tuple[Question, ...]:
    has = given.keys() | declared.answered
    return tuple(one for name, one in declared.questions.items() if name not in has)


def _target_source(target: Path | None) -> Source | None:
    path = target / TARGET_FILE if target else None
    if path is None or not path.is_file():
        return None
    return read_source(str(path), _bytes(path))


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlanError((_nothing_to_read(path, reason),)) from error


def _nothing_to_read(path: Path, reason: str) -> Mistake:
    source = Source(str(path), "")
    return source.mistake(None, f"the file can't be read: {reason}")


def _in_order(mistakes: list[Mistake]) -> tuple[Mistake, ...]:
    unique = dict.fromkeys(mistakes)
    return tuple(
        sorted(unique, key=lambda m: (m.position.file, m.position.line, m.position.column))
    )
