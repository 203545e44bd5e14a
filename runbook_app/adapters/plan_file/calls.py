"""Actions named in a plan, with their parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from types import MappingProxyType

import msgspec

from runbook_app.adapters.parameter_types import ParameterMistake
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import Node, key_mark
from runbook_app.adapters.plan_file.reading import Fields, Reading
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.scripts import Scripts
from runbook_app.adapters.plan_file.shapes import (
    OPEN,
    Shape,
    Values,
    inner_node,
    paths_to_scalars,
    shape_of,
)
from runbook_app.adapters.plan_file.variables import closest
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.plan import ActionKind, Call, Later
from runbook_app.ports.action import Action, Script

NO_NAMES: Mapping[str, str] = MappingProxyType({})


class _Installed(msgspec.Struct, frozen=True):
    """An action that a plan can call, and what its signature says."""

    action: Action
    shape: Shape
    """Of all parameters together."""
    scripts: list[str]
    """Parameters that a program will obey."""
    fits: Callable[[Mapping[str, object]], bool]
    """Whether all parameters together are what it takes."""


class Calls:
    """Reads calls of one plan; each action is looked up once."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._found: dict[str, _Installed | None] = {}
        self._failed: set[str] = set()
        """Actions that are there and can't be used, which has been noted."""
        self._values = Values(reading.source, reading.variables)

    def names(self) -> Collection[str]:
        """Of all actions that were called so far."""
        return self._found.keys()

    def read(
        self,
        fields: Fields,
        key: str,
        *,
        planned: bool,
        measures: bool,
        written: Mapping[str, str] = NO_NAMES,
    ) -> tuple[Call, Action | None]:
        """Read the action under `key` and its parameters under `with`.

        An action that is not installed is a mistake, unless the plan says `planned`; then no
        action is returned. With `measures`, an effect is a mistake too. `written` has the plan's
        own keys for parameters that it writes by others.
        """
        node = fields.entries.get(key)
        if node is None:
            fields.need(key)
            return Call(action="", position=fields.position()), None
        name = self._reading.text(node, key)
        found = self._found.get(name) or self._action(name, node, planned=planned)
        if found is not None and found.action.kind is ActionKind.EFFECT:
            self._check_effect(found.action, node, measures=measures)
        self._values.later.clear()
        parameters = self._parameters(fields, name, found)
        call = Call(
            action=name,
            parameters=parameters,
            later=self._later(fields.entries.get("with")) if self._values.later else (),
            position=self._reading.source.position(fields.node.mark),
        )
        if found is not None and found.scripts:
            self._check_scripts(fields, found, written)
        return call, found.action if found else None

    def _later(self, node: Node | None) -> tuple[Later, ...]:
        waiting = self._values.later
        return tuple(
            Later(path=path, text=scalar.text, parts=parts, takes=takes)
            for scalar, path in (paths_to_scalars(node, ()) if node else ())
            if id(scalar) in waiting
            for parts, takes in (waiting[id(scalar)],)
        )

    def _check_scripts(self, fields: Fields, found: _Installed, written: Mapping[str, str]) -> None:
        """Hold texts that a program will obey to their own rule."""
        given = fields.entries.get("with")
        if not isinstance(given, MappingNode):
            return
        way = "values" if "values" in found.shape.fields else "env"
        handed = given.entries.get(way)
        names = handed.entries.keys() if isinstance(handed, MappingNode) else ()
        looked = Scripts(self._reading.source, self._reading.variables.values, names)
        look = looked.query if way == "values" else looked.command
        for name in found.scripts:
            if name in given.entries:
                look(given.entries[name], written.get(name, name), written.get(way, way))

    def _action(self, name: str, node: Node, *, planned: bool) -> _Installed | None:
        if name not in self._found:
            self._found[name] = self._look_up(name, node)
        found = self._found[name]
        if found is None and name not in self._failed and not planned:
            self._reading.wrong(
                node,
                f"no action {shorten(name)} is installed; mark one to come with 'planned: true'",
                closest_action(name, self._names),
            )
        return found

    @cached_property
    def _names(self) -> list[str]:
        return self._reading.registry.names()

    def _look_up(self, name: str, node: Node) -> _Installed | None:
        try:
            action = self._reading.registry.get(name)
            if action is None:
                return None
            types = self._reading.registry.parameters(action)
        except RunbookError as error:
            self._reading.wrong(node, str(error))
            self._failed.add(name)
            return None
        shape = Shape(fields={n: shape_of(t) for n, t in types.items()})
        scripts = [n for n, t in types.items() if t is Script]
        return _Installed(action, shape, scripts, self._reading.registry.fitting(action))

    def _check_effect(self, action: Action, node: Node, *, measures: bool) -> None:
        if action.checker is None:
            message = f"{action.name} changes the target but has no check of its own"
            self._reading.wrong(node, message)
        if measures:
            message = f"{action.name} changes the target; only a check or probe can stand here"
            self._reading.wrong(node, message)

    def _parameters(self, fields: Fields, name: str, found: _Installed | None) -> dict[str, object]:
        node = fields.entries.get("with")
        reading = self._reading
        if node is not None and not isinstance(node, MappingNode):
            reading.wrong(node, "'with' has to be a mapping of parameter names to values")
            return {}
        values, unread = self._values.of_call(node, found.shape if found else OPEN, name)
        if found is None:
            return values
        action = found.action
        if unread or not found.fits(values):
            waiting = [later.path for later in self._later(node)] if self._values.later else []
            for mistake in reading.registry.mistakes(action, values):
                if mistake.name not in unread and not _waits(mistake, waiting):
                    self._note(action, mistake, node, fields)
        return values

    def _note(
        self, action: Action, mistake: ParameterMistake, node: MappingNode | None, fields: Fields
    ) -> None:
        source = self._reading.source
        message = f"{action.name}: {mistake.message}"
        if node is None or mistake.problem == "missing":
            source.wrong((node or fields.node).mark, message)
        elif mistake.problem == "unknown":
            *above, key = (mistake.name, *mistake.path)
            holder = inner_node(node, tuple(above))
            suggestion = closest(str(key), list(mistake.choices))
            mark = (
                key_mark(source, holder, str(key)) if isinstance(holder, MappingNode) else node.mark
            )
            source.wrong(mark, message, suggestion=suggestion)
        else:
            inner = inner_node(node.entries[mistake.name], mistake.path)
            text = getattr(inner, "text", "")
            suggestion = closest(text, list(mistake.choices)) if text else ""
            source.wrong(inner.mark, message, suggestion=suggestion)


def _waits(mistake: ParameterMistake, waiting: list[tuple[str | int, ...]]) -> bool:
    """Whether a type that doesn't fit is that of a value which a step gives later."""
    where = (mistake.name, *mistake.path)
    return mistake.problem == "type" and any(
        path[: len(where)] == where[: len(path)] for path in waiting
    )


def closest_action(name: str, names: list[str]) -> str:
    """The action that was probably meant: of the same module, else by its whole name."""
    module = f"{name.rpartition('.')[0]}."
    beside = {other.removeprefix(module): other for other in names if other.startswith(module)}
    meant = closest(name.removeprefix(module), beside) if module != "." else ""
    return beside[meant] if meant else closest(name, names, cutoff=0.8)
