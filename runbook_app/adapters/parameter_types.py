"""A plan's plain values, converted to the types of an action's parameters."""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.domain.clock import parse_duration
from runbook_app.ports.action import Script

_TYPES = re.compile(r"`([^`]*)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterMistake:
    name: str
    """The parameter's name."""
    problem: str
    """`unknown`, `missing` or `type`."""
    message: str
    path: tuple[str | int, ...] = ()
    """Keys and indexes that lead from the parameter's value to what is wrong."""
    choices: tuple[str, ...] = ()
    """What might have been meant instead."""


def type_mistakes(
    name: str, value: object, hint: Any, path: tuple[str | int, ...] = ()
) -> list[ParameterMistake]:
    """What is wrong with one value; each item of a list is looked at by itself."""
    inner = _arguments(hint, 1)
    if isinstance(value, list) and inner:
        found = [
            mistake
            for index, item in enumerate(value)
            for mistake in type_mistakes(name, item, inner[0], (*path, index))
        ]
        if found:
            return found
    try:
        convert(prepare(value, hint), hint)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `")
        choices = _choices(hint) if problem.startswith("Invalid enum value") else ()
        whole = (*path, *_path_of(where.removesuffix("`"), value))
        return [_type_mistake(name, whole, _plainly(problem, choices), choices)]
    except (ValueError, OverflowError) as error:
        return [_type_mistake(name, path, str(error), ())]
    return []


def _type_mistake(
    name: str, path: tuple[str | int, ...], problem: str, choices: tuple[str, ...]
) -> ParameterMistake:
    message = f"parameter {name + _written(path)!r}: {problem}"
    return ParameterMistake(name=name, problem="type", message=message, path=path, choices=choices)


def _written(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)


_SCALARS = (str, int, float, bool, types.NoneType, Any)
_OF_SCALARS = (typing.Union, types.UnionType, list, tuple, collections.abc.Sequence)


def is_plain(hint: Any) -> bool:
    """Whether a type is made of scalars and lists alone: `prepare` has nothing to do for it, and
    msgspec converts to it without the help that `convert` gives."""
    origin = typing.get_origin(hint)
    if origin in _OF_SCALARS:
        return all(is_plain(part) for part in typing.get_args(hint) if part is not ...)
    return hint in _SCALARS or origin is typing.Literal


def convert(value: object, hint: Any) -> Any:
    return msgspec.convert(value, hint, str_keys=True, dec_hook=_other_types)


def _other_types(hint: type, value: object) -> object:
    if hint is Path and isinstance(value, str | Path):
        return Path(value)
    raise ValueError(f"expected {hint.__name__}, got {type(value).__name__}")


def _choices(hint: Any) -> tuple[str, ...]:
    """The values of the Literals in a type."""
    if typing.get_origin(hint) is typing.Literal:
        return tuple(str(choice) for choice in typing.get_args(hint))
    return tuple(choice for inner in typing.get_args(hint) for choice in _choices(inner))


_PLAIN_NAMES = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
    "duration": "a duration such as 90s",
}


def _plainly(problem: str, choices: tuple[str, ...]) -> str:
    """msgspec's words in a plan author's."""
    if choices:
        return f"{problem.removeprefix('Invalid enum value ')} is none of {', '.join(choices)}"
    missing = problem.removeprefix("Object missing required field ")
    if missing != problem:
        return f"the key {missing.strip('`')!r} is missing"
    if not problem.startswith("Expected"):
        return (problem[:1].lower() + problem[1:]).replace("`", "'")
    wanted, got = (_words(types) for types in _TYPES.findall(problem))
    quotes = wanted.startswith("text") and got.startswith(("a whole number", "a number", "true"))
    return f"expected {wanted}, got {got}" + ("; put it in quotes" if quotes else "")


def _words(types: str) -> str:
    return " or ".join(_PLAIN_NAMES.get(name, name) for name in types.split(" | "))


def _path_of(where: str, value: Any) -> tuple[str | int, ...]:
    """Follow msgspec's path (`$.a[2]`) as far as it is exact."""
    path: list[str | int] = []
    for name, index in _STEP.findall(where):
        key: str | int = int(index) if index else name
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            break
        path.append(key)
    return tuple(path)


def unknown_keys(
    name: str, value: object, hint: Any, path: tuple[str | int, ...] = ()
) -> list[ParameterMistake]:
    """Keys of a value's mappings that their types don't have; msgspec would drop them."""
    if isinstance(value, list):
        inner = _arguments(hint, 1)
        pairs = [(index, item, inner[0]) for index, item in enumerate(value)] if inner else []
    elif isinstance(value, dict) and (fields := _fields_in(hint)) is not None:
        pairs = [(key, item, fields.get(key)) for key, item in value.items()]
    elif isinstance(value, dict):
        inner = _arguments(hint, 2)
        pairs = [(key, item, inner[1]) for key, item in value.items()] if inner else []
    else:
        return []
    found = []
    for key, item, of_item in pairs:
        if of_item is None:
            message = f"unknown key {key!r} in parameter {name + _written(path)!r}"
            choices = tuple(_fields_in(hint) or ())
            found.append(
                ParameterMistake(
                    name=name,
                    problem="unknown",
                    message=message,
                    path=(*path, key),
                    choices=choices,
                )
            )
        else:
            found += unknown_keys(name, item, of_item, (*path, key))
    return found


def has_keys(hint: Any) -> bool:
    """Whether a type holds mappings of known keys."""
    fields = _fields_in(hint)
    return fields is not None or any(has_keys(part) for part in typing.get_args(hint))


_TYPE_NAMES: dict[Any, str] = {
    str: "text",
    Script: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    timedelta: "a duration",
    Path: "text",
    types.NoneType: "nothing",
    Any: "anything",
}


def type_words(hint: Any) -> str:
    """A type in a plan author's words: `a list of text`, `{path: text, limit: a whole number}`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _TYPE_NAMES:
        return _TYPE_NAMES[hint]
    if origin is typing.Literal:
        return " or ".join(str(choice) for choice in arguments)
    if (fields := _fields_in(hint)) is not None and origin is None:
        return f"{{{', '.join(f'{name}: {type_words(each)}' for name, each in fields.items())}}}"
    if origin in (typing.Union, types.UnionType):
        return " or ".join(type_words(member) for member in arguments)
    if origin is dict:
        return f"a mapping to {type_words(arguments[1])}"
    return f"a list of {type_words(arguments[0])}" if arguments else str(hint)


def mentions_duration(hint: Any) -> bool:
    if hint is timedelta:
        return True
    inner = list(typing.get_args(hint))
    if isinstance(hint, type) and _has_fields(hint):
        inner += typing.get_type_hints(hint).values()
    return any(mentions_duration(part) for part in inner)


def _fields_in(hint: Any) -> dict[str, Any] | None:
    """Type by key of the member that is a mapping of known keys, if there is one."""
    for member in _members(hint):
        if isinstance(member, type) and _has_fields(member):
            return typing.get_type_hints(member)
    return None


def _has_fields(hint: type) -> bool:
    return typing.is_typeddict(hint) or issubclass(hint, msgspec.Struct)


def prepare(value: object, hint: Any) -> object:
    """Turn texts into durations where the type wants one; msgspec knows only ISO 8601's."""
    match value:
        case str():
            return _duration(value) if _wants_duration(hint) else value
        case list():
            inner = _arguments(hint, 1)
            return [prepare(item, inner[0]) for item in value] if inner else value
        case dict():
            return _prepare_mapping(value, hint)
    return value


def _prepare_mapping(value: dict[Any, object], hint: Any) -> dict[Any, object]:
    fields = _fields_in(hint)
    if fields is not None:
        return {key: prepare(item, fields.get(key, Any)) for key, item in value.items()}
    inner = _arguments(hint, 2)
    return {key: prepare(item, inner[1]) for key, item in value.items()} if inner else value


def _members(hint: Any) -> tuple[Any, ...]:
    """The members of a union; a type that is none is its own only member."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return typing.get_args(hint)
    return (hint,)


def _arguments(hint: Any, count: int) -> tuple[Any, ...]:
    """Arguments of the member that is a collection with so many (`tuple[T, ...]` has one)."""
    for member in _members(hint):
        arguments = tuple(a for a in typing.get_args(member) if a is not ...)
        if len(arguments) == count and typing.get_origin(member) is not typing.Literal:
            return arguments
    return ()


def _wants_duration(hint: Any) -> bool:
    members = _members(hint)
    return timedelta in members and str not in members


def _duration(text: str) -> object:
    """A duration as plans write it; the journal's ISO 8601 form is left to msgspec."""
    return text if text.startswith(("P", "-P")) else parse_duration(text)
