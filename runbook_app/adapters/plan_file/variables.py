"""`${name}` in a plan: a whole-string reference keeps the variable's type, `$${` writes `${`.

A variable takes its value from the options, then from the target's own file, then from the plan,
and always has the type of the plan's default. One that is a list stands where a list is wanted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import Node, Scalar, Sequence, walk
from runbook_app.adapters.plan_file.scalars import resolve, shorten
from runbook_app.adapters.plan_file.source import Place, Source
from runbook_app.domain.measure import as_text
from runbook_app.domain.variables import Entries, Given, Value

TARGET_FILE = "runbook.vars.yaml"
"""Kept in the target: what a plan has to know of this copy of the stack."""


REFERENCE = re.compile(r"\$(\$?)\{([^{}\n]*)(\}?)")
"""One more dollar, the name, and the closing brace."""

ENVIRONMENT = "env."
EACH = re.compile(r"each(?:\..+)?")


class Environment:
    """Variables of the environment, as `${env.NAME}` asks for them."""

    def __init__(self, given: Mapping[str, str]) -> None:
        """`given`: by name with the prefix; what a session has pinned, or `--set` says, wins."""
        self._given = given
        self.used: dict[str, Value] = {}
        """What the plan asked for, by name with the prefix."""

    def get(self, name: str) -> str | None:
        """The value of `env.NAME`; None when there is none."""
        value = self._given.get(name)
        if value is None:
            value = os.environ.get(name.removeprefix(ENVIRONMENT))
        if value is not None:
            self.used[name] = value
        return value


class Variables:
    """Resolved variables of one plan."""

    def __init__(
        self,
        source: Source,
        values: Mapping[str, Given],
        environment: Environment | None = None,
    ) -> None:
        self._source = source
        self._environment = environment or Environment({})
        self.values = values
        self._texts = {
            f"${{{name}}}": as_text(value)
            for name, value in values.items()
            if not isinstance(value, list)
        }
        """What a reference stands for inside a longer text, by how it is written."""
        self._bound: Mapping[str, Value] = {}
        """`each` of the step that is being read."""

    @contextmanager
    def bound(self, values: Mapping[str, Value]) -> Iterator[None]:
        """Let these names have values for a while."""
        self._bound = values
        try:
            yield
        finally:
            self._bound = {}

    def whole(self, node: Node) -> Given | None:
        """The value of a variable that a node is nothing but the reference to."""
        found = REFERENCE.fullmatch(node.text) if isinstance(node, Scalar) else None
        return self.values.get(found[2]) if found and found[3] and not found[1] else None

    def expand(self, node: Scalar) -> Value:
        """The node's text with its references replaced."""
        text = node.text
        whole = REFERENCE.fullmatch(text) if text.startswith("${") else None
        if whole:
            return self.value(whole, node)
        texts = self._texts
        return REFERENCE.sub(lambda found: texts.get(found[0]) or self.piece(found, node), text)

    def list_or_value(self, found: re.Match[str], node: Scalar) -> Given:
        """What one reference stands for where a list may stand too."""
        listed = self.values.get(found[2]) if found[3] else None
        return listed if isinstance(listed, list) else self.value(found, node)

    def piece(self, found: re.Match[str], node: Scalar) -> str:
        """What stands for one reference inside a longer text."""
        if found[1]:
            return found[0][1:]
        return as_text(self.value(found, node))

    def value(self, found: re.Match[str], node: Scalar) -> Value:
        """What one reference stands for."""
        name = found[2]
        if found[3] and name in self.values:
            value = self.values[name]
            if not isinstance(value, list):
                return value
            mark = mark_of(self._source, node, found[0])
            message = f"the variable {name!r} is a list; it stands alone, where a list is wanted"
            self._source.wrong(mark, message)
            return ""
        if found[3] and name in self._bound:
            return self._bound[name]
        mark = mark_of(self._source, node, found[0])
        if found[3] and name.startswith(ENVIRONMENT):
            if (text := self._environment.get(name)) is not None:
                return text
            self._source.wrong(
                mark,
                f"the environment has no {shorten(name.removeprefix(ENVIRONMENT))}; set it, give it"
                f" with --set {name}=VALUE, or declare a variable with 'env' and 'default'",
            )
        elif found[3] and name.startswith("steps."):
            self._source.wrong(
                mark,
                f"{shorten(found[0])} is known only when that step has run; it can stand in"
                " 'with' of a step or check, and in 'when'",
            )
        elif found[3] and EACH.fullmatch(name):
            said = (
                "is no value of this entry of 'each'"
                if self._bound
                else "has a value only in a step with 'each'"
            )
            suggestion = closest(name, self._bound)
            self._source.wrong(mark, f"{shorten(found[0])} {said}", suggestion=suggestion)
        elif not found[3]:
            self._source.wrong(
                mark, f"{shorten(found[0])} has no closing brace; write $${{ for ${{"
            )
        else:
            self._source.wrong(
                mark,
                f"unknown variable {shorten(name)}; variables are declared under 'variables'",
                suggestion=closest(name, self.values),
            )
        return found[0]


def closest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str:
    """The known name that was probably meant, or empty."""
    return _closest(name[:200], tuple(known), cutoff)


@lru_cache(maxsize=1024)
def _closest(name: str, known: tuple[str, ...], cutoff: float) -> str:
    from difflib import get_close_matches  # only a mistake needs it

    return next(iter(get_close_matches(name, known, n=1, cutoff=cutoff)), "")


def resolve_variables(
    source: Source,
    root: MappingNode,
    defaults: Mapping[str, Given],
    given: Mapping[str, Given],
    environment: Environment | None = None,
) -> Variables:
    """Defaults may refer to other variables; given values are taken as they are."""
    declared = root.entries.get("variables")
    nodes = declared.entries if isinstance(declared, MappingNode) else {}
    values: dict[str, Given] = {}
    waiting = dict.fromkeys(defaults)
    while waiting:
        ready = [n for n in waiting if n in given or not _references(nodes[n]) & waiting.keys()]
        for name in ready or list(waiting):
            if not ready:
                source.wrong(nodes[name].mark, f"the variable {name!r} refers to itself in the end")
                values[name] = defaults[name]
            del waiting[name]
        so_far = Variables(source, values | dict.fromkeys(waiting, ""), environment)
        for name in ready:
            if name in given:
                values[name] = given[name]
            elif isinstance(nodes[name], MappingNode):
                values[name] = defaults[name]
            elif isinstance(nodes[name], Sequence):
                values[name] = _expanded_entries(so_far, nodes[name])
            else:
                values[name] = _expanded(so_far, nodes[name])
    return Variables(source, values, environment)


def _expanded_entries(variables: Variables, node: Node) -> Entries:
    found: Entries = []
    for inner in node.items if isinstance(node, Sequence) else ():
        if isinstance(inner, MappingNode):
            found.append({key: _expanded(variables, one) for key, one in inner.entries.items()})
        else:
            found.append(_expanded(variables, inner))
    return found


def _expanded(variables: Variables, node: Node) -> Value:
    value = resolve(node) if isinstance(node, Scalar) else None
    if isinstance(node, Scalar) and isinstance(value, str):
        return variables.expand(node)
    return value if isinstance(value, int | float) else ""


def _references(node: Node) -> set[str]:
    """Names that a default refers to; one that says where its value comes from refers to none."""
    if isinstance(node, MappingNode):
        return set()
    texts = (inner.text for inner in walk(node) if isinstance(inner, Scalar))
    return {found[2] for text in texts for found in REFERENCE.finditer(text) if not found[1]}


def mark_of(source: Source, node: Scalar, text: str) -> Place:
    """Where a part of a scalar stands, if that is on its first line."""
    line = node.mark.line
    column = source.line(line).find(text, node.mark.column)
    return Place(line, column if column >= 0 else node.mark.column)
