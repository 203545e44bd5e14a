"""The installed actions: ours below `actions`, and others by the entry-point group.

A module is imported when a plan names one of its actions, never before: what an action needs
(Docker, PostgreSQL, cryptography) is imported by the action itself when it runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.domain.clock import parse_duration
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.ports.action import Action

GROUP = "runbook.actions"
"""An entry point of this group names a module: `redis = my_package.redis_actions`."""

_TYPES = re.compile(r"`([^`]*)`")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")

MISSING: Any = inspect.Parameter.empty


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


@dataclass(frozen=True, slots=True)
class Signature:
    types: dict[str, Any]
    required: frozenset[str]
    struct: type[msgspec.Struct]
    """All parameters at once, for the quick way."""
    durations: frozenset[str]
    """Parameters with a duration somewhere in their type."""


class InstalledActions:
    """Find actions by `module.function`."""

    def __init__(self, package: str = "actions", group: str = GROUP) -> None:
        self._package = package
        self._group = group
        self._found: dict[str, Action | None] = {}
        self._signatures: dict[int, Signature] = {}

    def get(self, name: str) -> Action | None:
        """Find an action; None when no such one is installed.

        Raises:
            EnvironmentLacks: its module is there, and can't be imported.
        """
        if name not in self._found:
            module, dot, function = name.rpartition(".")
            self._found[name] = self._load(module, function) if dot else None
        return self._found[name]

    def names(self) -> list[str]:
        """Every installed action; modules that can't be imported are left out."""
        found = []
        for module in self.modules():
            try:
                content = self._import(module)
            except EnvironmentLacks:
                continue
            if content is not None:
                found += [f"{module}.{k}" for k, v in vars(content).items() if _own(v, content)]
        return sorted(found)

    def modules(self) -> list[str]:
        """Names of the modules that actions may be in, ours first."""
        own = [name for name in self._own_modules if not name.startswith("_")]
        return list(dict.fromkeys([*own, *self._other_modules]))

    def parameters(self, action: Action) -> dict[str, Any]:
        """Type by parameter name."""
        return self._signature(action).types

    def required(self, action: Action) -> frozenset[str]:
        """Names of the parameters without a default."""
        return self._signature(action).required

    def coerce(self, action: Action, values: Mapping[str, object]) -> dict[str, object]:
        """Convert a plan's parameters to the signature's types; what is converted stays so.

        Raises:
            ValueError: the first mistake, naming the parameter.
        """
        signature = self._signature(action)
        try:
            whole = _convert(_prepare_all(values, signature), signature.struct)
        except (ValueError, OverflowError):
            mistakes = self.mistakes(action, values)
            raise ValueError(f"{action.name}: {mistakes[0].message}") from None
        return {name: getattr(whole, name) for name in values}

    def fits(self, action: Action, values: Mapping[str, object]) -> bool:
        """Whether a plan's parameters can be converted to the signature's types."""
        signature = self._signature(action)
        try:
            _convert(_prepare_all(values, signature), signature.struct)
        except (ValueError, OverflowError):
            return False
        return True

    def mistakes(self, action: Action, values: Mapping[str, object]) -> list[ParameterMistake]:
        """Everything that is wrong with a plan's parameters."""
        signature = self._signature(action)
        found = [
            ParameterMistake(
                name=name,
                problem="unknown",
                message=f"unknown parameter {name!r}",
                choices=tuple(signature.types),
            )
            for name in values
            if name not in signature.types
        ]
        found += [
            ParameterMistake(name=name, problem="missing", message=f"parameter {name!r} is missing")
            for name in signature.types
            if name in signature.required and name not in values
        ]
        for name, value in values.items():
            if name in signature.types:
                found += _type_mistakes(name, value, signature.types[name])
        return found

    def _signature(self, action: Action) -> Signature:
        key = id(action)
        if key not in self._signatures:
            self._signatures[key] = _read_signature(action)
        return self._signatures[key]

    def _load(self, module: str, function: str) -> Action | None:
        content = self._import(module)
        found = getattr(content, function, None) if content is not None else None
        return found if isinstance(found, Action) else None

    def _import(self, module: str) -> types.ModuleType | None:
        path = self._path(module)
        if not path:
            return None
        try:
            return importlib.import_module(path)
        except Exception as error:
            # Somebody else's module may fail in any way; the plan names it, so the plan fails.
            raise EnvironmentLacks(
                f"The actions of {path} can't be imported: {type(error).__name__}: {error}.",
                hint="Install what it needs, or correct it.",
            ) from error

    def _path(self, module: str) -> str:
        """Full name of a module of actions, or empty."""
        if module.startswith("_"):
            return ""
        if module in self._own_modules:
            return f"{self._package}.{module}"
        return self._other_modules.get(module, "")

    @cached_property
    def _own_modules(self) -> frozenset[str]:
        spec = importlib.util.find_spec(self._package)
        paths = list(spec.submodule_search_locations or ()) if spec else []
        return frozenset(module.name for module in pkgutil.iter_modules(paths))

    @cached_property
    def _other_modules(self) -> dict[str, str]:
        """Modules by the name that their entry point gives them."""
        import importlib.metadata  # only a plan that names others needs it

        return {p.name: p.value for p in importlib.metadata.entry_points(group=self._group)}


def _own(value: object, module: types.ModuleType) -> bool:
    """Whether a module's value is an action that it defines, not one that it imported."""
    return isinstance(value, Action) and value.function.__module__ == module.__name__


def _read_signature(action: Action) -> Signature:
    parameters = [
        p
        for p in inspect.signature(action.function).parameters.values()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    hints = _hints(action, [p.name for p in parameters])
    fields: list[Any] = [
        (p.name, hints[p.name]) if p.default is MISSING else (p.name, hints[p.name], None)
        for p in parameters
    ]
    struct = msgspec.defstruct("Parameters", fields, kw_only=True, forbid_unknown_fields=True)
    _try_out(action, struct)
    required = frozenset(p.name for p in parameters if p.default is MISSING)
    durations = frozenset(name for name, hint in hints.items() if _mentions_duration(hint))
    return Signature(hints, required, struct, durations)


def _try_out(action: Action, struct: type[msgspec.Struct]) -> None:
    """Refuse types that a plan's values can't be converted to, before a plan has any."""
    try:
        _convert({}, struct)
    except msgspec.ValidationError:
        pass
    except TypeError as error:
        raise EnvironmentLacks(
            f"A parameter type of {action.name} can't be read from a plan: {error}.",
            hint="Use text, numbers, durations, lists, mappings, TypedDict or msgspec.Struct.",
        ) from error


def _hints(action: Action, names: list[str]) -> dict[str, Any]:
    """Types of the named parameters only: the context's type may be for type checkers alone."""
    function: Any = action.function
    annotations = {n: function.__annotations__[n] for n in names if n in function.__annotations__}
    holder: Any = types.SimpleNamespace(__annotations__=annotations)
    try:
        hints = typing.get_type_hints(holder, globalns=function.__globals__)
    except NameError as error:
        raise EnvironmentLacks(
            f"A parameter type of {action.name} can't be found: {error}.",
            hint="Import it at run time, not only for type checkers.",
        ) from error
    return {name: hints.get(name, Any) for name in names}


def _type_mistakes(
    name: str, value: object, hint: Any, path: tuple[str | int, ...] = ()
) -> list[ParameterMistake]:
    """What is wrong with one value; each item of a list is looked at by itself."""
    inner = _arguments(hint, 1)
    if isinstance(value, list) and inner:
        found = [
            mistake
            for index, item in enumerate(value)
            for mistake in _type_mistakes(name, item, inner[0], (*path, index))
        ]
        if found:
            return found
    try:
        _convert(_prepare(value, hint), hint)
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
    inner = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    message = f"parameter {name + inner!r}: {problem}"
    return ParameterMistake(name=name, problem="type", message=message, path=path, choices=choices)


def _convert(value: object, hint: Any) -> Any:
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


def _mentions_duration(hint: Any) -> bool:
    if hint is timedelta:
        return True
    inner = list(typing.get_args(hint))
    if isinstance(hint, type) and _has_fields(hint):
        inner += typing.get_type_hints(hint).values()
    return any(_mentions_duration(part) for part in inner)


def _has_fields(hint: type) -> bool:
    return typing.is_typeddict(hint) or issubclass(hint, msgspec.Struct)


def _prepare_all(values: Mapping[str, object], signature: Signature) -> Mapping[str, object]:
    if signature.durations.isdisjoint(values):
        return values
    return {
        name: _prepare(value, signature.types[name]) if name in signature.durations else value
        for name, value in values.items()
    }


def _prepare(value: object, hint: Any) -> object:
    """Turn texts into durations where the type wants one; msgspec knows only ISO 8601's."""
    match value:
        case str():
            return _duration(value) if _wants_duration(hint) else value
        case list():
            inner = _arguments(hint, 1)
            return [_prepare(item, inner[0]) for item in value] if inner else value
        case dict():
            return _prepare_mapping(value, hint)
    return value


def _prepare_mapping(value: dict[Any, object], hint: Any) -> dict[Any, object]:
    for member in _members(hint):
        if isinstance(member, type) and _has_fields(member):
            fields = typing.get_type_hints(member)
            return {key: _prepare(item, fields.get(key, Any)) for key, item in value.items()}
    inner = _arguments(hint, 2)
    return {key: _prepare(item, inner[1]) for key, item in value.items()} if inner else value


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
