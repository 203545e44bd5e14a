"""Hostile input: what is sent to an endpoint, and how its answers are judged. No I/O.

A body is told in pieces, `[text, times]`, so that an order for a visitor stays small; each
character is one byte.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from actions.http import header_faults
from runbook_app.ports.action import Run

Pieces = list[tuple[str, int]]

OVERSIZED = 2_000_000
"""Bytes of a body larger than any that an API of records has a use for."""
DEEP = 10_000
LONG_DIGITS = 5_000
LONG_PATH = 20_000


class Stated(TypedDict):
    """An endpoint as the plan states it; no input that is sent to it may be accepted."""

    path: str
    method: NotRequired[str]
    fields: NotRequired[list[str]]
    """Of the JSON body: two texts."""
    query: NotRequired[str]
    """Name of a query parameter that is a number."""
    below: NotRequired[bool]
    """Ask for paths below this one."""


class Known(TypedDict):
    """Input that is known to be answered with a 5xx: a defect that the plan names."""

    path: str
    status: int
    method: NotRequired[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    label: str
    request: Mapping[str, Any]


def attacks(stated: Stated) -> list[Attack]:
    """What is sent to one endpoint."""
    method, path = stated.get("method", "GET").upper(), stated["path"]
    found: list[Attack] = []
    for name, more in _inputs(stated):
        request = {"method": method, "path": path, **more}
        found.append(Attack(label=f"{method} {path}: {name}", request=request))
    return found


def _inputs(stated: Stated) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, pieces in _bodies(stated.get("fields", [])):
        yield name, {"pieces": pieces, "headers": {"Content-Type": "application/json"}}
    if "fields" in stated:
        sound = json.dumps(dict.fromkeys(stated["fields"], "a"))
        for kind in ("text/plain", "application/xml"):
            yield f"{kind} for JSON", {"pieces": [(sound, 1)], "headers": {"Content-Type": kind}}
    if "query" in stated:
        for name, value in QUERIES.items():
            yield name, {"path": f"{stated['path']}?{stated['query']}={value}"}
    if stated.get("below"):
        for name, value in PATHS.items():
            yield name, {"path": f"{stated['path']}/{value}"}


def _bodies(fields: Sequence[str]) -> Iterator[tuple[str, Pieces]]:
    if not fields:
        return
    first, last = json.dumps(fields[0]), json.dumps(fields[-1])

    def with_value(value: str) -> Pieces:
        """The first field has this JSON, the last one is sound."""
        return [(f"{{{first}: {value}, {last}: ", 1), ('"x"}', 1)]

    yield "no body", [("", 1)]
    yield "half a body", [(f'{{{first}: "a", {last}: ', 1)]
    yield "null", [("null", 1)]
    yield "10,000 levels", [("[", DEEP), ("]", DEEP)]
    yield "NUL in a text", with_value('"a\\u0000b"')
    yield "half a surrogate pair", with_value('"\\ud800"')
    yield "an unknown field with half a surrogate pair", [('{"\\ud800": 1}', 1)]
    yield "no number", with_value("NaN")
    yield "a number of 5,000 digits", [(f"{{{first}: ", 1), ("9", LONG_DIGITS), ("}", 1)]
    yield "operators of a query", [(f'{{{first}: {{"$ne": null}}, {last}: ["x"]}}', 1)]
    yield "SQL", [(f'{{{first}: "\' OR 1=1 --", {last}: "\' OR 1=1 --"}}', 1)]
    yield "bytes that are no text", [("\xff\xfe\x00", 1)]
    yield "2 MB", [(f'{{{first}: "', 1), ("a", OVERSIZED), (f'", {last}: "x"}}', 1)]


QUERIES = {
    "no value": "",
    "NUL": "%00",
    "bytes that are no text": "%ff%fe",
    "SQL": "1%20OR%201%3D1",
    "a negative number": "-1",
    "infinity": "1e999",
    "a number of 5,000 digits": "9" * LONG_DIGITS,
}
PATHS = {
    "NUL in the path": "%00",
    "a way up": "..%2f..%2fetc%2fpasswd",
    "bytes that are no text in the path": "%ff",
    "a path of 20,000 characters": "a" * LONG_PATH,
}


def batches(stated: Sequence[Stated], size: int) -> list[list[Attack]]:
    """Attacks in groups, none with more of one endpoint than its rate limit lets pass."""
    return [
        found[start : start + size]
        for found in map(attacks, stated)
        for start in range(0, len(found), size)
    ]


def fault(answer: Mapping[str, Any], headers: Mapping[str, str]) -> str:
    """Say what is wrong with the answer to hostile input; empty when nothing is."""
    status = answer["status"]
    if status == 0:
        return f"no answer: {answer['error']}"
    faults = [] if 400 <= status < 500 and status != 429 else [f"answered {status}"]
    return "; ".join([*faults, *header_faults(answer["headers"], headers)])


def judge(run: Run, attack: Attack, answer: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
    found = fault(answer, headers)
    return run.require(attack.label, not found, found or f"answered {answer['status']}")
