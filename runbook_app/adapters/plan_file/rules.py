"""Rules across a plan's parts: ids, what refers to what, files beside the plan, the window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from runbook_app.adapters.plan_file.document import Document
from runbook_app.adapters.plan_file.nodes import Mapping, Scalar, Sequence
from runbook_app.adapters.plan_file.reading import Fields, is_inside
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import closest
from runbook_app.domain.clock import format_duration
from runbook_app.domain.plan import CheckLine, Item, Plan, Position

_OF_A_DATABASE = frozenset({"command.sql", "command.sql_holds"})


class Rules:
    def __init__(self, source: Source, document: Document, plan: Plan) -> None:
        self._source = source
        self._root = document.root
        self._fields = document.items.nodes
        self._called = document.items.called()
        self._plan = plan

    def check(self, folder: Path, now: datetime, *, window_from_now: bool) -> None:
        """Note everything that is wrong between the parts.

        Args:
            folder: of the plan file; guides are looked for in it.
            now: for a window that is over.
            window_from_now: the window's own start is not used.
        """
        self._ids()
        self._references()
        self._cycles()
        self._sign_off()
        self._databases()
        for item in self._plan.items:
            self._guide(item, folder)
        if not window_from_now:
            self._window(now)

    def _ids(self) -> None:
        plan = self._plan
        self._unique("item id", ((i.id, i.position) for i in plan.items))
        self._unique("item number", ((str(i.number), i.position) for i in plan.items if i.number))
        for item in plan.items:
            if len({step.id for step in item.steps}) < len(item.steps):
                self._unique("step id", ((s.id, s.position) for s in item.steps))
            lines = [*item.checkpoint, *item.success]
            self._unique("line id", ((line.id, line.position) for line in lines))
        for key in ("blocks", "baseline", "documents", "links", "next_phases", "sections"):
            self._unique("section id", self._places(key))
        for key in ("risks", "claims"):
            self._unique(f"{key.removesuffix('s')} id", self._places(key))
        checks = plan.score.checks()
        self._unique("score check id", ((c.id, c.position) for c in checks))

    def _unique(self, what: str, ids: Iterable[tuple[str, Position]]) -> None:
        first: dict[str, Position] = {}
        for name, position in ids:
            if name and name in first:
                line = str(first[name].line)
                if first[name].file != position.file:
                    line += f" of {first[name].file}"
                message = f"duplicate {what} {name!r}, first on line {line}"
                self._source.wrong_at(position, message)
            first.setdefault(name, position)

    def _places(self, key: str) -> Iterator[tuple[str, Position]]:
        node = self._root.entries.get(key)
        for inner in node.items if isinstance(node, Sequence) else ():
            name = inner.entries.get("id") if isinstance(inner, Mapping) else None
            if isinstance(name, Scalar):
                yield name.text, self._source.position(name.mark)

    def _references(self) -> None:
        plan = self._plan
        items = [item.id for item in plan.items]
        risks = [risk.id for risk in plan.risks]
        for fields in self._fields.values():
            self._known(fields, "needs", items, "item")
            self._known(fields, "risks", risks, "risk")
        audit = self._root.entries.get("audit")
        if isinstance(audit, Mapping):
            self._known(
                Fields(self._root.reading, audit, audit.entries, "audit"), "items", items, "item"
            )
        self._measured_by()

    def _known(self, fields: Fields, key: str, known: list[str], what: str) -> None:
        node = fields.entries.get(key)
        for inner in node.items if isinstance(node, Sequence) else ():
            if isinstance(inner, Scalar) and inner.text not in known:
                message = f"unknown {what} {shorten(inner.text)}"
                self._source.wrong(inner.mark, message, suggestion=closest(inner.text, known))

    def _measured_by(self) -> None:
        claims = self._root.nodes("claims")
        if not claims:
            return
        steps = [step.id for _, step in self._plan.steps()]
        criteria = [
            line.id
            for item in self._plan.items
            for line in (*item.checkpoint, *item.success)
            if isinstance(line, CheckLine)
        ]
        for node in claims:
            name = node.entries.get("measured_by") if isinstance(node, Mapping) else None
            if not isinstance(name, Scalar) or name.text in steps:
                continue
            if criteria.count(name.text) > 1:
                message = (
                    f"{shorten(name.text)} is a criterion of several items; give it its own id"
                )
                self._source.wrong(name.mark, message)
            elif name.text not in criteria:
                message = f"{shorten(name.text)} is no step (item.step) and no success criterion"
                suggestion = closest(name.text, steps + criteria)
                self._source.wrong(name.mark, message, suggestion=suggestion)

    def _cycles(self) -> None:
        needs = {item.id: item.needs for item in self._plan.items}
        told: set[str] = set()
        for item in self._plan.items:
            cycle = _cycle(item.id, needs)
            if cycle and told.isdisjoint(cycle):
                told.update(cycle)
                message = f"items need each other in a circle: {' -> '.join([*cycle, cycle[0]])}"
                self._fields[item.id].wrong("needs", message)

    def _sign_off(self) -> None:
        for item in self._plan.items[:-1]:
            if item.sign_off:
                message = "the sign-off is the last item of the plan, and there is one"
                self._fields[item.id].wrong("sign_off", message)

    def _databases(self) -> None:
        if self._plan.target.database.service or _OF_A_DATABASE.isdisjoint(self._called):
            return
        for _, step in self._plan.steps():
            if step.call.action in _OF_A_DATABASE:
                message = "the plan names no database; add 'target: {database: {service: …}}'"
                self._source.wrong_at(step.position, message)

    def _guide(self, item: Item, folder: Path) -> None:
        if not item.guide or not is_inside(item.guide):
            return
        message = ""
        if not (folder / item.guide).is_file():
            message = f"there is no guide {shorten(item.guide)} beside the plan"
        elif not (folder / item.guide).resolve().is_relative_to(folder.resolve()):
            message = f"the guide {shorten(item.guide)} leads out of the plan's folder by a link"
        if message:
            self._fields[item.id].wrong("guide", message)

    def _window(self, now: datetime) -> None:
        window = self._plan.window
        if window.starts is None or now - window.starts < window.budget:
            return
        over = format_duration(now - window.starts - window.budget)
        message = (
            f"the window has been over for {over}; write 'starts: now' or use --window-from now"
        )
        node = self._root.entries["window"]
        inner = node.entries.get("starts", node) if isinstance(node, Mapping) else node
        self._source.wrong(inner.mark, message)


def _cycle(start: str, needs: dict[str, tuple[str, ...]]) -> list[str]:
    """The shortest way from an item back to itself, or nothing."""
    ways = {start: [start]}
    queue = [start]
    for name in queue:
        for need in needs.get(name, ()):
            if need == start:
                return ways[name]
            if need not in ways:
                ways[need] = [*ways[name], need]
                queue.append(need)
    return []
