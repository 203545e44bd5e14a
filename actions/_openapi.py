"""Breaking changes between two OpenAPI documents; no I/O.

Breaking is what a client written against the old one can run into: a path, method, parameter or
field of an answer that is gone, a type that is another, and an input that is newly required.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_DEEPEST = 12
"""Schemas may refer to themselves."""

Document = Mapping[str, Any]


def breaking_changes(before: Document, after: Document) -> list[str]:
    return list(_paths(before, after))


def _paths(before: Document, after: Document) -> Iterator[str]:
    for path, old in before.get("paths", {}).items():
        new = after.get("paths", {}).get(path)
        if new is None:
            yield f"{path}: removed"
            continue
        for method in METHODS:
            if method not in old:
                continue
            where = f"{method.upper()} {path}"
            if method not in new:
                yield f"{where}: removed"
            else:
                yield from _operation(where, _Pair(before, after), old[method], new[method])


class _Pair:
    """Two documents, to look up references in."""

    def __init__(self, before: Document, after: Document) -> None:
        self._before = before
        self._after = after

    def old(self, schema: Document) -> Document:
        return _resolve(self._before, schema)

    def new(self, schema: Document) -> Document:
        return _resolve(self._after, schema)


def _resolve(document: Document, schema: Document) -> Document:
    while "$ref" in schema:
        found: Any = document
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            found = found.get(part, {})
        schema = found
    return schema


def _operation(where: str, pair: _Pair, old: Document, new: Document) -> Iterator[str]:
    yield from _parameters(where, old, new)
    yield from _request(where, pair, old.get("requestBody"), new.get("requestBody"))
    for status, answer in old.get("responses", {}).items():
        other = new.get("responses", {}).get(status)
        if other is None:
            yield f"{where}: answer {status} removed"
            continue
        for kind, schema, changed in _contents(answer, other):
            place = f"{where} {status}"
            if changed is None:
                yield f"{place}: {kind} removed"
            else:
                yield from _answer(place, pair, schema, changed, 0)


def _parameters(where: str, old: Document, new: Document) -> Iterator[str]:
    before = {(p["in"], p["name"]): p for p in old.get("parameters", [])}
    after = {(p["in"], p["name"]): p for p in new.get("parameters", [])}
    for key, parameter in before.items():
        if key not in after:
            yield f"{where}: parameter {key[1]} removed"
            continue
        kinds = (parameter.get("schema", {}).get("type"), after[key].get("schema", {}).get("type"))
        if kinds[0] != kinds[1]:
            yield f"{where}: parameter {key[1]} is {kinds[1]}, was {kinds[0]}"
    for key, parameter in after.items():
        was = before.get(key, {}).get("required", False)
        if parameter.get("required") and not was:
            yield f"{where}: parameter {key[1]} newly required"


def _request(where: str, pair: _Pair, old: Document | None, new: Document | None) -> Iterator[str]:
    if old is None:
        if new is not None and new.get("required"):
            yield f"{where}: a body is newly required"
        return
    if new is None:
        yield f"{where}: body removed"
        return
    for kind, schema, changed in _contents(old, new):
        if changed is None:
            yield f"{where}: body as {kind} removed"
        else:
            yield from _input(f"{where} body", pair, schema, changed, 0)


def _contents(old: Document, new: Document) -> Iterator[tuple[str, Document, Document | None]]:
    for kind, content in old.get("content", {}).items():
        other = new.get("content", {}).get(kind)
        yield kind, content.get("schema", {}), None if other is None else other.get("schema", {})


def _answer(where: str, pair: _Pair, old: Document, new: Document, depth: int) -> Iterator[str]:
    """A client reads this: nothing that was there may be gone."""
    old, new = pair.old(old), pair.new(new)
    if depth > _DEEPEST:
        return
    yield from _kind(where, old, new)
    for name, schema in old.get("properties", {}).items():
        other = new.get("properties", {}).get(name)
        if other is None:
            yield f"{where}: field {name} removed"
        else:
            yield from _answer(f"{where}.{name}", pair, schema, other, depth + 1)
    if "items" in old and "items" in new:
        yield from _answer(f"{where}[]", pair, old["items"], new["items"], depth + 1)


def _input(where: str, pair: _Pair, old: Document, new: Document, depth: int) -> Iterator[str]:
    """A client writes this: nothing that was accepted may be refused."""
    old, new = pair.old(old), pair.new(new)
    if depth > _DEEPEST:
        return
    yield from _kind(where, old, new)
    for name in new.get("required", []):
        if name not in old.get("required", []):
            yield f"{where}: field {name} newly required"
    for name, schema in old.get("properties", {}).items():
        other = new.get("properties", {}).get(name)
        if other is None:
            yield f"{where}: field {name} removed"
        else:
            yield from _input(f"{where}.{name}", pair, schema, other, depth + 1)
    gone = [str(value) for value in old.get("enum", []) if value not in new.get("enum", [value])]
    if gone:
        yield f"{where}: no longer accepts {', '.join(gone)}"


def _kind(where: str, old: Document, new: Document) -> Iterator[str]:
    if "type" in old and old["type"] != new.get("type"):
        yield f"{where}: type is {new.get('type')}, was {old['type']}"
