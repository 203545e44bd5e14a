"""Warnings: places where a plan's own figures and words disagree.

A source document's contradictions are kept in the plan as they are, and named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from runbook_app.adapters.plan_file.figures import (
    BlockLine,
    hours_of,
    read_block_line,
    span_of,
    total_of,
)
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence, walk
from runbook_app.adapters.plan_file.source import Source
from runbook_app.domain.clock import format_duration
from runbook_app.domain.plan import Plan

_HEALTH = re.compile(r"(?:https?://[^/\s]+)?(/[\w/.-]*health)\b")
_REFERENCE = re.compile(r"\$\{(\w+)\}")
_TO_BASE = re.compile(r"\balembic\s+downgrade\s+base\b")
_FAILS_WITHOUT = re.compile(r"\bfails?\b.*\b(?:missing|secrets?)\b", re.IGNORECASE)
_FALLS_BACK = re.compile(r"\bfall(?:s\s+|-)?back\s+to\s+defaults?\b", re.IGNORECASE)
_ESTIMATE = re.compile(r"\b(original|revised) estimate\b", re.IGNORECASE)


class Lint:
    """Looks at one plan; what it finds goes into the source as warnings."""

    def __init__(self, source: Source, root: Mapping, plan: Plan) -> None:
        self._source = source
        self._root = root
        self._plan = plan
        self._texts = [node for node in walk(root) if isinstance(node, Scalar)]

    def run(self) -> None:
        for block in _mappings(self._root.entries.get("blocks")):
            self._block(block)
        self._whole_time()
        self._items()
        self._score()
        self._rollbacks()
        self._missing_secrets()
        self._health_paths()
        self._variables()
        self._planned()

    def _warn(self, node: Node, message: str) -> None:
        self._source.wrong(node.mark, message, warning=True)

    def _block(self, block: Mapping) -> None:
        lines = [read_block_line(node) for node in _scalars(block.entries.get("lines"))]
        timed = [line for line in lines if line is not None]
        if not timed:
            return
        worked = sum((line.length for line in timed), timedelta())
        for node in _scalars(block.entries.get("lines")):
            stated = total_of(node.text)
            if stated is not None and not stated.low <= worked <= stated.high:
                by_lines = format_duration(worked)
                self._warn(node, f"the block's lines add up to {by_lines}, not to {stated}")
        self._reserved(block, timed[-1], worked)

    def _reserved(self, block: Mapping, last: BlockLine, worked: timedelta) -> None:
        title = block.entries.get("title")
        span = span_of(title.text) if isinstance(title, Scalar) else None
        if span is None or title is None or span.length <= worked:
            return
        reserved = format_duration(span.length)
        self._warn(
            title,
            f"the block reserves {reserved}, but its lines take {format_duration(worked)}"
            f" and end at {last.end_text}",
        )

    def _whole_time(self) -> None:
        """The whole plan's stated times against the sum of its items."""
        estimates = [item.estimate for item in self._plan.items if item.estimate]
        if not estimates:
            return
        whole = sum(estimates[1:], estimates[0])
        told = False
        for node in self._timetable():
            if not (_ESTIMATE.search(node.text) or total_of(node.text, whole_plan=True)):
                continue
            stated = hours_of(node.text)
            if stated and not (stated.low <= whole.high and whole.low <= stated.high):
                self._warn(node, f"the items' own estimates add up to {whole}, not to {stated}")
            elif stated and not told and (stated.low, stated.high) != (whole.low, whole.high):
                self._warn(node, f"the items' own estimates add up to {whole}; here it is {stated}")
                told = True

    def _timetable(self) -> Iterator[Scalar]:
        for key in ("baseline", "blocks"):
            for section in _mappings(self._root.entries.get(key)):
                yield from _scalars(section.entries.get("lines"))

    def _items(self) -> None:
        for node, item in zip(
            _mappings(self._root.entries.get("items")), self._plan.items, strict=False
        ):
            steps = [step.estimate for step in item.steps if step.estimate]
            if not item.estimate or not steps:
                continue
            whole = sum(steps[1:], steps[0])
            if whole.high < item.estimate.low or whole.low > item.estimate.high:
                message = (
                    f"the steps of {item.id!r} add up to {whole}; the item says {item.estimate}"
                )
                self._warn(node.entries["estimate"], message)

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
                line = fails.mark.line + 1
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
                line = first.mark.line + 1
                self._warn(
                    node, f"health is asked at {found[1]} here, and at {path} on line {line}"
                )
                return

    def _variables(self) -> None:
        used = {name for node in self._texts for name in _REFERENCE.findall(node.text)}
        used |= set(_asked_in_when(self._root.entries.get("score")))
        declared = self._root.entries.get("variables")
        for name, node in declared.entries.items() if isinstance(declared, Mapping) else ():
            if name not in used:
                self._warn(node, f"the variable {name!r} is not used")

    def _planned(self) -> None:
        for node, item in zip(
            _mappings(self._root.entries.get("items")), self._plan.items, strict=False
        ):
            if "planned" in node.entries and item.steps and item.available:
                message = (
                    f"item {item.id!r} is marked as planned, but all its actions are installed"
                )
                self._warn(node.entries["planned"], message)


def _mappings(node: Node | None) -> Iterator[Mapping]:
    for inner in node.items if isinstance(node, Sequence) else ():
        if isinstance(inner, Mapping):
            yield inner


def _scalars(node: Node | None) -> Iterator[Scalar]:
    for inner in node.items if isinstance(node, Sequence) else ():
        if isinstance(inner, Scalar):
            yield inner


def _asked_in_when(score: Node | None) -> Iterator[str]:
    """Names of the variables that the score's checks depend on."""
    categories = score.entries.get("categories") if isinstance(score, Mapping) else None
    for category in _mappings(categories):
        for check in _mappings(category.entries.get("checks")):
            when = check.entries.get("when")
            yield from when.entries if isinstance(when, Mapping) else ()


def _health(node: Scalar) -> str:
    found = _HEALTH.fullmatch(node.text)
    return found[1] if found else ""
