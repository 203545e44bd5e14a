"""Warnings of a plan's times: estimates, blocks, their lines and totals, the window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from runbook_app.adapters.plan_file.figures import (
    BlockLine,
    Span,
    clock_text,
    hours_of,
    read_block_line,
    span_of,
    total_of,
)
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, mappings, scalars
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import closest
from runbook_app.domain.clock import Estimate, format_duration
from runbook_app.domain.plan import Item, Plan, Step

_ESTIMATE = re.compile(r"\b(original|revised) estimate\b", re.IGNORECASE)
_DAY = timedelta(days=1)
_NOTHING = Estimate(timedelta(), timedelta())


class Timetable:
    """Holds a plan's times against each other; what differs goes into the source."""

    def __init__(self, source: Source, root: Mapping, plan: Plan) -> None:
        self._source = source
        self._root = root
        self._plan = plan

        blocks = mappings(root.entries.get("blocks"))
        self._lines = {line.node.text: line for block in blocks for line in _timed_lines(block)}
        """What the blocks say with a clock time."""

    def run(self) -> None:
        for block in mappings(self._root.entries.get("blocks")):
            self._block(block)
        self._against_window()
        self._whole_time()
        for node, item in zip(
            mappings(self._root.entries.get("items")), self._plan.items, strict=False
        ):
            self._item(node, item)

    def _warn(self, node: Node, message: str, suggestion: str = "") -> None:
        self._source.wrong(node.mark, message, suggestion=suggestion, warning=True)

    def _block(self, block: Mapping) -> None:
        timed = _timed_lines(block)
        if not timed:
            return
        worked = sum((line.length for line in timed), timedelta())
        for node in scalars(block.entries.get("lines")):
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
            f" and end at {clock_text(last.span.end)}",
        )

    def _against_window(self) -> None:
        """The blocks' clock times against each other and what the window declares."""
        window = self._plan.window
        begins = (window.declared_start or datetime(2000, 1, 1, tzinfo=UTC)).astimezone(UTC)
        day = begins.replace(hour=0, minute=0, second=0, microsecond=0)
        limits = {
            "deadline": window.declared_deadline,
            "target": window.declared_target,
        }
        taken, before = timedelta(), None
        for node, span in self._blocks():
            if before and span.start < before.start:
                day += _DAY
            elif before and span.start < before.end:
                self._warn(
                    node,
                    f"the block begins before {clock_text(before.end)}, when the one"
                    " before it ends",
                )
            if before is None and window.declared_start and day + span.start < begins:
                self._warn(node, f"the block begins before the declared start, {_moment(begins)}")
            ends = day + span.start + span.length
            for name, limit in limits.items():
                if limit is not None and ends > limit:
                    self._warn(node, f"the block ends after the declared {name}, {_moment(limit)}")
                    limits[name] = None
            if taken <= window.budget < taken + span.length:
                taken_now = format_duration(taken + span.length)
                budget = format_duration(window.budget)
                self._warn(node, f"with this block they take {taken_now}; the window has {budget}")
            taken, before = taken + span.length, span

    def _blocks(self) -> Iterator[tuple[Scalar, Span]]:
        """Each block with clock times in its title, or else in its lines."""
        for block in mappings(self._root.entries.get("blocks")):
            title, timed = block.entries.get("title"), _timed_lines(block)
            if not isinstance(title, Scalar):
                continue
            if span := span_of(title.text):
                yield title, span
            elif timed:
                yield title, Span(timed[0].span.start, timed[-1].span.end)

    def _whole_time(self) -> None:
        """The whole plan's stated times and its window against the sum of its items."""
        estimates = [item.estimate for item in self._plan.items if item.estimate]
        if not estimates:
            return
        whole = sum(estimates[1:], estimates[0])
        self._fits(whole)
        told = False
        for node in self._stated():
            if not (_ESTIMATE.search(node.text) or total_of(node.text, whole_plan=True)):
                continue
            stated = hours_of(node.text)
            if stated and not (stated.low <= whole.high and whole.low <= stated.high):
                self._warn(node, f"the items' own estimates add up to {whole}, not to {stated}")
            elif stated and not told and (stated.low, stated.high) != (whole.low, whole.high):
                self._warn(node, f"the items' own estimates add up to {whole}; here it is {stated}")
                told = True

    def _fits(self, whole: Estimate) -> None:
        window = self._root.entries.get("window")
        budget = window.entries.get("budget") if isinstance(window, Mapping) else None
        if budget is not None and whole.high > self._plan.window.budget:
            has = format_duration(self._plan.window.budget)
            message = f"the items' own estimates add up to {whole}; the window has {has}"
            self._warn(budget, message)

    def _stated(self) -> Iterator[Scalar]:
        for key in ("baseline", "blocks"):
            for section in mappings(self._root.entries.get(key)):
                yield from scalars(section.entries.get("lines"))

    def _item(self, node: Mapping, item: Item) -> None:
        steps = [step.estimate for step in item.steps if step.estimate]
        if item.estimate and steps:
            whole = sum(steps[1:], steps[0])
            if whole.high < item.estimate.low or whole.low > item.estimate.high:
                message = (
                    f"the steps of {item.id!r} add up to {whole}; the item says {item.estimate}"
                )
                self._warn(node.entries["estimate"], message)
        budget = item.rollback_budget
        if budget and budget.high > self._plan.window.budget:
            has = format_duration(self._plan.window.budget)
            message = f"the rollback may take {budget}; the window has {has}"
            self._warn(node.entries["rollback_budget"], message)
        whole = _NOTHING
        pairs = steps_with_nodes(self._source, node, item)
        for inner, step in reversed(pairs):
            whole += step.estimate or _NOTHING
            if "block" in inner.entries:
                self._step(inner, step, whole)
                whole = _NOTHING

    def _step(self, node: Mapping, step: Step, whole: Estimate) -> None:
        """A step's block against its estimate, alone or with those after it without a block."""
        if self._lines and step.block not in self._lines:
            suggestion = closest(step.block, self._lines, cutoff=0.8)
            self._warn(node.entries["block"], "no line of 'blocks' says this", suggestion)
        span, own = span_of(step.block), step.estimate
        if span and own and not any(e.low <= span.length <= e.high for e in (own, whole)):
            takes = format_duration(span.length)
            self._warn(node.entries["estimate"], f"the step says {own}, its block {takes}")


def steps_with_nodes(source: Source, node: Mapping, item: Item) -> list[tuple[Mapping, Step]]:
    """Each step of an item with what it was read from; with `each` that is the same for several."""
    nodes = {source.position(n.mark): n for n in mappings(node.entries.get("steps"))}
    return [(nodes[step.position], step) for step in item.steps if step.position in nodes]


def _timed_lines(block: Mapping) -> list[BlockLine]:
    lines = (read_block_line(node) for node in scalars(block.entries.get("lines")))
    return [line for line in lines if line is not None]


def _moment(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
