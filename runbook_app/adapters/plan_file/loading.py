"""A plan on its way from its file to its values.

Most plans are read item by item, while libyaml still parses: the nodes of an item are needed once,
and those of a large plan, kept to its end, cost more time than all that is made of them. That way
gives up wherever anything is wrong or out of its usual order. The plan is read at once then, from
all of its nodes, which alone decides what is told of it.
"""

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
)
from runbook_app.adapters.plan_file.document import Document
from runbook_app.adapters.plan_file.includes import Includes, digest, names_file
from runbook_app.adapters.plan_file.items import Items
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import Node, compose
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
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.variables import Given, Question

BEFORE_ITEMS = frozenset({"plan", "title", "version", "variables", "rehearsal"})
"""Keys that are read before the items, which rest on some of them."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is read, and with what."""

    path: Path
    """Of the plan file."""
    data: bytes
    """Its content."""
    registry: InstalledActions
    overrides: Mapping[str, str]
    target: Path | None
    window_from_now: bool = False
    now: datetime | None = None
    stand_in: bool = False


def at_once(asked: Asked) -> Plan:
    """Read a plan from all of its nodes.

    Raises:
        PlanError: with every mistake found.
        Unanswered: the plan asks for variables that have no value.
    """
    loading = _Loading(asked)
    source = loading.source
    root = None if source.mistakes else compose(source)
    if not isinstance(root, MappingNode):
        if not source.mistakes:
            source.wrong(None, "a plan is a mapping of keys to values; this file has none")
        raise PlanError(in_order(source.mistakes))
    loading.includes.expand(root)
    loading.begin(root)
    return loading.end(root)


def item_by_item(asked: Asked) -> Plan | None:
    """Read a plan while it is parsed; None where it has to be read at once."""
    return _ItemByItem(asked).plan()


class _GaveUp(Exception):
    """The plan has to be read at once."""


class _ItemByItem:
    def __init__(self, asked: Asked) -> None:
        self._loading = _Loading(asked)
        self._items: list[Item] = []
        self._absent = BEFORE_ITEMS
        """Those that the root did not have when its items began."""

    def plan(self) -> Plan | None:
        loading = self._loading
        try:
            root = None if loading.source.mistakes else compose(loading.source, take=self._take)
            if isinstance(root, MappingNode) and self._items:
                late = not self._absent.isdisjoint(root.entries)
                return None if late else loading.end(root, tuple(self._items))
        except (_GaveUp, PlanError, Unanswered):
            pass
        return None

    def _take(self, root: MappingNode, node: Node) -> None:
        loading = self._loading
        if not self._items:
            self._absent -= root.entries.keys()
            loading.begin(root)
            loading.document.begin_items()
        entries = node.entries if isinstance(node, MappingNode) else {}
        if "include" in entries or names_file(entries.get("steps")):
            raise _GaveUp  # before the whole text is searched for the place of a key unknown here
        self._items.append(loading.item(node))
        if loading.source.mistakes:
            raise _GaveUp


class _Loading:
    """What both ways have in common."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._beside: Source | None = None
        self._environment = environment_of(asked.overrides)
        self.source = read_source(str(asked.path), asked.data)
        self.includes = Includes(self.source, asked.path.parent, len(asked.data))

    def begin(self, root: MappingNode) -> None:
        """Read what the items rest on.

        Raises:
            Unanswered: the plan asks for variables that have no value.
        """
        asked, source = self._asked, self.source
        beside = self._beside = target_source(asked.target)
        declared, given = declared_and_given(
            source, root, asked.overrides, beside, self._environment
        )
        variables = resolve_variables(source, root, declared.values, given, self._environment)
        self._questions = tuple(declared.questions.values())
        self._unanswered = open_ones(declared, given)
        wrong = source.mistakes or (beside is not None and beside.mistakes)
        if self._unanswered and not asked.stand_in and not wrong:
            raise Unanswered(self._unanswered)
        self._reading = Reading(source, variables, asked.registry)
        calls = Calls(self._reading)
        items, scores = Items(self._reading, calls), Scores(self._reading, calls)
        fields = self._reading.fields(root, "a plan", keys.PLAN)
        self.document = Document(self._reading, fields, items, scores)
        self.document.begin()

    def item(self, node: Node) -> Item:
        return self.document.items.read(self._reading.fields(node, "an item", keys.ITEM))

    def end(self, root: MappingNode, items: tuple[Item, ...] = ()) -> Plan:
        """The plan, with items that were read before or those of the root.

        Raises:
            PlanError: with every mistake found.
        """
        asked, source, document = self._asked, self.source, self.document
        self._reading.fields(root, "a plan", keys.PLAN)  # it may have got more keys
        plan = document.plan(
            path=str(asked.path),
            sha256=digest(asked.data, self.includes.files.items()),
            includes=tuple(self.includes.files),
            items=items,
        )
        moment = asked.now or datetime.now(UTC)
        rules = Rules(source, document, plan)
        rules.check(asked.path.parent, moment, window_from_now=asked.window_from_now)
        check_references(source, plan)
        plan = msgspec.structs.replace(
            plan,
            variables={**plan.variables, **self._environment.used},
            questions=self._questions,
            unanswered=self._unanswered,
        )
        mistakes = [*(self._beside.mistakes if self._beside else ()), *source.mistakes]
        if mistakes:
            raise PlanError(in_order(mistakes))
        return plan


def environment_of(overrides: Mapping[str, str]) -> Environment:
    return Environment({n: text for n, text in overrides.items() if n.startswith(ENVIRONMENT)})


def declared_and_given(
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


def open_ones(declared: Declared, given: Mapping[str, Given]) -> tuple[Question, ...]:
    """The questions that nothing answers."""
    has = given.keys() | declared.answered
    return tuple(one for name, one in declared.questions.items() if name not in has)


def target_source(target: Path | None) -> Source | None:
    """The target's own variables."""
    path = target / TARGET_FILE if target else None
    if path is None or not path.is_file():
        return None
    return read_source(str(path), read_bytes(path))


def read_bytes(path: Path) -> bytes:
    """The content of a file that has to be there.

    Raises:
        PlanError: it can't be read.
    """
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise PlanError((_nothing_to_read(path, reason),)) from error


def _nothing_to_read(path: Path, reason: str) -> Mistake:
    source = Source(str(path), "")
    return source.mistake(None, f"the file can't be read: {reason}")


def in_order(mistakes: list[Mistake]) -> tuple[Mistake, ...]:
    """Each mistake once, by its place."""
    unique = dict.fromkeys(mistakes)
    return tuple(
        sorted(unique, key=lambda m: (m.position.file, m.position.line, m.position.column))
    )
