"""What the keys of a plan take, as pieces of JSON Schema (draft 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

REHEARSALS = ("required", "optional")
BLAST_RADIUS = ("confirm", "ignore")
PRIORITIES = ("critical", "high", "medium", "low")
ID_PATTERN = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")
NAME_PATTERN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PASSWORD_PATTERN = re.compile(r"(?:environment|file):.|command:[^:]+:.")

_AMOUNT = r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d) *)+"


def matching(pattern: str) -> Schema:
    """Text of a form; or with a variable in it, whose value is not known yet."""
    return {"type": "string", "pattern": rf"\$\{{|{pattern}"}


def or_variable(schema: Schema) -> Schema:
    return {"anyOf": [schema, REFERENCE]}


def integer(low: int, high: int) -> Schema:
    return or_variable({"type": "integer", "minimum": low, "maximum": high})


def choice(*values: str) -> Schema:
    return or_variable({"enum": list(values)})


def within(name: str) -> Schema:
    """A mapping with the keys of that table."""
    return {"$ref": f"#/definitions/{name}"}


def items(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def several(name: str) -> Schema:
    return items(within(name))


REFERENCE: Schema = {"type": "string", "pattern": r"^\$\{[^{}]*\}$"}
TEXT: Schema = {"type": "string"}
NEEDED: Schema = {"type": "string", "pattern": r"\S"}
ID: Schema = {"type": "string", "pattern": f"^{ID_PATTERN.pattern}$"}
PATH = matching(r"^(?![/~]|\.$)(?!(?:.*/)?\.\.(?:/|$))[^\x00-\x1f\x7f]+$")
DURATION = matching(f"^ *{_AMOUNT}$")
ESTIMATE = matching(f"^ *{_AMOUNT}(?:- *{_AMOUNT})?$")
TIME = matching(r"^\d{4}-?\d\d-?\d\d")
START = {"anyOf": [{"const": "now"}, TIME]}
FLAG = or_variable({"type": "boolean"})
NUMBER = or_variable({"type": "number", "minimum": 0})
WEIGHT = or_variable({"type": "number", "exclusiveMinimum": 0})
TEXTS = items(TEXT)
PATHS = items(PATH)
FILES = items({"anyOf": [PATH, within("file")]})


def or_include(name: str) -> Schema:
    """A list of these, or of files with more of them."""
    included = {"required": ["include"]}
    return items({"if": included, "then": within("include"), "else": within(name)})


ITEMS = {**or_include("item"), "minItems": 1}
STEPS = or_include("step")
CHECKPOINT = items({"anyOf": [within(f"{kind}_line") for kind in ("confirm", "check", "capture")]})
ROLLBACK = {"anyOf": [{"const": "captures"}, several("call")]}
COMMAND_CAPTURE = {"anyOf": [PATHS, within("command_captured")]}
PASSWORD_PLACE = matching(f"^(?:{PASSWORD_PATTERN.pattern})")
ACTION = within("any_action")
MEASURE = within("any_measure")
PARAMETERS: Schema = {"type": "object"}
SCALAR: Schema = {"type": ["string", "number", "boolean"]}
_NAMED: Schema = {
    "type": "object",
    "propertyNames": {"pattern": f"^{NAME_PATTERN.pattern}$"},
}
NAMES: Schema = {**_NAMED, "additionalProperties": TEXT}
BOUND: Schema = {**_NAMED, "additionalProperties": SCALAR}
_ENTRY: Schema = {"anyOf": [SCALAR, {"type": "object", "additionalProperties": SCALAR}]}
VARIABLES: Schema = {
    **_NAMED,
    "additionalProperties": {"anyOf": [SCALAR, within("described"), items(_ENTRY)]},
}
EACH: Schema = {
    "anyOf": [items(_ENTRY), {"type": "object", "additionalProperties": _ENTRY}, REFERENCE]
}
WHEN: Schema = {
    "anyOf": [
        {"type": "object", "minProperties": 1, "additionalProperties": SCALAR},
        {"type": "string", "minLength": 1, "maxLength": 1000},
        {"type": "boolean"},
    ]
}
