"""The JSON Schema of plans, made of the keys that reading knows and of the actions' signatures.

Draft 7, which editors know best. It can't say all that `runbook check` says: ids that refer to each
other, files, and times that contradict each other are left to that.
"""

from __future__ import annotations

import inspect
import json
import types
import typing
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.plan_file.keys import TABLES, Keys
from runbook_app.adapters.plan_file.kinds import (
    BOUND,
    DURATION,
    NEEDED,
    PARAMETERS,
    TEXT,
    Schema,
    choice,
    items,
    or_variable,
    within,
)
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.domain.plan import ActionKind
from runbook_app.ports.action import Action, Script

_SCALARS: dict[Any, Schema] = {
    str: TEXT,
    Script: NEEDED,
    Path: TEXT,
    timedelta: DURATION,
    int: or_variable({"type": "integer"}),
    float: or_variable({"type": "number"}),
    bool: or_variable({"type": "boolean"}),
    types.NoneType: {"type": "null"},
}
_OTHER_NAME = {"type": "string", "pattern": r"^[A-Za-z0-9_]+\.[A-Za-z0-9_]+$"}
_NOT_REQUIRED = {
    "if": {"required": ["not_required"]},
    "then": {
        "properties": dict.fromkeys(("steps", "success", "checkpoint", "rollback", "commit"), False)
    },
    "else": {"required": ["steps"]},
}
_LANGUAGES = ("shell", "sql", "python")
_CHANGING = ("check", "capture", "rollback")


def _one_of(*keys: str) -> Schema:
    return {"anyOf": [{"required": [key]} for key in keys]}


_COMMAND: tuple[Schema, ...] = (
    {"oneOf": [{"required": [key]} for key in ("action", *_LANGUAGES)]},
    {
        "dependencies": {
            "with": _one_of("action", "sql"),
            "env": _one_of("shell", "python"),
            "capture": _one_of("shell", "python"),
            **{key: _one_of(*_LANGUAGES) for key in ("check", "changes", "rollback")},
            **{key: _one_of("check", "changes") for key in _LANGUAGES},
        }
    },
    {"dependencies": {"changes": {"not": _one_of(*_CHANGING)}}},
    {"if": {"required": ["sql"]}, "then": {"properties": {"with": BOUND}}},
)
"""What of a step's keys stands beside what."""
_DESCRIBED: list[Schema] = [
    _one_of("env", "prompt"),
    {
        "dependencies": {
            "type": ["prompt"],
            "choices": {"required": ["prompt"], "not": {"required": ["type"]}},
        }
    },
    *(
        {
            "if": {"properties": {"type": {"const": name}}, "required": ["type"]},
            "then": {"properties": {"default": {"type": of or name}}},
        }
        for name, of in (("text", "string"), ("integer", ""), ("number", ""), ("boolean", ""))
    ),
]
"""What of the keys of a described variable stands beside what."""
_PLANNED = {"properties": {"planned": {"const": True}}, "required": ["planned"]}


def plan_schema(registry: InstalledActions) -> dict[str, Any]:
    """The schema of a plan that may call these actions."""
    actions = list(_usable(registry))
    measures = [action for action in actions if action.kind is not ActionKind.EFFECT]
    tables = {name: _table(keys) for name, keys in TABLES.items()}
    for name in ("step", "call"):
        tables[name]["allOf"] = [within("action_call")]
    tables["step"]["allOf"] += _COMMAND
    tables["described"]["allOf"] = _DESCRIBED
    for name in ("check", "check_line", "score_check"):
        tables[name]["allOf"] = [within("measure_call")]
    tables["score_check"]["allOf"].append(_unless_planned({"check": within("measure")}))
    tables["item"]["allOf"] = [
        _NOT_REQUIRED,
        _unless_planned(
            {
                "steps": {"items": _unless_planned({"action": within("action")})},
                "checkpoint": {"items": {"properties": {"check": within("measure")}}},
                "success": {"items": {"properties": {"check": within("measure")}}},
                "rollback": {"items": {"properties": {"action": within("action")}}},
            }
        ),
    ]
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A plan of runbook",
        **tables.pop("plan"),
        "definitions": {
            **tables,
            "action": _names(actions),
            "any_action": {"anyOf": [within("action"), _OTHER_NAME]},
            "action_call": {"allOf": [_call("action", action, registry) for action in actions]},
            "measure": _names(measures),
            "any_measure": {"anyOf": [within("measure"), _OTHER_NAME]},
            "measure_call": {"allOf": [_call("check", action, registry) for action in measures]},
            **{action.name: _parameters(action, registry) for action in actions},
        },
    }


def _usable(registry: InstalledActions) -> Iterator[Action]:
    """Actions that a plan can call; of the others its check says what is wrong with them."""
    for name in registry.names():
        action = registry.get(name)
        if action is None or (action.kind is ActionKind.EFFECT and action.checker is None):
            continue
        with suppress(EnvironmentLacks):
            registry.parameters(action)
            yield action


def schema_text(registry: InstalledActions) -> str:
    """The schema as a file that is kept: a definition a line, so that a difference is readable."""
    schema = plan_schema(registry)
    definitions = schema.pop("definitions")
    lines = [f"{_json(key)}: {_json(value)}," for key, value in schema.items()]
    inner = [f" {_json(name)}: {_json(value)}" for name, value in definitions.items()]
    return "\n".join(["{", *lines, '"definitions": {', ",\n".join(inner), "}", "}", ""])


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _table(keys: Keys) -> dict[str, Any]:
    # What stands beside a $ref is not looked at in draft 7.
    properties = {
        name: {
            "description": key.means,
            **({"allOf": [key.takes]} if "$ref" in key.takes else key.takes),
        }
        for name, key in keys.items()
    }
    return _mapping(properties, [name for name, key in keys.items() if key.needed])


def _mapping(properties: Schema, required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
    }


def _unless_planned(properties: Schema) -> Schema:
    return {"if": _PLANNED, "else": {"properties": properties}}


def _names(actions: list[Action]) -> Schema:
    return {"anyOf": [{"const": action.name, "description": action.summary} for action in actions]}


def _call(key: str, action: Action, registry: InstalledActions) -> Schema:
    """What naming an action asks of the parameters beside it."""
    then: dict[str, Any] = {"properties": {"with": within(action.name)}}
    if registry.required(action):
        then["required"] = ["with"]
    return {"if": {"properties": {key: {"const": action.name}}, "required": [key]}, "then": then}


def _parameters(action: Action, registry: InstalledActions) -> Schema:
    required = registry.required(action)
    hints = registry.parameters(action)
    schema = _mapping({n: _value(hint) for n, hint in hints.items()}, sorted(required))
    return {"description": inspect.getdoc(action.function) or action.name, **schema}


def _value(hint: Any) -> Schema:
    """What a plan may write for a parameter of a type; anything for a type not known here."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SCALARS:
        return _SCALARS[hint]
    if origin in (typing.Union, types.UnionType):
        return {"anyOf": [_value(member) for member in arguments]}
    if origin is typing.Literal:
        return choice(*arguments)
    if origin in (list, tuple, set, frozenset, Sequence):
        return items(_value(arguments[0])) if arguments else {"type": "array"}
    if origin is dict:
        return {**PARAMETERS, "additionalProperties": _value(arguments[1])}
    if isinstance(hint, type) and typing.is_typeddict(hint):
        return _fields(hint, _required_keys(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return _fields(hint, {f.name for f in msgspec.structs.fields(hint) if f.required})
    return {}


def _required_keys(hint: Any) -> set[str]:
    """Of a TypedDict; its own `__required_keys__` are wrong where annotations are texts."""
    extras = typing.get_type_hints(hint, include_extras=True)
    marks = {name: typing.get_origin(inner) for name, inner in extras.items()}
    if hint.__total__:
        return {name for name, mark in marks.items() if mark is not typing.NotRequired}
    return {name for name, mark in marks.items() if mark is typing.Required}


def _fields(hint: type, required: set[str]) -> Schema:
    hints = typing.get_type_hints(hint)
    return _mapping({name: _value(inner) for name, inner in hints.items()}, sorted(required))
