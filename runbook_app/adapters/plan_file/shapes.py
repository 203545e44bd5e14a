"""Plain values of a plan's nodes, read as an action's parameter types want them."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence
from runbook_app.adapters.plan_file.references import STEPS, parts_of
from runbook_app.adapters.plan_file.scalars import UNCLEAR, describe, resolve_plain
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import Variables
from runbook_app.domain.measure import as_text
from runbook_app.domain.plan import Reference
from runbook_app.ports.action import Script


@dataclass(frozen=True, slots=True)
class Shape:
    """What a type says about the scalars in it."""

    text: bool = False
    """Only text fits, so that `no` or `1_000` keeps its letters."""
    plain: bool = False
    """Only numbers and truth values fit."""
    verbatim: bool = False
    """No value is put into it."""
    item: Shape | None = None
    """Of a list's items or a mapping's values."""
    fields: dict[str, Shape] = field(default_factory=dict)

    def of(self, key: str) -> Shape:
        return self.fields.get(key) or self.item or OPEN


OPEN = Shape()
TEXT = Shape(text=True)
PLAIN = Shape(plain=True)
VERBATIM = Shape(text=True, verbatim=True)


def shape_of(hint: Any) -> Shape:
    if hint is Script:
        return VERBATIM
    members = _members(hint)
    if members and all(_is_text(member) for member in members):
        return TEXT
    if members and all(member in (int, float, bool) for member in members):
        return PLAIN
    for member in members:
        if isinstance(member, type) and (
            typing.is_typeddict(member) or issubclass(member, msgspec.Struct)
        ):
            hints = typing.get_type_hints(member)
            return Shape(fields={name: shape_of(inner) for name, inner in hints.items()})
        arguments = [a for a in typing.get_args(member) if a is not ...]
        if arguments and typing.get_origin(member) is not typing.Literal:
            return Shape(item=shape_of(arguments[-1]))
    return OPEN


class Values:
    """Reads parameters of one plan's actions."""

    def __init__(self, source: Source, variables: Variables) -> None:
        self._source = source
        self._variables = variables
        self.later: dict[int, tuple[tuple[str | Reference, ...], str]] = {}
        """Parts of the scalars that wait for a step, and what they have to become; by identity."""

    def of_call(
        self, node: Mapping | None, shape: Shape, action: str
    ) -> tuple[dict[str, object], list[str]]:
        """A call's parameters by name, and the names of those that can't be read."""
        values: dict[str, object] = {}
        unread: list[str] = []
        mistakes = self._source.mistakes
        noted = len(mistakes)
        fields = shape.fields
        for name, value in node.entries.items() if node else ():
            of_value = fields[name] if name in fields else shape.of(name)
            values[name] = self.read(value, of_value, (action, name))
            if len(mistakes) != noted:
                noted = len(mistakes)
                unread.append(name)
        return values, unread

    def read(self, node: Node, shape: Shape, where: tuple[str, str]) -> object:
        """The plain value of a node, variables replaced; what is unclear becomes a mistake.

        Args:
            where: action and parameter, for the mistake's message.
        """
        if not isinstance(node, Scalar):
            return self._collection(node, shape, where)
        text = node.text
        if "${" in text and not shape.verbatim:
            if STEPS in text and (parts := parts_of(self._source, self._variables, node)):
                takes = "text" if shape.text else "plain" if shape.plain else ""
                self.later[id(node)] = parts, takes
                return text
            if text[0] == "$" and isinstance(listed := self._variables.whole(node), list):
                return listed
            value = self._variables.expand(node)
            return as_text(value) if shape.text and not isinstance(value, str) else value
        if not node.plain:
            return text
        read = resolve_plain(text)
        if read is not UNCLEAR:
            return read
        if not shape.text:
            action, name = where
            message = f"{describe(node)}; put it in quotes, or write it plainly"
            self._source.wrong(node.mark, f"{action}: parameter {name!r}: {message}")
        return text

    def _collection(
        self, node: Mapping | Sequence, shape: Shape, where: tuple[str, str]
    ) -> list[object] | dict[str, object]:
        if isinstance(node, Sequence):
            inner = shape.item or OPEN
            return [self.read(item, inner, where) for item in node.items]
        entries = node.entries.items()
        return {name: self.read(item, shape.of(name), where) for name, item in entries}


def inner_node(node: Node, path: tuple[str | int, ...]) -> Node:
    """The node that a path of keys and indexes leads to, as far as it goes."""
    for part in path:
        if isinstance(node, Mapping) and isinstance(part, str) and part in node.entries:
            node = node.entries[part]
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        else:
            break
    return node


def paths_to_scalars(
    node: Node, above: tuple[str | int, ...]
) -> Iterator[tuple[Scalar, tuple[str | int, ...]]]:
    """Every scalar at or below a node, with the keys and indexes that lead to it."""
    if isinstance(node, Scalar):
        yield node, above
        return
    inner = node.entries.items() if isinstance(node, Mapping) else enumerate(node.items)
    for key, child in inner:
        yield from paths_to_scalars(child, (*above, key))


def _members(hint: Any) -> list[Any]:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return [member for member in typing.get_args(hint) if member is not types.NoneType]
    return [hint]


def _is_text(hint: Any) -> bool:
    if typing.get_origin(hint) is typing.Literal:
        return all(isinstance(choice, str) for choice in typing.get_args(hint))
    return hint in (str, timedelta, Path)
