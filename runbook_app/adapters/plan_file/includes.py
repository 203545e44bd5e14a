"""`include: FILE` in a list of items or steps: that file's own, read as if they stood there.

A file is named relative to the plan's folder and lies below it. Its nodes keep their places: lines
of the n-th file are counted from n times `PAGE` on, which its source takes apart again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runbook_app.adapters.plan_file.nodes import (
    MAX_NODES,
    Mapping,
    Node,
    Scalar,
    Sequence,
    compose,
    key_mark,
    mappings,
    walk,
)
from runbook_app.adapters.plan_file.scalars import shorten
from runbook_app.adapters.plan_file.source import MAX_BYTES, Place, Source, read_source

DEEPEST = 5
"""Files, each included by the one before."""
MOST = 10_000
"""Items and steps that come from included files."""
MOST_FILES = 100


def digest(plan: bytes, included: Iterable[tuple[str, bytes]]) -> str:
    """SHA-256 of a plan.

    Without includes it is that of the file; with them that of a list: the plan's, then a line
    `SHA-256, two spaces, path` of each included file in the order in which they were come upon.
    """
    whole = hashlib.sha256(plan).hexdigest()
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in included]
    return hashlib.sha256("".join([f"{whole}\n", *lines]).encode()).hexdigest() if lines else whole


def names_file(nodes: Node | None) -> bool:
    """Whether a list of items or steps names a file that is to be included."""
    return isinstance(nodes, Sequence) and any(
        "include" in node.entries for node in nodes.items if isinstance(node, Mapping)
    )


class Includes:
    """Puts the items and steps of other files into a plan's nodes."""

    def __init__(self, source: Source, folder: Path, size: int) -> None:
        """`size`: bytes of the plan itself."""
        self._source = source
        self._folder = folder
        self._size = size
        self._known: dict[tuple[str, str], list[Node]] = {}
        self._roots: dict[str, Mapping | None] = {}
        self._made = 0
        self._values = 0
        self.files: dict[str, bytes] = {}
        """Content by path, relative to the plan's folder."""

    def expand(self, root: Mapping) -> None:
        items = root.entries.get("items")
        if not isinstance(items, Sequence):
            return
        if names_file(items):
            items.items = self._expanded(items.items, "items", ())
        self._expand_steps(items, ())

    def _expand_steps(self, items: Sequence, above: tuple[str, ...]) -> None:
        for item in mappings(items):
            steps = item.entries.get("steps")
            if isinstance(steps, Sequence) and names_file(steps):
                steps.items = self._expanded(steps.items, "steps", above)

    def _expanded(self, nodes: list[Node], key: str, above: tuple[str, ...]) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            if isinstance(node, Mapping) and "include" in node.entries:
                found += self._included(node, key, above)
            else:
                found.append(node)
        return found

    def _included(self, node: Mapping, key: str, above: tuple[str, ...]) -> list[Node]:
        for other in node.entries.keys() - {"include"}:
            mark = key_mark(self._source, node, other)
            self._source.wrong(mark, f"{shorten(other)} can't stand beside 'include'")
        target = node.entries["include"]
        name = target.text if isinstance(target, Scalar) else ""
        if problem := self._problem(name, above):
            self._source.wrong(target.mark, problem)
            return []
        if (name, key) not in self._known:
            self._known[name, key] = self._listed(name, key, (*above, name), target)
        found = self._known[name, key]
        self._made += len(found)
        if self._made > MOST:
            message = f"more than {MOST:,} items and steps come from included files"
            self._source.wrong(target.mark, message)
            return []
        return found

    def _problem(self, name: str, above: tuple[str, ...]) -> str:
        """Why a file can't be included; empty when it can."""
        path = PurePosixPath(name)
        if "${" in name or path.suffix not in (".yaml", ".yml"):
            return "'include' is the path of a file, written out, that ends with .yaml or .yml"
        if path.is_absolute() or ".." in path.parts or not name.isprintable():
            return f"{shorten(name)} is not below the plan's folder; write it relative to that"
        if name in above:
            return f"files include each other in a circle: {' -> '.join([*above, name])}"
        if len(above) >= DEEPEST:
            return f"files include each other more than {DEEPEST} deep: {' -> '.join(above)}"
        if name not in self._roots and len(self._roots) >= MOST_FILES:
            return f"a plan includes at most {MOST_FILES} files"
        file = self._folder / name
        try:
            if not file.is_file():
                return f"there is no file {shorten(name)} in the plan's folder"
            if not file.resolve().is_relative_to(self._folder.resolve()):
                return f"{shorten(name)} leads out of the plan's folder by a link"
        except OSError as error:
            return f"{shorten(name)} can't be read: {error.strerror}"
        return ""

    def _listed(self, name: str, key: str, above: tuple[str, ...], asked: Node) -> list[Node]:
        """The items or steps of a file, its own includes in place."""
        if name not in self._roots:
            self._roots[name] = self._read(name, asked)
        root = self._roots[name]
        if root is None:
            return []
        if key not in root.entries:
            self._source.wrong(root.mark, f"a file that is included here needs the key {key!r}")
        listed = root.entries.get(key)
        if not isinstance(listed, Sequence):
            if listed is not None:
                self._source.wrong(listed.mark, f"{key!r} has to be a list")
            return []
        found = self._expanded(listed.items, key, above)
        if key == "items":
            self._expand_steps(listed, above)
        return found

    def _read(self, name: str, asked: Node) -> Mapping | None:
        try:
            data = (self._folder / name).read_bytes()
        except OSError as error:
            self._source.wrong(asked.mark, f"{shorten(name)} can't be read: {error.strerror}")
            return None
        self._size += len(data)
        if self._size > MAX_BYTES:
            message = f"the plan and what it includes have more than {MAX_BYTES} bytes"
            self._source.wrong(asked.mark, message)
            return None
        self.files[name] = data
        page = read_source(str(self._folder / name), data)
        root = None if page.mistakes else compose(page)
        noted = bool(page.mistakes)
        self._source.mistakes += page.mistakes
        base = self._source.add(page)
        if root is None:
            if not noted:
                self._source.wrong(
                    Place(base, 0), "an included file is a mapping; this one is empty"
                )
            return None
        self._values += _move(root, base)
        if self._values > MAX_NODES:
            message = f"more than {MAX_NODES} values in included files, aliases counted in full"
            self._source.wrong(asked.mark, message)
            return None
        if not isinstance(root, Mapping):
            message = "an included file is a mapping with the key 'items' or 'steps'"
            self._source.wrong(root.mark, message)
            return None
        for other in root.entries.keys() - {"items", "steps"}:
            mark = key_mark(self._source, root, other)
            message = f"unknown key {shorten(other)} in an included file; it has 'items' or 'steps'"
            self._source.wrong(mark, message)
        return root


def _move(root: Node, base: int) -> int:
    """Count the lines of a file's nodes from its base on; returns how many nodes there are."""
    seen: set[int] = set()
    count = 0
    for node in walk(root):
        count += 1
        if id(node) not in seen:
            seen.add(id(node))
            node.mark = Place(node.mark.line + base, node.mark.column)
    return count
