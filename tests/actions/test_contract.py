"""Breaking changes of an OpenAPI document."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from actions import _openapi, api
from runbook_app.domain.errors import CheckFailed, NotMeasured
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.run import FakeTarget

JSON = "application/json"
DOCUMENT: dict[str, Any] = {
    "paths": {
        "/orders": {
            "get": {
                "parameters": [
                    {"in": "query", "name": "limit", "schema": {"type": "integer"}},
                ],
                "responses": {
                    "200": {"content": {JSON: {"schema": {"$ref": "#/components/schemas/Page"}}}},
                    "401": {},
                },
            },
            "post": {
                "requestBody": {
                    "content": {JSON: {"schema": {"$ref": "#/components/schemas/New"}}}
                },
                "responses": {"201": {}},
            },
        },
        "/health": {"get": {"responses": {"200": {}}}},
    },
    "components": {
        "schemas": {
            "Page": {
                "type": "object",
                "properties": {
                    "total": {"type": "integer"},
                    "orders": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
                },
            },
            "Order": {
                "type": "object",
                "properties": {
                    "id": {"type": "integer"},
                    "next": {"$ref": "#/components/schemas/Order"},
                },
            },
            "New": {
                "type": "object",
                "required": ["text"],
                "properties": {
                    "text": {"type": "string"},
                    "kind": {"type": "string", "enum": ["a", "b"]},
                },
            },
        }
    },
}
Change = Callable[[dict[str, Any]], object]


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def changed(change: Change) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    change(document)
    return document


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda d: d["paths"].pop("/health"), "/health: removed"),
        (lambda d: d["paths"]["/orders"].pop("get"), "GET /orders: removed"),
        (
            lambda d: d["paths"]["/orders"]["get"]["parameters"].clear(),
            "GET /orders: parameter limit removed",
        ),
        (
            lambda d: d["paths"]["/orders"]["get"]["parameters"][0]["schema"].update(type="string"),
            "GET /orders: parameter limit is string, was integer",
        ),
        (
            lambda d: d["paths"]["/orders"]["get"]["parameters"][0].update(required=True),
            "GET /orders: parameter limit newly required",
        ),
        (
            lambda d: d["paths"]["/orders"]["get"]["responses"].pop("401"),
            "GET /orders: answer 401 removed",
        ),
        (
            lambda d: schema(d, "Page")["properties"].pop("total"),
            "GET /orders 200: field total removed",
        ),
        (
            lambda d: schema(d, "Order")["properties"]["id"].update(type="string"),
            "GET /orders 200.orders[].id: type is string, was integer",
        ),
        (
            lambda d: schema(d, "New")["required"].append("kind"),
            "POST /orders body: field kind newly required",
        ),
        (
            lambda d: schema(d, "New")["properties"].pop("kind"),
            "POST /orders body: field kind removed",
        ),
        (
            lambda d: schema(d, "New")["properties"]["kind"]["enum"].remove("b"),
            "POST /orders body.kind: no longer accepts b",
        ),
        (
            lambda d: d["paths"]["/orders"]["post"].pop("requestBody"),
            "POST /orders: body removed",
        ),
        (
            lambda d: d["paths"]["/health"]["get"].update(requestBody={"required": True}),
            "GET /health: a body is newly required",
        ),
    ],
)
def test_what_breaks_a_client_is_named(change: Change, words: str) -> None:
    assert words in _openapi.breaking_changes(DOCUMENT, changed(change))


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["paths"].update({"/new": {"get": {}}}),
        lambda d: d["paths"]["/orders"]["get"]["parameters"].append({"in": "query", "name": "q"}),
        lambda d: schema(d, "Page")["properties"].update(more={"type": "boolean"}),
        lambda d: schema(d, "New")["properties"].update(note={"type": "string"}),
        lambda d: schema(d, "New")["properties"]["kind"]["enum"].append("c"),
    ],
)
def test_what_is_added_breaks_nobody(change: Change) -> None:
    assert _openapi.breaking_changes(DOCUMENT, changed(change)) == []


def test_a_schema_that_contains_itself_is_followed_to_an_end() -> None:
    assert _openapi.breaking_changes(DOCUMENT, DOCUMENT) == []


def describing(target: FakeTarget, document: object) -> None:
    target.containers.running["api"] = container("api")
    target.containers.on_execute = lambda *_: result(json.dumps(document))


async def test_an_unchanged_contract_passes(target: FakeTarget) -> None:
    describing(target, DOCUMENT)
    await target.measure(api.openapi_saved)
    target.recorder.age("tls/checkpoint/openapi")
    assert await target.measure(api.openapi_unchanged) == []
    assert target.value("identical") is True


async def test_a_breaking_change_fails_and_is_named(target: FakeTarget) -> None:
    describing(target, DOCUMENT)
    await target.measure(api.openapi_saved)
    target.recorder.age("tls/checkpoint/openapi")
    describing(target, changed(lambda d: d["paths"].pop("/health")))
    with pytest.raises(CheckFailed, match="/health: removed"):
        await target.measure(api.openapi_unchanged)
    assert target.value("breaking changes") == 1


async def test_without_an_earlier_description_nothing_is_compared(target: FakeTarget) -> None:
    describing(target, DOCUMENT)
    with pytest.raises(NotMeasured, match="No description of the API was kept as 'before'"):
        await target.measure(api.openapi_unchanged)


async def test_a_description_altered_since_is_not_compared(target: FakeTarget) -> None:
    describing(target, DOCUMENT)
    await target.measure(api.openapi_saved)
    target.recorder.age("tls/checkpoint/openapi")
    (target.scratch / "openapi-before.json").write_text("{}")
    with pytest.raises(NotMeasured, match="is not the one that the journal names"):
        await target.measure(api.openapi_unchanged)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (result(exit_code=1, stderr="URLError: refused"), "URLError: refused"),
        (result("<html>"), "is no OpenAPI document"),
    ],
)
async def test_a_description_that_can_not_be_read_is_not_measured(
    target: FakeTarget, answer: Any, words: str
) -> None:
    target.containers.running["api"] = container("api")
    target.containers.on_execute = lambda *_: answer
    with pytest.raises(NotMeasured, match=words):
        await target.measure(api.openapi_saved)
