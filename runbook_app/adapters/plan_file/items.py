"""Items of a plan: checkpoint lines, steps, success criteria and rollback."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from typing import Any

import msgspec

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.calls import Calls
from runbook_app.adapters.plan_file.commands import call_of, has_no_rollback, is_taken_care_of
from runbook_app.adapters.plan_file.conditions import Conditions
from runbook_app.adapters.plan_file.each import Each
from runbook_app.adapters.plan_file.kinds import BLAST_RADIUS, PRIORITIES, REHEARSALS
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, key_mark
from runbook_app.adapters.plan_file.reading import Fields, Reading, check_path, duration
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.variables import closest
from runbook_app.domain.plan import (
    STEP_TIMEOUT,
    ActionKind,
    Call,
    CaptureLine,
    CheckLine,
    CheckpointLine,
    ConfirmLine,
    Item,
    Step,
)
from runbook_app.ports.action import Action

_OF_A_STEP: dict[str, Callable[[Fields, str], object]] = {
    "why": Fields.text,
    "instructions": lambda step, key: step.text(key).rstrip("\n"),
    "estimate": Fields.estimate,
    "block": Fields.text,
    "timeout": lambda step, key: step.duration(key, STEP_TIMEOUT),
    "retries": lambda step, key: step.integer(key, 0, high=100),
    "required": Fields.flag,
    "confirm_within": lambda step, key: step.parsed(key, duration, None),
    "source": Fields.text,
}
"""How a key that a step may have is read; most steps have few of them."""


class Items:
    """Reads a plan's items, and remembers where their parts stand."""

    def __init__(self, reading: Reading, calls: Calls) -> None:
        self._reading = reading
        self._calls = calls
        self._conditions = Conditions(reading)
        self._each = Each(reading)
        self.nodes: dict[str, Fields] = {}
        """The fields of each item, by its id."""
        self.rehearsal = "optional"
        """Of items that don't say themselves whether they have to be rehearsed."""

    def called(self) -> Collection[str]:
        """Names of all actions that the items call."""
        return self._calls.names()

    def read(self, fields: Fields) -> Item:
        item_id = fields.id()
        planned = fields.flag("planned")
        rollback, undone = self._rollback(fields, planned=planned)
        steps, effects = self._steps(fields, item_id, planned=planned, undone=undone)
        creates, notes = self._files(fields, "creates")
        modifies, more_notes = self._files(fields, "modifies")
        item = Item(
            id=item_id,
            number=fields.integer("number", 0, low=0, high=1000) if fields.need("number") else 0,
            title=fields.needed_text("title"),
            what=fields.text("what"),
            why=fields.text("why"),
            priority=fields.choice("priority", PRIORITIES, "critical"),
            estimate=fields.estimate("estimate"),
            needs=fields.texts("needs"),
            guide=fields.path("guide"),
            declared_status=fields.text("declared_status"),
            checkpoint=self._checkpoint(fields, planned=planned),
            steps=steps,
            success=self.checks(fields, "success", planned=planned),
            rollback=rollback,
            rollback_budget=fields.estimate("rollback_budget"),
            commit=fields.text("commit"),
            creates=creates,
            modifies=modifies,
            file_notes={**notes, **more_notes},
            risks=fields.texts("risks"),
            not_required=fields.text("not_required"),
            when=self._conditions.read(fields.entries.get("when")),
            sign_off=fields.flag("sign_off"),
            rehearsal_required=self._rehearsal(fields, effects=effects),
            source=fields.text("source"),
            position=fields.position(),
        )
        self.nodes.setdefault(item_id, fields.without("steps"))
        self._check_shape(item, fields, effects=effects, undone=undone)
        return item

    def checks(self, fields: Fields, key: str, *, planned: bool = False) -> tuple[CheckLine, ...]:
        """The checks of a list, each with an id."""
        lines = []
        for inner in fields.each(key, "a check", keys.CHECK):
            line_id = inner.id()
            call, action = self._calls.read(inner, "check", planned=planned, measures=True)
            title = inner.text("title") or line_id.replace("-", " ").capitalize()
            lines.append(
                CheckLine(
                    id=line_id,
                    title=title,
                    call=call,
                    probe=action is not None and action.kind is ActionKind.PROBE,
                    source=inner.text("source"),
                    position=inner.position(),
                )
            )
        return tuple(lines)

    def _rehearsal(self, fields: Fields, *, effects: bool) -> bool:
        """Only what changes the target can be required: the rest has no rollback to prove."""
        wanted = fields.choice("rehearsal", REHEARSALS, self.rehearsal) == "required"
        if wanted and not effects and "rehearsal" in fields and not fields.broken:
            fields.wrong("rehearsal", "an item that changes nothing has no rollback to rehearse")
        return wanted and effects

    def _steps(
        self, fields: Fields, item_id: str, *, planned: bool, undone: bool
    ) -> tuple[tuple[Step, ...], bool]:
        steps: list[Step] = []
        for node in fields.nodes("steps"):
            inner = self._reading.fields(node, "a step", keys.STEP)
            if "each" in inner.entries:
                steps += self._rounds(inner, item_id, planned=planned, undone=undone)
            else:
                steps.append(self._step(inner, item_id, planned=planned, undone=undone))
        return tuple(steps), any(step.effect for step in steps)

    def _rounds(
        self, fields: Fields, item_id: str, *, planned: bool, undone: bool
    ) -> Iterator[Step]:
        """A step of each entry of `each`."""
        for suffix, values in self._each.rounds(fields.entries["each"]):
            with self._reading.variables.bound(values):
                step = self._step(fields, item_id, planned=planned, undone=undone)
            yield msgspec.structs.replace(step, id=f"{step.id}-{suffix}")

    def _step(self, fields: Fields, item_id: str, *, planned: bool, undone: bool) -> Step:
        planned = planned or ("planned" in fields.entries and fields.flag("planned"))
        given, written = call_of(self._reading, fields)
        call, action = self._calls.read(
            given, "action", planned=planned, measures=False, written=written
        )
        told: dict[str, Any] = {}
        for key in fields.entries:
            if key in _OF_A_STEP:
                told[key] = _OF_A_STEP[key](fields, key)
        if "when" in fields.entries:
            told["when"] = self._conditions.read(fields.entries["when"])
        if action is not None and action.kind is ActionKind.EFFECT:
            told |= self._effect(fields, action, call)
        elif "blast_radius" in fields.entries:
            self._blast_radius(fields, action)
        if "confirm_within" in fields.entries:
            self._check_confirmed(fields, action, undone=undone)
        return Step(
            id=f"{item_id}.{fields.id()}",
            title=fields.needed_text("title"),
            call=call,
            available=action is not None,
            position=call.position,
            **told,
        )

    def _effect(self, fields: Fields, action: Action, call: Call) -> dict[str, object]:
        """What a step says of how its action changes the target."""
        return {
            "effect": True,
            "not_restored": "" if is_taken_care_of(call) else action.not_restored,
            "undoes": action.undoes is not None and not has_no_rollback(call),
            "blast_radius": self._blast_radius(fields, action),
        }

    def _blast_radius(self, fields: Fields, action: Action | None) -> bool:
        wanted = fields.choice("blast_radius", BLAST_RADIUS, "confirm") == "confirm"
        if "blast_radius" in fields and action is not None and action.foresees is None:
            fields.wrong("blast_radius", f"{action.name} does not tell what it will touch")
        return wanted and action is not None and action.foresees is not None

    def _check_confirmed(self, fields: Fields, action: Action | None, *, undone: bool) -> None:
        if action is not None and action.kind is not ActionKind.EFFECT:
            message = f"{action.name} changes nothing that could be reverted"
            fields.wrong("confirm_within", message)
        if not undone:
            fields.wrong("confirm_within", "it reverts by the item's 'rollback', and there is none")

    def _checkpoint(self, fields: Fields, *, planned: bool) -> tuple[CheckpointLine, ...]:
        lines = []
        for node in fields.nodes("checkpoint"):
            line = self._checkpoint_line(node, planned=planned)
            if line is not None:
                lines.append(line)
        return tuple(lines)

    def _checkpoint_line(self, node: Node, *, planned: bool) -> CheckpointLine | None:
        given = node.entries if isinstance(node, Mapping) else {}
        if "confirm" in given:
            return self._confirm(self._reading.fields(node, "a confirmation", keys.CONFIRM_LINE))
        if "capture" in given:
            return self._capture(self._reading.fields(node, "a capture", keys.CAPTURE_LINE))
        if "check" in given:
            inner = self._reading.fields(node, "an automatic line", keys.CHECK_LINE)
            return self._automatic(inner, planned=planned)
        kinds = ["confirm", "check", "capture"]
        meant = (closest(key, kinds) for key in given)
        message = "a checkpoint line is a 'confirm', a 'check' or a 'capture'"
        self._reading.wrong(node, message, next(filter(None, meant), ""))
        return None

    def _confirm(self, fields: Fields) -> ConfirmLine:
        title = fields.needed_text("confirm")
        person = fields.choice("person", ("required", "assumable"), "assumable")
        return ConfirmLine(
            id=fields.id() if "id" in fields else slug(title),
            title=title,
            person_required=person == "required",
            source=fields.text("source"),
            position=fields.position(),
        )

    def _automatic(self, fields: Fields, *, planned: bool) -> CheckLine:
        call, _ = self._calls.read(fields, "check", planned=planned, measures=True)
        title = fields.text("title")
        return CheckLine(
            id=fields.id() if "id" in fields else slug(title or call.action),
            title=title or call.action,
            call=call,
            source=fields.text("source"),
            position=fields.position(),
        )

    def _capture(self, fields: Fields) -> CaptureLine:
        inner = fields.below("capture", keys.CAPTURED)
        files = inner.paths("files")
        project = inner.flag("project") if "project" in inner else True
        database, volume = inner.flag("database"), inner.flag("volume")
        named = {
            "the Compose project": project,
            "the database": database,
            "a copy of its volume": volume,
        }
        what = [*files, *(name for name, wanted in named.items() if wanted)]
        if not what:
            fields.wrong("capture", "this captures nothing; name files, or the project")
        title = fields.text("title") or f"Capture {', '.join(what)}"
        return CaptureLine(
            id=fields.id() if "id" in fields else slug(title),
            title=title,
            files=files,
            project=project,
            database=database,
            volume=volume,
            position=fields.position(),
        )

    def _rollback(self, fields: Fields, *, planned: bool) -> tuple[tuple[Call, ...], bool]:
        """The explicit calls, and whether the item says at all how it is undone."""
        node = fields.entries.get("rollback")
        if node is None:
            return (), False
        if isinstance(node, Scalar):
            if (text := self._reading.text(node, "rollback")) != "captures":
                message = "'rollback' is 'captures' or a list of actions"
                self._reading.wrong(node, message, closest(text, ["captures"]))
            return (), True
        calls = []
        for inner in fields.each("rollback", "a rollback step", keys.CALL):
            call, _ = self._calls.read(inner, "action", planned=planned, measures=False)
            calls.append(call)
        return tuple(calls), True

    def _files(self, fields: Fields, key: str) -> tuple[tuple[str, ...], dict[str, str]]:
        """Paths, each with a note where it has one."""
        paths, notes = [], {}
        for node in fields.nodes(key):
            if isinstance(node, Scalar):
                path = self._reading.text(node, key)
                check_path(self._reading, node, path)
            else:
                inner = self._reading.fields(node, "a file", keys.FILE)
                path = inner.path("path") if inner.need("path") else ""
                notes[path] = inner.text("note")
            paths.append(path)
        return tuple(paths), notes

    def _check_shape(self, item: Item, fields: Fields, *, effects: bool, undone: bool) -> None:
        """Note what an item's parts lack of each other."""
        if item.not_required:
            for key in ("steps", "success", "checkpoint", "rollback", "commit"):
                if key in fields:
                    mark = key_mark(self._reading.source, fields.node, key)
                    message = f"an item that is not required has no {key!r}"
                    self._reading.source.wrong(mark, message)
        elif not item.steps and not fields.broken:
            fields.wrong("steps", f"item {item.id!r} has no steps; give some, or 'not_required'")
        if effects and not item.checkpoint:
            fields.wrong("checkpoint", f"item {item.id!r} changes the target without a checkpoint")
        if effects and not undone:
            message = f"item {item.id!r} changes the target; say how with 'rollback: captures'"
            fields.wrong("rollback", message)
        if item.commit and not effects and not any(not s.available for s in item.steps):
            fields.wrong("commit", f"item {item.id!r} changes nothing that could be committed")


def slug(text: str) -> str:
    """An id made of a title: `Verify openssl available` becomes `verify-openssl-available`."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:60].rstrip("-") or shorten(text)
