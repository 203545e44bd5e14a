"""Editing a Compose file in place: what an edit does not touch stays byte for byte."""

from __future__ import annotations

import io
import re
from collections.abc import (
    Iterable,
    Iterator,
    Mapping,
    MutableMapping,
    MutableSequence,
    Sequence,
)
from difflib import SequenceMatcher
from typing import Any

from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ComposeEdit

_AMBIGUOUS = re.compile(r"[\d_.]+(:[\d_.]+)+|y|n|yes|no|on|off", re.IGNORECASE)
_NESTED = re.compile(
    r"^[^\s#-][^\n]*:[^\S\n]*(?:#.*)?\n(?:[^\S\n]*(?:#.*)?\n)*( +)[^\s#-]", re.MULTILINE
)
_LISTED = re.compile(
    r"^( *)[^\s#-][^\n]*:[^\S\n]*(?:#.*)?\n(?:[^\S\n]*#.*\n)*( *)-( +)\S", re.MULTILINE
)


def edited(text: str, change: ComposeEdit, *, name: str) -> str:
    """Apply an edit; comments, quotes, order and layout are kept.

    Raises:
        ActionError: the file is no YAML mapping.
    """
    if "\r\n" in text:
        return edited(text.replace("\r\n", "\n"), change, name=name).replace("\n", "\r\n")
    yaml = _round_trip(text)
    document = _load(yaml, text, name)
    before, known = _dump(yaml, document), dict(_strings(document))
    change(document)
    _quote_new(document, known)
    after = _dump(yaml, document)
    if after == before:
        return text
    patched = _patch(text.splitlines(True), before.splitlines(True), after.splitlines(True))
    return patched if patched is not None and _same(patched, after) else after


def loaded(text: str, *, name: str) -> Mapping[str, Any]:
    """Read a Compose file as data, without interpolation."""
    document: Mapping[str, Any] = _load(_round_trip(text), text, name)
    return document


def _round_trip(text: str) -> Any:
    from ruamel.yaml import YAML

    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 1_000_000
    yaml.explicit_start = text.startswith("---")
    mapping, sequence, offset = _indentation(text)
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    return yaml


def _load(yaml: Any, text: str, name: str) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise ActionError(f"{name} can't be read: {error}", hint="Mend the file.") from error
    if not isinstance(document, dict):
        raise ActionError(f"{name} is no Compose file: it holds no mapping.")
    return document


def _dump(yaml: Any, document: Any) -> str:
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


_Path = tuple[object, ...]


def _entries(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, MutableMapping):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, MutableSequence) else ()


def _strings(node: Any, path: _Path = ()) -> Iterator[tuple[_Path, str]]:
    for key, value in _entries(node):
        if isinstance(value, str):
            yield (*path, key), value
        else:
            yield from _strings(value, (*path, key))


def _quote_new(node: Any, known: Mapping[_Path, str], path: _Path = ()) -> None:
    """Quote added text that older YAML readers take for a number or a truth value."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    for key, value in _entries(node):
        here = (*path, key)
        if type(value) is str and known.get(here) != value and _AMBIGUOUS.fullmatch(value):
            node[key] = DoubleQuotedScalarString(value)
        elif not isinstance(value, str):
            _quote_new(value, known, here)


def _indentation(text: str) -> tuple[int, int, int]:
    """Indentation of mappings, of sequences, and of a sequence's dash, as the file has it."""
    nested = _NESTED.search(text)
    mapping = len(nested[1]) if nested else 2
    dash = _LISTED.search(text)
    if not dash:
        return mapping, mapping + 2, mapping
    offset = max(0, len(dash[2]) - len(dash[1]))
    return mapping, offset + 1 + len(dash[3]), offset


def _patch(original: Sequence[str], before: Sequence[str], after: Sequence[str]) -> str | None:
    """Carry the changes from `before` to `after` over to the original, whose layout may differ.

    None when a change touches lines that the round trip had already altered.
    """
    at = _places(original, before)
    result: list[str] = []
    position = 0
    for operation, first, last, start, end in SequenceMatcher(
        None, before, after, autojunk=False
    ).get_opcodes():
        if operation == "equal":
            continue
        begin, stop = at.get(first), at.get(last)
        if begin is None or stop is None or begin < position or stop < begin:
            return None
        if operation == "insert":
            begin, added = _inserted(original, position, begin, after[start:end])
            result += [*original[position:begin], *added]
            position = begin
        else:
            result += [*original[position:begin], *after[start:end]]
            position = stop
    return "".join([*result, *original[position:]])


def _inserted(
    original: Sequence[str], position: int, begin: int, added: Sequence[str]
) -> tuple[int, Sequence[str]]:
    """Move an insertion above the blank lines and comments that belong to what follows.

    A new block of several lines is set off by a blank line where its neighbours are.
    """
    while begin > position and _belongs_below(original[begin - 1], _indent(added[0])):
        begin -= 1
    if begin < len(original) and not original[begin].strip():
        return begin, list(_set_off(original[begin - 1], added, _top(original)))
    return begin, added


def _top(lines: Sequence[str]) -> int:
    """Indentation of what stands directly below a top-level key."""
    return min((_indent(line) for line in lines if line.strip() and _indent(line)), default=2)


def _set_off(previous: str, added: Sequence[str], top: int) -> Iterator[str]:
    for line, following in zip(added, [*added[1:], ""], strict=True):
        if _indent(line) == top < min(_indent(previous), _indent(following)):
            yield "\n"
        yield line
        previous = line


def _belongs_below(line: str, indent: int) -> bool:
    return not line.strip() or (line.lstrip().startswith("#") and _indent(line) < indent)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _places(original: Sequence[str], before: Sequence[str]) -> dict[int, int]:
    """Index in the original by index in `before`, where both sides of a line's start agree."""
    places = {0: 0, len(before): len(original)}
    matcher = SequenceMatcher(None, before, original, autojunk=False)
    for block in matcher.get_matching_blocks():
        for offset in range(block.size + 1):
            places.setdefault(block.a + offset, block.b + offset)
    return places


def _same(one: str, other: str) -> bool:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return bool(YAML(typ="rt").load(one) == YAML(typ="rt").load(other))
    except YAMLError:
        return False
