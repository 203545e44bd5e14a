"""Typed access to a plan's keys; what doesn't fit is noted with its place, and reading goes on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import PurePosixPath
from typing import TypeVar

import msgspec

from runbook_app.adapters.plan_file.keys import Keys
from runbook_app.adapters.plan_file.kinds import ID_PATTERN
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, Sequence, key_mark
from runbook_app.adapters.plan_file.scalars import (
    OPENERS,
    describe,
    is_text,
    resolve,
    shorten,
)
from runbook_app.adapters.plan_file.source import Source
from runbook_app.adapters.plan_file.variables import Variables, closest
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.clock import Estimate, parse_duration, parse_time
from runbook_app.domain.measure import as_text
from runbook_app.domain.plan import Position

T = TypeVar("T")

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Reading:
    """What all parts of one plan are read with."""

    def __init__(self, source: Source, variables: Variables, registry: InstalledActions) -> None:
        self.source = source
        self.variables = variables
        self.registry = registry

    def wrong(self, node: Node, message: str, suggestion: str = "") -> None:
        self.source.wrong(node.mark, message, suggestion=suggestion)

    def fields(self, node: Node, what: str, known: Keys) -> Fields:
        """Open a mapping; unknown keys are noted."""
        if isinstance(node, Mapping):
            if not node.entries.keys() <= known.keys():
                self._unknown_keys(node, what, known)
            return Fields(self, node, node.entries, what)
        self.wrong(node, f"{what} has to be a mapping of keys to values")
        return Fields(self, Mapping({}, node.mark), {}, what, broken=True)

    def text(self, node: Node, name: str) -> str:
        """A scalar as text; a number or truth value without quotes is refused."""
        if not isinstance(node, Scalar):
            self.wrong(node, f"{name!r} has to be text")
            return ""
        text = node.text
        if node.plain and (not text or text[0] in OPENERS) and not is_text(text):
            self._no_text(node, name)
        if "${" in text:
            return as_text(self.variables.expand(node))
        return text

    def _no_text(self, node: Scalar, name: str) -> None:
        if resolve(node) is None:
            self.wrong(node, f"{name!r} is empty; give it a value or take it out")
        else:
            self.wrong(node, f"{name!r}: expected text, got {describe(node)}; put it in quotes")

    def _unknown_keys(self, node: Mapping, what: str, known: Keys) -> None:
        for name in node.entries:
            if name not in known:
                mark = key_mark(self.source, node, name)
                suggestion = closest(name, list(known))
                self.source.wrong(
                    mark, f"unknown key {shorten(name)} in {what}", suggestion=suggestion
                )


class Fields(msgspec.Struct, gc=False):
    """One mapping of the plan."""

    reading: Reading
    node: Mapping
    entries: dict[str, Node]
    """Those of the node."""
    what: str
    broken: bool = False
    """It was no mapping at all, which has been noted: nothing else can be missing."""

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def without(self, name: str) -> Fields:
        """The same but for one key, whose node is not kept then."""
        entries = dict(self.entries)
        entries.pop(name, None)
        return Fields(
            self.reading, Mapping(entries, self.node.mark), entries, self.what, self.broken
        )

    def need(self, name: str) -> Node | None:
        """A required key's node."""
        node = self.entries.get(name)
        if node is None and not self.broken:
            self.reading.wrong(self.node, f"{self.what} needs the key {name!r}")
        return node

    def text(self, name: str, default: str = "") -> str:
        node = self.entries.get(name)
        return default if node is None else self.reading.text(node, name)

    def needed_text(self, name: str) -> str:
        node = self.entries.get(name)
        if node is None:
            self.need(name)
            return ""
        text = self.reading.text(node, name)
        if isinstance(node, Scalar) and not node.plain and not text.strip():
            self.reading.wrong(node, f"{name!r} is empty")
        return text

    def id(self, name: str = "id") -> str:
        """A required id: lower-case words joined by hyphens."""
        node = self.entries.get(name)
        if node is None:
            self.need(name)
            return ""
        text = self.reading.text(node, name)
        if text and not ID_PATTERN.fullmatch(text):
            message = f"{shorten(text)} is no id; use lower-case letters, digits and hyphens"
            self.reading.wrong(node, message)
        return text

    def integer(self, name: str, default: int, low: int = 0, high: int = 1_000_000) -> int:
        value = self._value(name, default)
        if type(value) is not int:
            self._expected(name, "a whole number")
            return default
        if not low <= value <= high:
            self._expected(name, f"a whole number from {low} to {high}")
            return default
        return value

    def number(self, name: str, default: float) -> float:
        value = self._value(name, default)
        if type(value) not in (int, float) or not 0 <= float(value) < float("inf"):  # type: ignore[arg-type]
            self._expected(name, "a number that is not negative")
            return default
        return float(value)  # type: ignore[arg-type]

    def flag(self, name: str) -> bool:
        if name not in self.entries:
            return False
        value = self._value(name, False)
        if not isinstance(value, bool):
            self._expected(name, "true or false")
        return value is True

    def choice(self, name: str, choices: tuple[str, ...], default: str) -> str:
        text = self.text(name, default)
        if text not in choices:
            node = self.entries[name]
            message = f"{name!r}: {shorten(text)} is none of {', '.join(choices)}"
            self.reading.wrong(node, message, closest(text, list(choices)))
            return default
        return text

    def parsed(self, name: str, parse: Callable[[str], T], default: T) -> T:
        """A text that a function reads, such as a duration."""
        node = self.entries.get(name)
        if node is None:
            return default
        try:
            return parse(node.text if isinstance(node, Scalar) else "")
        except (ValueError, OverflowError):
            # It may hold a variable, or not be text at all: read it properly.
            return self._parsed(node, name, parse, default)

    def _parsed(self, node: Node, name: str, parse: Callable[[str], T], default: T) -> T:
        if not isinstance(node, Scalar):
            self.reading.wrong(node, f"{name!r} has to be text")
            return default
        before = len(self.reading.source.mistakes)
        try:
            return parse(as_text(self.reading.variables.expand(node)))
        except (ValueError, OverflowError) as error:
            if len(self.reading.source.mistakes) == before:
                self.reading.wrong(node, f"{name!r}: {error}")
            return default

    def duration(self, name: str, default: timedelta) -> timedelta:
        return self.parsed(name, duration, default)

    def estimate(self, name: str) -> Estimate | None:
        return self.parsed(name, estimate, None)

    def time(self, name: str) -> datetime | None:
        return self.parsed(name, moment, None)

    def path(self, name: str, default: str = "") -> str:
        """A path below the target (or the plan's folder), never out of it."""
        text = self.text(name, default)
        if name in self.entries:
            check_path(self.reading, self.entries[name], text)
        return text

    def paths(self, name: str) -> tuple[str, ...]:
        found = []
        for node in self.nodes(name):
            text = self.reading.text(node, name)
            check_path(self.reading, node, text)
            found.append(text)
        return tuple(found)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.reading.text(node, name) for node in self.nodes(name))

    def nodes(self, name: str) -> list[Node]:
        """Items of a list; none when the key is absent."""
        node = self.entries.get(name)
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.reading.wrong(node, f"{name!r} has to be a list")
            return []
        return node.items

    def each(self, name: str, what: str, known: Keys) -> Iterator[Fields]:
        """The mappings of a list."""
        for node in self.nodes(name):
            yield self.reading.fields(node, what, known)

    def inner(self, name: str, known: Keys) -> Fields | None:
        """A mapping below this one; None when the key is absent."""
        return self.below(name, known) if name in self.entries else None

    def below(self, name: str, known: Keys) -> Fields:
        """A mapping below this one; an empty one when the key is absent."""
        node = self.entries.get(name)
        return self.reading.fields(node, f"'{name}'", known) if node else self._absent()

    def _absent(self) -> Fields:
        return Fields(self.reading, Mapping({}, self.node.mark), {}, self.what, broken=True)

    def wrong(self, name: str, message: str, suggestion: str = "") -> None:
        """Note a mistake at the value of a key, or here when the key is absent."""
        self.reading.wrong(self.entries.get(name, self.node), message, suggestion)

    def position(self) -> Position:
        return self.reading.source.position(self.node.mark)

    def _value(self, name: str, default: object) -> object:
        node = self.entries.get(name)
        if node is None:
            return default
        if not isinstance(node, Scalar):
            return None
        if "${" in node.text:
            return self.reading.variables.expand(node)
        return resolve(node)

    def _expected(self, name: str, what: str) -> None:
        node = self.entries[name]
        got = describe(node) if isinstance(node, Scalar) else "a list or mapping"
        self.reading.wrong(node, f"{name!r}: expected {what}, got {got}")


def check_path(reading: Reading, node: Node, text: str) -> None:
    """Note a path that leaves the folder it has to stay in."""
    problem = path_problem(text)
    if problem:
        reading.wrong(node, problem)


def is_inside(text: str) -> bool:
    """Whether a path stays below the folder that it is relative to."""
    return not path_problem(text)


def path_problem(text: str) -> str:
    """What is wrong with a path that has to stay below a folder; empty when nothing is."""
    path = PurePosixPath(text)
    if not text or text == ".":
        return "an empty path; name a file relative to the target"
    if _CONTROL.search(text):
        return f"{shorten(text)} holds control characters"
    if path.is_absolute() or text.startswith("~"):
        return f"{shorten(text)} is absolute; write it relative to the target"
    if ".." in path.parts:
        return f"{shorten(text)} leads out of the target by '..'"
    return ""


@lru_cache(maxsize=4096)
def duration(text: str) -> timedelta:
    value = parse_duration(text)
    if value <= timedelta():
        raise ValueError(f"{text!r} is no time at all")
    return value


def moment(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a time such as 2025-10-24T08:00Z ({error})") from None


@lru_cache(maxsize=4096)
def estimate(text: str) -> Estimate:
    return Estimate.parse(text)
