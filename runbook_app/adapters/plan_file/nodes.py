"""YAML as nodes that know where they stand, built on libyaml's events.

PyYAML's own constructors lose positions, take the last of two equal keys, and turn text into
dates, octal numbers and booleans. Here a scalar stays text until its reader knows which type it
wants (`scalars`). Tags, merge keys and a second document are refused; aliases share one node and
may not make the file larger than the limits below.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from runbook_app.adapters.plan_file.source import KeyPlaces, Mark, Place, Source, place_of

MAX_NODES = 2_000_000
"""Counted with every alias replaced by what it stands for."""
MAX_DEPTH = 64

_SURROGATE = re.compile("[\ud800-\udfff]")


class Scalar(msgspec.Struct, gc=False):
    text: str
    plain: bool
    """Written without quotes, so that its type is open."""
    mark: Any


class Mapping(msgspec.Struct, gc=False):
    entries: dict[str, Node]
    mark: Any


class Sequence(msgspec.Struct, gc=False):
    items: list[Node]
    mark: Any


Node = Scalar | Mapping | Sequence


class PureParser(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser):
    """PyYAML's parser in Python, for a PyYAML that was built without libyaml."""

    def __init__(self, stream: str) -> None:
        yaml.reader.Reader.__init__(self, stream)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)

    def get_event(self) -> Any:
        event: Any = super().get_event()  # type: ignore[no-untyped-call]  # PyYAML's stubs
        if type(event) is ScalarEvent and _SURROGATE.search(event.value):
            problem = "an escape stands for half a character"
            mark: Any = event.start_mark
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return event


Parser = Callable[[str], Any]

Take = Callable[[Mapping, Node], None]

PARSER: Parser = getattr(yaml.cyaml, "CParser") if yaml.__with_libyaml__ else PureParser  # noqa: B009 - the stubs leave it out


def compose(source: Source, parser: Parser = PARSER, take: Take | None = None) -> Node | None:
    """Build the nodes of the one document; mistakes go into the source.

    Args:
        source: the text.
        parser: makes its events.
        take: is given each entry of the root's list `items` as soon as its nodes are there, and
            the root with the keys before it. The list stays empty then.

    None when there is no document, or one that can't be read any further.
    """
    with no_collection():
        try:
            return _Composer(source, parser, take).document()
        except yaml.MarkedYAMLError as error:
            _syntax(source, error)
        except yaml.reader.ReaderError as error:
            source.wrong(
                place_of(source.text, error.position),
                f"the character U+{_codepoint(error.character):04X} is not allowed in YAML",
            )
        except _GaveUp:
            pass
    return None


def key_mark(source: Source, mapping: Mapping, key: str) -> Mark:
    """Where a key of a mapping stands."""
    page, base = source.page(mapping.mark.line)
    if page.keys is None:
        page.keys = _key_places(page.text)
    place = Place(mapping.mark.line - base, mapping.mark.column)
    found = page.keys.get(place, {}).get(key, place)
    return Place(found.line + base, found.column)


def _key_places(text: str) -> KeyPlaces:
    """Places of all keys, by their mapping's place. Read again: only mistakes ask for it."""
    found: KeyPlaces = {}
    open_keys: list[dict[str, Place] | None] = []
    key_next: list[bool] = []
    for event in _events(text):
        kind = type(event)
        if kind in (MappingEndEvent, SequenceEndEvent):
            open_keys.pop()
            key_next.pop()
        elif kind in (MappingStartEvent, SequenceStartEvent, ScalarEvent, AliasEvent):
            place = Place(event.start_mark.line, event.start_mark.column)
            if open_keys and (keys := open_keys[-1]) is not None:
                if key_next[-1] and kind is ScalarEvent:
                    keys[event.value] = place
                key_next[-1] = not key_next[-1]
            if kind is MappingStartEvent:
                found[place] = {}
            if kind in (MappingStartEvent, SequenceStartEvent):
                open_keys.append(found[place] if kind is MappingStartEvent else None)
                key_next.append(True)
    return found


def _events(text: str) -> Iterator[Any]:
    parser = PARSER(text)
    try:
        while (event := parser.get_event()) is not None:
            yield event
    except yaml.YAMLError:
        return


def walk(node: Node) -> Iterator[Node]:
    """Every node once for each place where it stands, the outer ones first."""
    yield node
    if isinstance(node, Mapping):
        for child in node.entries.values():
            yield from walk(child)
    elif isinstance(node, Sequence):
        for child in node.items:
            yield from walk(child)


def mappings(node: Node | None) -> Iterator[Mapping]:
    """The mappings in a list."""
    for inner in node.items if isinstance(node, Sequence) else ():
        if isinstance(inner, Mapping):
            yield inner


def scalars(node: Node | None) -> Iterator[Scalar]:
    """The scalars in a list."""
    for inner in node.items if isinstance(node, Sequence) else ():
        if isinstance(inner, Scalar):
            yield inner


class _GaveUp(Exception):
    """A limit was passed; the mistake has been noted."""


@contextmanager
def no_collection() -> Iterator[None]:
    """Nodes make no cycles, and the collector would take most of a large plan's loading time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Composer:
    def __init__(self, source: Source, parser: Parser, take: Take | None) -> None:
        self.source = source
        self.take = take
        self.next_event: Any = parser(source.text).get_event
        self.anchors: dict[str, Node] = {}
        self.keys: dict[str, str] = {}
        """Each key's text, held once; what can't be a key is not among them."""
        self.unfinished: set[str] = set()
        """Anchors of the nodes that are being built."""
        self.repeated: list[Node] = []
        """What aliases repeat: as long as it is here no other node has its identity."""
        self.sizes: dict[int, int] = {}
        """Of these, and of the nodes in them, by identity."""
        self.total = 0

    def document(self) -> Node | None:
        root = self._first_document()
        while (event := self.next_event()) is not None:
            if type(event) is DocumentStartEvent:
                self.source.wrong(event.start_mark, "a second document; a plan is one document")
                break
        return root

    def _first_document(self) -> Node | None:
        while (event := self.next_event()) is not None:
            if type(event) is DocumentStartEvent:
                if event.tags:
                    self.source.wrong(event.start_mark, "%TAG directives are not allowed")
                return self._node(self.next_event(), 0)
        return None

    def _node(self, event: Any, depth: int) -> Node:
        """`depth`: number of collections around it."""
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is MappingStartEvent:
            return self._mapping(event, depth + 1)
        if kind is SequenceStartEvent:
            return self._sequence(event, depth + 1)
        return self._alias(event)

    def _scalar(self, event: Any) -> Scalar:
        node = Scalar(event.value, event.implicit[0], event.start_mark)
        if event.tag is not None or event.anchor is not None:
            self._properties(event, node)
        return node

    def _mapping(self, start: Any, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        node = Mapping(entries, start.start_mark)
        if depth > MAX_DEPTH or start.anchor is not None or start.tag is not None:
            self._begin(start, node, depth)
        next_event, known = self.next_event, self.keys.get
        while (kind := type(event := next_event())) is not MappingEndEvent:
            # Nearly all keys and values are plain scalars: built here, without calls.
            if (
                kind is not ScalarEvent
                or event.tag is not None
                or event.anchor is not None
                or (key := known(event.value)) is None
                or key in entries
            ):
                key = self._key(event, entries, depth)
                if key is None:
                    self._node(next_event(), depth)
                    continue
            event = next_event()
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                entries[key] = Scalar(event.value, event.implicit[0], event.start_mark)
            elif type(event) is MappingStartEvent:
                entries[key] = self._mapping(event, depth + 1)
            elif self.take is not None and depth == 1 and _is_open_list(key, event):
                entries[key] = self._sequence(event, depth + 1, partial(self.take, node))
            else:
                entries[key] = self._node(event, depth)
        self.total += len(entries)
        if self.total > MAX_NODES or start.anchor is not None:
            self._end(start, node)
        return node

    def _sequence(
        self, start: Any, depth: int, take: Callable[[Node], None] | None = None
    ) -> Sequence:
        items: list[Node] = []
        node = Sequence(items, start.start_mark)
        if depth > MAX_DEPTH or start.anchor is not None or start.tag is not None:
            self._begin(start, node, depth)
        add = take or items.append
        count = 0
        while (kind := type(event := self.next_event())) is not SequenceEndEvent:
            if kind is MappingStartEvent:
                add(self._mapping(event, depth + 1))
            else:
                add(self._node(event, depth))
            count += 1
        self.total += count
        if self.total > MAX_NODES or start.anchor is not None:
            self._end(start, node)
        return node

    def _key(self, event: Any, entries: dict[str, Node], depth: int) -> str | None:
        """The text of a key that is new, odd or wrong; None for one whose value can't be used."""
        if type(event) is not ScalarEvent:
            self._node(event, depth)
            self.source.wrong(event.start_mark, "a key has to be plain text")
            return None
        self._properties(event, Scalar(event.value, False, event.start_mark))
        key = str(event.value)
        if key in entries:
            first = entries[key].mark.line + 1
            self.source.wrong(event.start_mark, f"duplicate key {key!r}, first on line {first}")
        elif key == "<<":
            if event.implicit[0]:
                message = "merge keys (<<) are not supported; write the keys out"
                self.source.wrong(event.start_mark, message)
                return None
            return key
        return self.keys.setdefault(key, key)

    def _alias(self, event: Any) -> Node:
        mark = event.start_mark
        name = str(event.anchor)
        if name in self.unfinished:
            self.source.wrong(mark, f"the alias *{name} stands inside what it repeats")
            return Scalar("", False, mark)
        target = self.anchors.get(name)
        if target is None:
            self.source.wrong(mark, f"unknown alias *{name}")
            return Scalar(f"*{name}", False, mark)
        self.repeated.append(target)
        self.total += self._size(target)
        if self.total > MAX_NODES:
            self._too_many(mark)
        return target

    def _properties(self, event: Any, node: Node) -> None:
        if event.tag is not None:
            self.source.wrong(
                event.start_mark, f"the tag {event.tag!r} is not allowed; types come from the key"
            )
        if event.anchor is not None:
            self.anchors[event.anchor] = node

    def _begin(self, start: Any, node: Mapping | Sequence, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._give_up(node.mark, f"nested deeper than {MAX_DEPTH} levels")
        self._properties(start, node)
        self.unfinished.add(start.anchor)

    def _end(self, start: Any, node: Mapping | Sequence) -> None:
        if self.total > MAX_NODES:
            self._too_many(node.mark)
        self.unfinished.discard(start.anchor)

    def _too_many(self, mark: Mark) -> None:
        self._give_up(mark, f"more than {MAX_NODES} values, aliases counted in full")

    def _size(self, node: Node) -> int:
        """Number of values below a node that an alias repeats."""
        if type(node) is Scalar:
            return 0
        known = self.sizes.get(id(node))
        if known is None:
            inner = node.entries.values() if type(node) is Mapping else node.items  # type: ignore[union-attr]
            known = self.sizes[id(node)] = sum(1 + self._size(child) for child in inner)
        return known

    def _give_up(self, mark: Mark, message: str) -> None:
        self.source.wrong(mark, message)
        raise _GaveUp


def _is_open_list(key: str, event: Any) -> bool:
    """Whether a root's entry is the list of items, which nothing else can repeat."""
    return key == "items" and type(event) is SequenceStartEvent and event.anchor is None


def _syntax(source: Source, error: yaml.MarkedYAMLError) -> None:
    problem = error.problem or "the text can't be read as YAML"
    if error.problem_mark and source.character(error.problem_mark) == "\t":
        source.wrong(error.problem_mark, "YAML: a tab can't indent; use spaces")
        return
    if error.context and error.context_mark and error.problem_mark:
        problem += f" {error.context} that starts on line {error.context_mark.line + 1}"
    source.wrong(error.problem_mark or error.context_mark, f"YAML: {problem}")


def _codepoint(character: int | str) -> int:
    return character if isinstance(character, int) else ord(character)
