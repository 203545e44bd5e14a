"""`${steps.STEP.outputs.NAME}`: what refers to steps, and whether they have run by then."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from runbook_app.adapters.plan_file.kinds import ID_PATTERN
from runbook_app.adapters.plan_file.nodes import Scalar
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import REFERENCE, Variables, closest, mark_of
from runbook_app.domain.plan import Call, CheckLine, Condition, Item, Plan, Reference

STEPS = "${steps."
FORM = "'${steps.STEP.outputs.NAME}' or '${steps.STEP.measured.NAME}'"
_NAMED = re.compile(
    rf"steps\.((?:{ID_PATTERN.pattern}\.)?{ID_PATTERN.pattern})\.(outputs|measured)\.(\S[^\0]*)"
)


def parts_of(source: Source, variables: Variables, node: Scalar) -> tuple[str | Reference, ...]:
    """The pieces of a text that waits for steps, variables in place; none where nothing waits."""
    parts: list[str | Reference] = []
    end = 0
    for found in REFERENCE.finditer(node.text):
        parts.append(node.text[end : found.start()])
        end = found.end()
        step = None if found[1] else reference_of(source, node, found)
        parts.append(step if step else variables.piece(found, node))
    parts.append(node.text[end:])
    if not any(isinstance(part, Reference) for part in parts):
        return ()
    return tuple(part for part in parts if part)


def reference_of(source: Source, node: Scalar, found: re.Match[str]) -> Reference | None:
    """The reference to a step that a match of `REFERENCE` is; None for another one."""
    if not found[3] or not found[2].startswith("steps."):
        return None
    mark = mark_of(source, node, found[0])
    named = _NAMED.fullmatch(found[2])
    if named is None:
        source.wrong(mark, f"{shorten(found[0])} is no reference to a step; write {FORM}")
        return Reference("", "", "", source.position(mark))
    return Reference(named[1], named[2], named[3], source.position(mark))


def check_references(source: Source, plan: Plan) -> None:
    """Note each reference to a step that is not there, or has not run by then."""
    _Check(source, plan).run()


class _Check:
    def __init__(self, source: Source, plan: Plan) -> None:
        self._source = source
        self._plan = plan
        self._items = {item.id: at for at, item in enumerate(plan.items)}
        self._needs: dict[str, frozenset[str]] = {}

    def run(self) -> None:
        for item in self._plan.items:
            for at, step in enumerate(item.steps):
                if step.call.later or step.when is not None:
                    for reference in (*_references(step.call), *_asked(step.when)):
                        self._look(reference, item, at, step.id)
            for reference in _asked(item.when):
                self._look(reference, item, 0)
            own = len(item.steps)
            for line in item.checkpoint:
                for reference in _references(line.call) if isinstance(line, CheckLine) else ():
                    self._look(reference, item, 0)
            for line in item.success:
                for reference in _references(line.call):
                    self._look(reference, item, own)
            for call in item.rollback:
                self._refuse(call, "a rollback can't rest on a step that may never have run")
        for category in self._plan.score.categories:
            for check in category.checks:
                self._refuse(check.call, "the score is measured without any step")

    @cached_property
    def _steps(self) -> dict[str, tuple[Item, int]]:
        """Each step's item and its place there, by id."""
        return {
            step.id: (item, at) for item in self._plan.items for at, step in enumerate(item.steps)
        }

    def _refuse(self, call: Call, why: str) -> None:
        for reference in _references(call):
            if reference.step:
                self._source.wrong_at(reference.position, f"{reference} can't stand here: {why}")

    def _look(self, reference: Reference, item: Item, before: int, this: str = "") -> None:
        """`before`: of its own item's steps, so many have run by then; `this` is the next one."""
        wanted = reference.step_id(item.id)
        owner, at = self._steps.get(wanted, (None, 0))
        if not reference.step or (owner is item and at < before):
            return  # a wrong form has been noted
        if owner is not None and owner is not item and self._before(owner, item):
            return
        if owner is item:
            same = "is this one" if wanted == this else "comes later"
            message = f"step {shorten(reference.step)} {same}: it has given nothing by then"
        elif owner is not None:
            message = (
                f"item {shorten(owner.id)} is not before {shorten(item.id)}; have"
                f" {shorten(item.id)} come after it, or need it"
            )
        else:
            message = f"unknown step {shorten(reference.step)}"
        meant = "" if owner is item else self._meant(reference, item, before)
        self._source.wrong_at(reference.position, message, meant)

    def _meant(self, reference: Reference, item: Item, before: int) -> str:
        short = [step.id.removeprefix(f"{item.id}.") for step in item.steps[:before]]
        others = (other for other in self._plan.items if self._before(other, item))
        known = [step.id for other in others if other is not item for step in other.steps]
        same = [name for name in known if name.endswith(f".{reference.step}")]
        meant = same[0] if same else closest(reference.step, [*short, *known[:1000]])
        return f"${{steps.{meant}.{reference.kind}.{reference.name}}}" if meant else ""

    def _before(self, other: Item, item: Item) -> bool:
        """Whether an item is over when another one begins."""
        if other.id in self._needed(item.id):
            return True
        earlier = self._items[other.id] < self._items[item.id]
        return earlier and item.id not in self._needed(other.id)

    def _needed(self, item_id: str) -> frozenset[str]:
        """Ids of all that an item needs, directly or not."""
        if item_id not in self._needs:
            needs = {item.id: item.needs for item in self._plan.items}
            found: dict[str, None] = {}
            queue = list(needs.get(item_id, ()))
            while queue:
                if (name := queue.pop()) not in found:
                    found[name] = None
                    queue += needs.get(name, ())
            self._needs[item_id] = frozenset(found)
        return self._needs[item_id]


def _asked(condition: Condition | None) -> tuple[Reference, ...]:
    return condition.references if condition else ()


def _references(call: Call) -> Iterator[Reference]:
    for later in call.later:
        yield from (part for part in later.parts if isinstance(part, Reference))
