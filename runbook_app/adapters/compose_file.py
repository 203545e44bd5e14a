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
)
from typing import Any

from runbook_app.adapters.line_patch import carry
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ComposeEdit

_AMBIGUOUS = re.compile(r"[\d_.]+(:[\d_.]+)+|y|n|yes|no|on|off", re.IGNORECASE)
_UNUSUAL_BREAK = re.compile("[\x85\u2028\u2029]")
"""Some YAML readers end a line there, also inside plain text."""
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
    patched = carry(_lines(text), _lines(before), _lines(after))
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
        if type(value) is str and known.get(here) != value and _needs_quotes(value):
            node[key] = DoubleQuotedScalarString(value)
        elif not isinstance(value, str):
            _quote_new(value, known, here)


def _needs_quotes(text: str) -> bool:
    return bool(_AMBIGUOUS.fullmatch(text) or _UNUSUAL_BREAK.search(text))


def _lines(text: str) -> list[str]:
    """Lines with their ends; only a line feed ends one, unlike `str.splitlines`."""
    return [line for line in re.split(r"(?<=\n)", text) if line]


def _indentation(text: str) -> tuple[int, int, int]:
    """Indentation of mappings, of sequences, and of a sequence's dash, as the file has it."""
    nested = _NESTED.search(text)
    mapping = len(nested[1]) if nested else 2
    dash = _LISTED.search(text)
    if not dash:
        return mapping, mapping + 2, mapping
    offset = max(0, len(dash[2]) - len(dash[1]))
    return mapping, offset + 1 + len(dash[3]), offset


def _same(one: str, other: str) -> bool:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return bool(YAML(typ="rt").load(one) == YAML(typ="rt").load(other))
    except YAMLError:
        return False
