"""Actions named in a plan, with their parameters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType

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


class Calls:
    """Reads calls of one plan; each action is looked up once."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._found: dict[str, Action | None] = {}
        self._failed: set[str] = set()
        """Actions that are there and can't be used, which has been noted."""
        self._shapes: dict[str, Shape] = {}
        self._scripts: dict[str, list[str]] = {}
        """Parameters of each action that a program will obey."""
        self._values = Values(reading.source, reading.variables)

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
        node = fields.need(key)
        if node is None:
            return Call(action=""), None
        name = self._reading.text(node, key)
        action = self._action(name, node, planned=planned)
        if action is not None:
            self._check_kind(action, node, measures=measures)
        self._values.later.clear()
        parameters = self._parameters(fields, name, action)
        call = Call(
            action=name,
            parameters=parameters,
            later=self._later(fields.entries.get("with")) if self._values.later else (),
            position=fields.position(),
        )
        if action is not None and self._scripts[action.name]:
            self._check_scripts(fields, action, written)
        return call, action

    def _later(self, node: Node | None) -> tuple[Later, ...]:
        waiting = self._values.later
        return tuple(
            Later(path=path, text=scalar.text, parts=parts, takes=takes)
            for scalar, path in (paths_to_scalars(node, ()) if node else ())
            if id(scalar) in waiting
            for parts, takes in (waiting[id(scalar)],)
        )

    def _check_scripts(self, fields: Fields, action: Action, written: Mapping[str, str]) -> None:
        """Hold texts that a program will obey to their own rule."""
        scripts = self._scripts[action.name]
        given = fields.entries.get("with")
        if not isinstance(given, MappingNode):
            return
        way = "values" if "values" in self._reading.registry.parameters(action) else "env"
        handed = given.entries.get(way)
        names = handed.entries.keys() if isinstance(handed, MappingNode) else ()
        looked = Scripts(self._reading.source, self._reading.variables.values, names)
        look = looked.query if way == "values" else looked.command
        for name in scripts:
            if name in given.entries:
                look(given.entries[name], written.get(name, name), written.get(way, way))

    def _action(self, name: str, node: Node, *, planned: bool) -> Action | None:
        if name not in self._found:
            self._found[name] = self._look_up(name, node)
        action = self._found[name]
        if action is None and name not in self._failed and not planned:
            self._reading.wrong(
                node,
                f"no action {shorten(name)} is installed; mark one to come with 'planned: true'",
                closest_action(name, self._names),
            )
        return action

    @cached_property
    def _names(self) -> list[str]:
        return self._reading.registry.names()

    def _look_up(self, name: str, node: Node) -> Action | None:
        try:
            action = self._reading.registry.get(name)
            if action is not None:
                types = self._reading.registry.parameters(action)
                self._shapes[name] = Shape(fields={n: shape_of(t) for n, t in types.items()})
                self._scripts[action.name] = [n for n, t in types.items() if t is Script]
        except RunbookError as error:
            self._reading.wrong(node, str(error))
            self._failed.add(name)
            return None
        return action

    def _check_kind(self, action: Action, node: Node, *, measures: bool) -> None:
        if action.kind is not ActionKind.EFFECT:
            return
        if action.checker is None:
            message = f"{action.name} changes the target but has no check of its own"
            self._reading.wrong(node, message)
        if measures:
            message = f"{action.name} changes the target; only a check or probe can stand here"
            self._reading.wrong(node, message)

    def _parameters(self, fields: Fields, name: str, action: Action | None) -> dict[str, object]:
        node = fields.entries.get("with")
        reading = self._reading
        if node is not None and not isinstance(node, MappingNode):
            reading.wrong(node, "'with' has to be a mapping of parameter names to values")
            return {}
        shape = self._shapes[name] if action else OPEN
        mistakes = reading.source.mistakes
        values: dict[str, object] = {}
        unread: tuple[str, ...] = ()
        if node is not None:
            for key, value in node.entries.items():
                before = len(mistakes)
                values[key] = self._values.read(value, shape.of(key), (name, key))
                if len(mistakes) != before:
                    unread = (*unread, key)
        if action is not None and (unread or not reading.registry.fits(action, values)):
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
