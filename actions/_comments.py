"""Comments in a Compose document: ruamel keeps them at the token before, out of reach of an edit.

A plain dictionary has none, and is left alone.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any


def before(mapping: MutableMapping[str, Any], key: str, text: str, *, indent: int) -> None:
    """Put a comment line above a key."""
    add = getattr(mapping, "yaml_set_comment_before_after_key", None)
    if add is not None:
        add(key, before=text, indent=indent)


def blank_before(mapping: MutableMapping[str, Any], key: str) -> None:
    """Put an empty line above a key."""
    add = getattr(mapping, "yaml_set_comment_before_after_key", None)
    if add is not None:
        add(key, before="\n")


def drop_before(mapping: MutableMapping[str, Any], key: str) -> None:
    """Remove the comment lines directly above a key: below another key they would be wrong."""
    keys = list(mapping)
    place = keys.index(key)
    if place == 0:
        return
    for token in _tokens_at_the_end(mapping, keys[place - 1]):
        end_of_line, newline, _ = token.value.partition("\n")
        token.value = end_of_line + newline


def _tokens_at_the_end(holder: Any, key: Any) -> list[Any]:
    """Return the comment tokens that follow the last value below a key."""
    value = holder[key]
    if isinstance(value, dict) and value:
        return _tokens_at_the_end(value, list(value)[-1])
    if isinstance(value, list) and value:
        return _tokens_at_the_end(value, len(value) - 1)
    comments = getattr(holder, "ca", None)
    if comments is None:
        return []
    return [token for token in comments.items.get(key) or [] if hasattr(token, "value")]
