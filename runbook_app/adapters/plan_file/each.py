"""`each`: one step of the file that stands for several, made when the plan loads."""

from __future__ import annotations

from runbook_app.adapters.plan_file.declared import kind_of
from runbook_app.adapters.plan_file.kinds import ID_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence
from runbook_app.adapters.plan_file.reading import Reading
from runbook_app.adapters.plan_file.scalars import Unclear, describe, resolve, shorten
from runbook_app.domain.variables import Value

MOST = 10_000
"""Steps that all `each` of a plan make."""

Round = tuple[str, dict[str, Value]]
"""What the step's id ends with, and the values of `${each}` and `${each.NAME}`."""


class Each:
    """Reads the lists of one plan."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._made = 0

    def rounds(self, node: Node) -> list[Round]:
        """One for each entry of the list or mapping; what is no entry is noted."""
        if isinstance(node, Scalar):
            return self._of_variable(node)
        if isinstance(node, Sequence):
            entries = [(str(place), inner) for place, inner in enumerate(node.items, 1)]
        else:
            entries = list(node.entries.items())
        if not self._fits(node, len(entries)):
            return []
        return [self._round(inner, key, self._entry(inner)) for key, inner in entries]

    def _of_variable(self, node: Scalar) -> list[Round]:
        found = self._reading.variables.whole(node)
        if not isinstance(found, list):
            message = "'each' is a list, a variable that is one, or a mapping of keys to values"
            if found is not None:
                message = f"'each': the variable {node.text} is {kind_of(found)}, and no list"
            elif "${" in node.text:
                self._reading.variables.expand(node)  # says what is wrong with the reference
            self._reading.wrong(node, message)
            return []
        if not self._fits(node, len(found)):
            return []
        entries = [entry if isinstance(entry, dict) else {"": entry} for entry in found]
        return [self._round(node, str(at), entry) for at, entry in enumerate(entries, 1)]

    def _fits(self, node: Node, more: int) -> bool:
        self._made += more
        if self._made > MOST:
            self._reading.wrong(node, f"'each' makes more than {MOST:,} steps of this plan")
        return self._made <= MOST

    def _entry(self, node: Node) -> dict[str, Value]:
        """The fields of an entry; one that is a single value has it under no name."""
        if isinstance(node, Scalar):
            return {"": self._value(node)}
        if not isinstance(node, Mapping):
            message = "an entry of 'each' is one value, or a mapping of names to values"
            self._reading.wrong(node, message)
            return {}
        fields = {}
        for name, inner in node.entries.items():
            if isinstance(inner, Scalar):
                fields[name] = self._value(inner)
            else:
                message = f"'each': {shorten(name)} has to be text, a number, true or false"
                self._reading.wrong(inner, message)
        return fields

    def _round(self, node: Node, key: str, fields: dict[str, Value]) -> Round:
        named = {f"each.{name}" if name else "each": value for name, value in fields.items()}
        values: dict[str, Value] = {"each.key": key, **named}
        suffix = str(values["each.key"])
        if not ID_PATTERN.fullmatch(suffix):
            self._reading.wrong(
                node,
                f"the key {shorten(suffix)} can't end an id; use lower-case letters, digits"
                " and hyphens",
            )
        return suffix, values

    def _value(self, node: Scalar) -> Value:
        if "${" in node.text:
            return self._reading.variables.expand(node)
        value = resolve(node)
        if value is None or isinstance(value, Unclear):
            self._reading.wrong(node, f"'each': {describe(node)}; put it in quotes")
            return ""
        return value
