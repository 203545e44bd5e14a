"""`${name}` in a plan: a whole-string reference keeps the variable's type, `$${` writes `${`.

A variable takes its value from the options, then from the target's own file, then from the plan,
and always has the type of the plan's default.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache

from runbook_app.adapters.plan_file.kinds import NAME_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping as MappingNode
from runbook_app.adapters.plan_file.nodes import Node, Scalar, compose, key_mark
from runbook_app.adapters.plan_file.scalars import (
    UNCLEAR,
    Unclear,
    describe,
    resolve,
    resolve_plain,
    shorten,
)
from runbook_app.adapters.plan_file.source import Place, Source
from runbook_app.domain.measure import as_text

TARGET_FILE = "runbook.vars.yaml"
"""Kept in the target: what a plan has to know of this copy of the stack."""

Value = str | int | float | bool

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
        values: Mapping[str, Value],
        environment: Environment | None = None,
    ) -> None:
        self._source = source
        self._environment = environment or Environment({})
        self._known: dict[str, Value] = {}
        """Texts without mistakes, expanded before."""
        self.values = values
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

    def expand(self, node: Scalar) -> Value:
        """The node's text with its references replaced."""
        text = node.text
        if "${" not in text:
            return text
        if text in self._known:
            return self._known[text]
        before = len(self._source.mistakes)
        value = self._expanded(text, node)
        if len(self._source.mistakes) == before and not (self._bound and "${each" in text):
            self._known[text] = value
        return value

    def _expanded(self, text: str, node: Scalar) -> Value:
        found = REFERENCE.fullmatch(text) if text[0] == "$" else None
        if found and not found[1]:
            return self.value(found, node)
        return REFERENCE.sub(lambda found: self.piece(found, node), text)

    def piece(self, found: re.Match[str], node: Scalar) -> str:
        """What stands for one reference inside a longer text."""
        if found[1]:
            return found[0][1:]
        return as_text(self.value(found, node))

    def value(self, found: re.Match[str], node: Scalar) -> Value:
        """What one reference stands for."""
        name = found[2]
        if found[3] and name in self.values:
            return self.values[name]
        if found[3] and name in self._bound:
            return self._bound[name]
        mark = mark_of(self._source, node, found[0])
        if found[3] and name.startswith(ENVIRONMENT):
            value = self._environment.get(name)
            if value is not None:
                return value
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


def read_defaults(
    source: Source,
    root: MappingNode,
    environment: Environment | None = None,
    given: Container[str] = (),
) -> dict[str, Value]:
    """The plan's own values, not expanded yet; those of the environment where it says so.

    For the names in `given`, which have a value already, the environment is not asked.
    """
    environment = environment or Environment({})
    node = root.entries.get("variables")
    if node is None:
        return {}
    if not isinstance(node, MappingNode):
        source.wrong(node.mark, "'variables' has to be a mapping of names to values")
        return {}
    values = {}
    for name, value in node.entries.items():
        if not NAME_PATTERN.fullmatch(name):
            mark = key_mark(source, node, name)
            source.wrong(mark, f"{shorten(name)} is no name; use letters, digits and _")
        elif isinstance(value, MappingNode):
            asked = None if name in given else environment
            values[name] = _of_environment(source, value, name, asked)
        elif (read := _scalar(source, value, name)) is not None:
            values[name] = read
    return values


def _of_environment(
    source: Source, node: MappingNode, name: str, environment: Environment | None
) -> Value:
    """The value of a variable that says `{env: NAME, default: VALUE}`, in its default's type."""
    for key in node.entries.keys() - {"env", "default"}:
        mark = key_mark(source, node, key)
        message = f"unknown key {shorten(key)} in the variable {name!r}; it has 'env' and 'default'"
        source.wrong(mark, message, suggestion=closest(key, ("env", "default")))
    asked, default = node.entries.get("env"), node.entries.get("default")
    fallback = _scalar(source, default, name) if default is not None else None
    if not isinstance(asked, Scalar) or not NAME_PATTERN.fullmatch(asked.text):
        source.wrong(node.mark, f"the variable {name!r} needs 'env', a name of the environment")
        return ""
    text = environment.get(f"{ENVIRONMENT}{asked.text}") if environment else None
    if text is None:
        if default is None and environment is not None:
            message = f"the environment has no {asked.text}; set it, or give {name!r} a 'default'"
            source.wrong(asked.mark, message)
        return "" if fallback is None else fallback
    value = text if fallback is None else _parse(text, fallback)
    if value is None and fallback is not None:
        message = f"{asked.text} in the environment: expected {kind_of(fallback)}"
        source.wrong(asked.mark, f"{message}, got {shorten(text)}")
        return fallback
    return "" if value is None else value


def read_overrides(
    source: Source, defaults: Mapping[str, Value], overrides: Mapping[str, str]
) -> dict[str, Value]:
    """Values given by `--set`, in the types of the plan's defaults."""
    values = {}
    for name, text in overrides.items():
        if name.startswith(ENVIRONMENT):
            continue
        if name not in defaults:
            message = f"--set {name}: the plan has no variable of that name"
            source.wrong(None, message, suggestion=closest(name, defaults))
            continue
        value = _parse(text, defaults[name])
        if value is None:
            kind = kind_of(defaults[name])
            source.wrong(None, f"--set {name}: expected {kind}, got {shorten(text)}")
        else:
            values[name] = value
    return values


def read_target_file(source: Source, defaults: Mapping[str, Value]) -> dict[str, Value]:
    """Values of the target's own file; names that this plan doesn't have are for other plans."""
    root = compose(source)
    if root is None or (isinstance(root, Scalar) and resolve(root) is None):
        return {}
    if not isinstance(root, MappingNode):
        source.wrong(root.mark, "the file has to be a mapping of names to values")
        return {}
    values = {}
    for name, node in root.entries.items():
        if name not in defaults:
            continue
        value = _as_type(source, node, name, defaults[name])
        if value is not None:
            values[name] = value
    return values


def unused(source: Source, root: Node, defaults: Mapping[str, Value]) -> None:
    """Warn of names in the target's file that look like a mistyped variable."""
    if isinstance(root, MappingNode):
        for name in root.entries:
            likely = closest(name, [d for d in defaults if d not in root.entries])
            if name not in defaults and likely:
                mark = key_mark(source, root, name)
                message = f"the plan has no variable {name!r}"
                source.wrong(mark, message, suggestion=likely, warning=True)


def resolve_variables(
    source: Source,
    root: MappingNode,
    defaults: Mapping[str, Value],
    given: Mapping[str, Value],
    environment: Environment | None = None,
) -> Variables:
    """Defaults may refer to other variables; given values are taken as they are."""
    declared = root.entries.get("variables")
    nodes = declared.entries if isinstance(declared, MappingNode) else {}
    values: dict[str, Value] = {}
    waiting = dict.fromkeys(defaults)
    while waiting:
        ready = [n for n in waiting if n in given or not _references(defaults[n]) & waiting.keys()]
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
            else:
                values[name] = _expanded(so_far, nodes[name])
    return Variables(source, values, environment)


def _expanded(variables: Variables, node: Node) -> Value:
    value = resolve(node) if isinstance(node, Scalar) else None
    if isinstance(node, Scalar) and isinstance(value, str):
        return variables.expand(node)
    return value if isinstance(value, int | float) else ""


def _references(value: Value) -> set[str]:
    if not isinstance(value, str):
        return set()
    return {found[2] for found in REFERENCE.finditer(value) if not found[1]}


def _scalar(source: Source, node: Node, name: str) -> Value | None:
    if not isinstance(node, Scalar):
        source.wrong(node.mark, f"the variable {name!r} has to be text, a number, true or false")
        return None
    value = resolve(node)
    if isinstance(value, Unclear):
        message = f"{name!r} is {describe(node)}; put it in quotes, or write a plain number"
        source.wrong(node.mark, message)
        return None
    if value is None:
        source.wrong(node.mark, f'the variable {name!r} has no value; write "" for an empty text')
        return None
    return value


def _as_type(source: Source, node: Node, name: str, default: Value) -> Value | None:
    if isinstance(node, Scalar) and isinstance(default, str) and resolve(node) is UNCLEAR:
        return node.text
    value = _scalar(source, node, name)
    if value is None:
        return None
    if type(value) is type(default):
        return value
    if isinstance(default, float) and type(value) is int:
        return float(value)
    got = describe(node) if isinstance(node, Scalar) else ""
    source.wrong(node.mark, f"{name!r}: expected {kind_of(default)}, got {got}")
    return None


def _parse(text: str, default: Value) -> Value | None:
    if isinstance(default, str):
        return text
    value = resolve_plain(text)
    if isinstance(default, float) and type(value) is int:
        return float(value)
    return value if type(value) is type(default) else None


def kind_of(default: Value) -> str:
    """What a variable takes, for an error."""
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, str):
        return "text"
    return "a whole number" if isinstance(default, int) else "a number"


def mark_of(source: Source, node: Scalar, text: str) -> Place:
    """Where a part of a scalar stands, if that is on its first line."""
    line = node.mark.line
    column = source.line(line).find(text, node.mark.column)
    return Place(line, column if column >= 0 else node.mark.column)
