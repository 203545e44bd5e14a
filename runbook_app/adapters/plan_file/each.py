"""`each`: one step of the file that stands for several, made when the plan loads."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.adapters.plan_file.kinds import ID_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence
from runbook_app.adapters.plan_file.reading import Reading
from runbook_app.adapters.plan_file.scalars import Unclear, describe, resolve, shorten
from runbook_app.adapters.plan_file.variables import Value

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
        if isinstance(node, Sequence):
            entries = [(str(place), inner) for place, inner in enumerate(node.items, 1)]
        elif isinstance(node, Mapping):
            entries = list(node.entries.items())
        else:
            self._reading.wrong(node, "'each' is a list, or a mapping of keys to values")
            return []
        self._made += len(entries)
        if self._made > MOST:
            self._reading.wrong(node, f"'each' makes more than {MOST:,} steps of this plan")
            return []
        return list(self._rounds(entries))

    def _rounds(self, entries: list[tuple[str, Node]]) -> Iterator[Round]:
        for key, node in entries:
            values: dict[str, Value] = {"each.key": key}
            if isinstance(node, Scalar):
                values["each"] = self._value(node)
            elif isinstance(node, Mapping):
                for name, inner in node.entries.items():
                    if isinstance(inner, Scalar):
                        values[f"each.{name}"] = self._value(inner)
                    else:
                        message = f"'each': {shorten(name)} has to be text, a number, true or false"
                        self._reading.wrong(inner, message)
            else:
                message = "an entry of 'each' is one value, or a mapping of names to values"
                self._reading.wrong(node, message)
            suffix = str(values["each.key"])
            if not ID_PATTERN.fullmatch(suffix):
                self._reading.wrong(
                    node,
                    f"the key {shorten(suffix)} can't end an id; use lower-case letters, digits"
                    " and hyphens",
                )
            yield suffix, values

    def _value(self, node: Scalar) -> Value:
        if "${" in node.text:
            return self._reading.variables.expand(node)
        value = resolve(node)
        if value is None or isinstance(value, Unclear):
            self._reading.wrong(node, f"'each': {describe(node)}; put it in quotes")
            return ""
        return value
