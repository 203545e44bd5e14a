"""The installed actions: ours below `actions`, and others by the entry-point group.

A module is imported when a plan names one of its actions, never before: what an action needs
(Docker, PostgreSQL, cryptography) is imported by the action itself when it runs.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from runbook_app.adapters.parameter_types import (
    ParameterMistake,
    convert,
    has_keys,
    is_plain,
    mentions_duration,
    prepare,
    type_mistakes,
    unknown_keys,
)
from runbook_app.adapters.plugins import GROUP, Plugin, clash, find_plugins
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.ports.action import Action

if TYPE_CHECKING:
    from runbook_app.domain.events import ActionsFrom

MISSING: Any = inspect.Parameter.empty


@dataclass(frozen=True, slots=True)
class Signature:
    types: dict[str, Any]
    required: frozenset[str]
    struct: type[msgspec.Struct]
    """All parameters at once, for the quick way."""
    durations: frozenset[str]
    """Parameters with a duration somewhere in their type."""
    keyed: frozenset[str]
    """Parameters with a mapping of known keys somewhere in their type."""
    plain: bool
    """None is of a type that msgspec needs help with."""

    def fits(self, values: Mapping[str, object]) -> bool:
        """Whether a plan's parameters can be converted to these types."""
        try:
            self.convert(values)
        except (ValueError, OverflowError):
            return False
        return True

    def convert(self, values: Mapping[str, object]) -> Any:
        """The parameters as the struct.

        Raises:
            ValueError, OverflowError: they don't fit.
        """
        if self.plain:
            return msgspec.convert(values, self.struct)
        for name in self.keyed.intersection(values):
            if unknown_keys(name, values[name], self.types[name]):
                raise ValueError(name)
        return convert(self._prepared(values), self.struct)

    def _prepared(self, values: Mapping[str, object]) -> Mapping[str, object]:
        if self.durations.isdisjoint(values):
            return values
        return {
            name: prepare(value, self.types[name]) if name in self.durations else value
            for name, value in values.items()
        }


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
            EnvironmentLacks: what would bring it is there, and can't be used.
        """
        if name not in self._found:
            module, dot, function = name.rpartition(".")
            self._found[name] = self._load(module, function) if dot else None
        return self._found[name]

    def names(self) -> list[str]:
        """Every installed action; modules that can't be used are left out, see `problems`."""
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
        return list(dict.fromkeys([*own, *self._plugins]))

    def problems(self) -> list[EnvironmentLacks]:
        """Why modules that other packages bring can't be used; imports them all."""
        found = []
        for module in self._plugins:
            try:
                self._import(module, self._usable(module))
            except EnvironmentLacks as problem:
                found.append(problem)
        return found

    def plugin(self, name: str) -> Plugin | None:
        """The package that brings an action, by its name; None when it is one of ours."""
        module = name.rpartition(".")[0]
        if not module or module in self._own_modules or module not in self._plugins:
            return None
        return self._plugins[module][0]

    def sources(self, names: Iterable[str]) -> tuple[ActionsFrom, ...]:
        """Which packages bring these actions, in which version; ours are left out."""
        brought: dict[str, list[str]] = {}
        for name in dict.fromkeys(names):
            if self.plugin(name) is not None:
                brought.setdefault(name.rpartition(".")[0], []).append(name)
        plugins = [(self._plugins[module][0], found) for module, found in brought.items()]
        return tuple(plugin.on_record(found) for plugin, found in plugins)

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
            whole = signature.convert(values)
        except (ValueError, OverflowError):
            mistakes = self.mistakes(action, values)
            raise ValueError(f"{action.name}: {mistakes[0].message}") from None
        return {name: getattr(whole, name) for name in values}

    def fitting(self, action: Action) -> Callable[[Mapping[str, object]], bool]:
        """What tells whether a plan's parameters can be converted to the signature's types."""
        return self._signature(action).fits

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
                found += type_mistakes(name, value, signature.types[name])
                found += unknown_keys(name, value, signature.types[name])
        return found

    def _signature(self, action: Action) -> Signature:
        key = id(action)
        if key not in self._signatures:
            self._signatures[key] = _read_signature(action)
        return self._signatures[key]

    def _load(self, module: str, function: str) -> Action | None:
        plugin = None if module in self._own_modules else self._usable(module)
        content = self._import(module, plugin)
        found = getattr(content, function, None)
        if isinstance(found, Action):
            return found if plugin is None else replace(found, name=f"{module}.{function}")
        if plugin is not None and inspect.iscoroutinefunction(found):
            raise EnvironmentLacks(
                f"{plugin.module}.{function} of the package {plugin.title} is a function, and no"
                " action.",
                hint="Have it declared by @effect, @check or @probe of runbook_app.ports.action.",
            )
        if content is not None and plugin is None and module in self._plugins:
            self._usable(module)  # says that our module hides that of a package
        return None

    def _usable(self, module: str) -> Plugin | None:
        """The one package that brings a module, if one does.

        Raises:
            EnvironmentLacks: several do, or its metadata says that it can't be used here.
        """
        plugins = self._plugins.get(module)
        if not plugins:
            return None
        if problem := clash(plugins) or plugins[0].problem(self._own_modules):
            raise problem
        return plugins[0]

    def _import(self, module: str, plugin: Plugin | None = None) -> types.ModuleType | None:
        if module.startswith("_"):
            return None
        if plugin is None and module not in self._own_modules:
            plugin = self._usable(module)
            if plugin is None:
                return None
        path = plugin.module if plugin else f"{self._package}.{module}"
        try:
            return importlib.import_module(path)
        except (Exception, SystemExit) as error:
            # Somebody else's module may fail in any way; the plan names it, so the plan fails.
            raise _not_importable(path, plugin, error) from error

    @cached_property
    def _own_modules(self) -> frozenset[str]:
        spec = importlib.util.find_spec(self._package)
        paths = list(spec.submodule_search_locations or ()) if spec else []
        return frozenset(module.name for module in pkgutil.iter_modules(paths))

    @cached_property
    def _plugins(self) -> Mapping[str, tuple[Plugin, ...]]:
        """Looked for when a plan names what is none of ours."""
        return find_plugins(self._group)


def _not_importable(path: str, plugin: Plugin | None, error: BaseException) -> EnvironmentLacks:
    of, hint = "", "Install what it needs, or correct it."
    if plugin is not None:
        of = f" of the package {plugin.title}"
        hint = f"Install what it needs, or another version of {plugin.package}, or uninstall it."
    return EnvironmentLacks(
        f"The actions of {path}{of} can't be imported: {type(error).__name__}: {error}.", hint=hint
    )


def _own(value: object, module: types.ModuleType) -> bool:
    """Whether a module's value is an action that it or a part of it defines, not one of another."""
    if not isinstance(value, Action):
        return False
    return f"{value.function.__module__}.".startswith(f"{module.__name__}.")


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
    durations = frozenset(name for name, hint in hints.items() if mentions_duration(hint))
    keyed = frozenset(name for name, hint in hints.items() if has_keys(hint))
    plain = all(is_plain(hint) for hint in hints.values())
    return Signature(hints, required, struct, durations, keyed, plain)


def _try_out(action: Action, struct: type[msgspec.Struct]) -> None:
    """Refuse types that a plan's values can't be converted to, before a plan has any."""
    try:
        convert({}, struct)
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
