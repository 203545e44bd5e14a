"""Warnings: places where a plan's own figures and words disagree.

A source document's contradictions are kept in the plan as they are, and named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from runbook_app.adapters.plan_file.commands import language_of
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence, mappings, walk
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.timetable import Timetable, steps_with_nodes
from runbook_app.domain.plan import Item, Plan

_HEALTH = re.compile(r"(?:https?://[^/\s]+)?(/[\w/.-]*health)\b")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_TO_BASE = re.compile(r"\balembic\s+downgrade\s+base\b")
_FAILS_WITHOUT = re.compile(r"\bfails?\b.*\b(?:missing|secrets?)\b", re.IGNORECASE)
_FALLS_BACK = re.compile(r"\bfall(?:s\s+|-)?back\s+to\s+defaults?\b", re.IGNORECASE)

_LEFT_ALONE = {
    "shell": "give the step a 'rollback', or name under 'capture' what it changes",
    "sql": "give the step a 'rollback': schema and rows are not captured",
}


class Lint:
    """Looks at one plan; what it finds goes into the source as warnings."""

    def __init__(self, source: Source, root: Mapping, plan: Plan) -> None:
        self._source = source
        self._root = root
        self._plan = plan
        self._texts = [node for node in walk(root) if isinstance(node, Scalar)]

    def run(self) -> None:
        Timetable(self._source, self._root, self._plan).run()
        self._items()
        self._score()
        self._rollbacks()
        self._missing_secrets()
        self._health_paths()
        self._variables()
        self._planned()
        self._constant_conditions()
        self._empty_lists()

    def _item_nodes(self) -> Iterator[tuple[Mapping, Item]]:
        nodes = mappings(self._root.entries.get("items"))
        return zip(nodes, self._plan.items, strict=False)

    def _warn(self, node: Node, message: str) -> None:
        self._source.wrong(node.mark, message, warning=True)

    def _items(self) -> None:
        for node, item in self._item_nodes():
            if item.steps and item.available and not item.success and _only_changes(item):
                message = (
                    f"nothing measures what item {item.id!r} came to; give it 'success' checks"
                )
                self._warn(node, message)
            if not item.rollback:
                self._not_restored(node, item)

    def _not_restored(self, node: Mapping, item: Item) -> None:
        for inner, step in steps_with_nodes(self._source, node, item):
            if not step.not_restored:
                continue
            if language := language_of(inner):
                self._warn(
                    inner.entries[language],
                    "nothing takes back what this changes;"
                    f" {_LEFT_ALONE.get(language, _LEFT_ALONE['shell'])}",
                )
            else:
                self._warn(
                    inner.entries["action"],
                    f"a rollback of captures does not restore {step.not_restored};"
                    " give the item steps under 'rollback'",
                )

    def _score(self) -> None:
        score = self._plan.score
        node = self._root.entries.get("score")
        declared = node.entries.get("declared") if isinstance(node, Mapping) else None
        weight = sum(category.weight for category in score.categories)
        if not isinstance(declared, Mapping) or not weight:
            return
        for key, stated in (("current", score.declared_current), ("target", score.declared_target)):
            values = (c.weight * getattr(c, f"declared_{key}") for c in score.categories)
            mean = sum(values) / weight
            if stated is not None and abs(mean - stated) >= 1:
                self._warn(
                    declared.entries[key],
                    f"the declared {key} score is {stated}, but its categories come to {mean:g}",
                )

    def _rollbacks(self) -> None:
        for node in self._texts:
            if _TO_BASE.search(node.text):
                self._warn(
                    node,
                    "'alembic downgrade base' would take the whole schema away;"
                    " a rollback goes back to the checkpoint's revision",
                )

    def _missing_secrets(self) -> None:
        fails = next((n for n in self._texts if _FAILS_WITHOUT.search(n.text)), None)
        for node in self._texts:
            if fails and _FALLS_BACK.search(node.text):
                line = self._source.position(fails.mark).line
                self._warn(
                    node,
                    "falling back to defaults contradicts failing on a missing secret"
                    f" (line {line}); decide for one of them",
                )

    def _health_paths(self) -> None:
        first: Scalar | None = None
        for node in self._texts:
            found = _HEALTH.fullmatch(node.text)
            if found is None:
                continue
            first = first or node
            path = _health(first)
            if found[1] != path:
                line = self._source.position(first.mark).line
                self._warn(
                    node, f"health is asked at {found[1]} here, and at {path} on line {line}"
                )
                return

    def _variables(self) -> None:
        used = {name for node in self._texts for name in _REFERENCE.findall(node.text)}
        used |= {name for n in self._conditions() if isinstance(n, Mapping) for name in n.entries}
        declared = self._root.entries.get("variables")
        for name, node in declared.entries.items() if isinstance(declared, Mapping) else ():
            if name not in used:
                self._warn(node, f"the variable {name!r} is not used")

    def _planned(self) -> None:
        for node, item in self._item_nodes():
            if "planned" in node.entries and item.steps and item.available:
                message = (
                    f"item {item.id!r} is marked as planned, but all its actions are installed"
                )
                self._warn(node.entries["planned"], message)

    def _conditions(self) -> Iterator[Node]:
        score = self._root.entries.get("score")
        categories = score.entries.get("categories") if isinstance(score, Mapping) else None
        checks = [
            c for found in mappings(categories) for c in mappings(found.entries.get("checks"))
        ]
        items = list(mappings(self._root.entries.get("items")))
        steps = [step for item in items for step in mappings(item.entries.get("steps"))]
        for node in (*checks, *items, *steps):
            if "when" in node.entries:
                yield node.entries["when"]

    def _constant_conditions(self) -> None:
        for when in self._conditions():
            if isinstance(when, Scalar) and "${" not in when.text:
                message = "'when' is always the same; name a variable or a step, or take it out"
                self._warn(when, message)

    def _empty_lists(self) -> None:
        for item in mappings(self._root.entries.get("items")):
            for step in mappings(item.entries.get("steps")):
                each = step.entries.get("each")
                if isinstance(each, Mapping | Sequence) and len(list(walk(each))) == 1:
                    self._warn(each, "'each' is empty: this makes no step")


def _only_changes(item: Item) -> bool:
    return all(step.effect for step in item.steps)


def _health(node: Scalar) -> str:
    found = _HEALTH.fullmatch(node.text)
    return found[1] if found else ""
