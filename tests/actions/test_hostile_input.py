"""Hostile input: found refused by a careful server, and each carelessness found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote_to_bytes

import pytest

from actions import _hostile, _visitor, api
from runbook_app.domain.errors import NotMeasured
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, Request, serving
from tests.actions.test_answers import visiting

HEADERS = {"X-Content-Type-Options": "nosniff"}
SENT = tuple(HEADERS.items())
ENDPOINTS: list[_hostile.Stated] = [
    {"method": "POST", "path": "/login", "fields": ["email", "password"]},
    {"path": "/status", "query": "minutes"},
    {"path": "/customers", "below": True},
]
COUNT = 15 + 7 + 4


def careful(request: Request) -> Answer:
    path, _, query = request.path.partition("?")
    if path == "/broken":
        return Answer(status=500, headers=SENT)
    if path.startswith("/customers/"):
        return Answer(status=414 if len(path) > 8_000 else 404, headers=SENT)
    if path == "/status":
        value = unquote_to_bytes(query.partition("=")[2])
        fine = value.isdigit() and len(value) < 5
        return Answer(status=200 if fine else 422, headers=SENT)
    if len(request.body) > 1_000_000:
        return Answer(status=413, headers=SENT)
    try:
        json.loads(request.body)
    except (ValueError, RecursionError):
        return Answer(status=422, headers=SENT)
    return Answer(status=401, headers=SENT)


def careless(about: Callable[[Request], bool], answer: Answer) -> Callable[[Request], Answer]:
    return lambda request: answer if about(request) else careful(request)


async def measured(
    target: FakeTarget, server: Callable[[Request], Answer], **fields: Any
) -> list[str]:
    with serving(server) as port:
        visiting(target, port)
        return await target.measure(
            api.hostile_input, endpoints=ENDPOINTS, headers=HEADERS, **fields
        )


async def test_a_careful_server_refuses_all_of_it(target: FakeTarget) -> None:
    assert await measured(target, careful) == []
    assert target.value("hostile inputs refused") == COUNT
    assert target.value("control")


def sent(status: int) -> Answer:
    return Answer(status=status, headers=SENT)


CARELESS: dict[str, tuple[Callable[[Request], bool], Answer, str]] = {
    "POST /login: null": (lambda r: r.body == b"null", sent(500), "answered 500"),
    "POST /login: SQL": (lambda r: b"OR 1=1" in r.body, sent(200), "answered 200"),
    "POST /login: bytes that are no text": (lambda r: b"\xff" in r.body, sent(500), "500"),
    "POST /login: 10,000 levels": (lambda r: r.body[:2] == b"[[", sent(500), "500"),
    "POST /login: 2 MB": (lambda r: len(r.body) > 1_000_000, sent(503), "503"),
    "POST /login: application/xml for JSON": (
        lambda r: r.headers.get("content-type") == "application/xml",
        sent(204),
        "204",
    ),
    "GET /status: NUL": (lambda r: r.path.endswith("=%00"), sent(500), "500"),
    "GET /status: a negative number": (lambda r: r.path.endswith("=-1"), sent(200), "200"),
    "GET /customers: a path of 20,000 characters": (
        lambda r: len(r.path) > 8_000,
        Answer(status=414),
        "X-Content-Type-Options absent",
    ),
    "GET /customers: a way up": (lambda r: "etc" in r.path, sent(429), "429"),
}


@pytest.mark.parametrize("failed", CARELESS)
async def test_one_carelessness_is_found_out(target: FakeTarget, failed: str) -> None:
    about, answer, seen = CARELESS[failed]
    found = await measured(target, careless(about, answer))
    assert found == [failed, "hostile inputs refused"]
    assert seen in str(target.value(failed))
    assert target.value("hostile inputs refused") == COUNT - 1


async def test_a_server_that_hangs_up_is_found_out(target: FakeTarget) -> None:
    def hang_up(request: Request) -> Answer:
        if request.body == b"null":
            raise ConnectionAbortedError
        return careful(request)

    found = await measured(target, hang_up)
    assert found == ["POST /login: null", "hostile inputs refused"]
    assert "no answer" in str(target.value("POST /login: null"))


async def test_a_known_defect_is_reported_and_no_more(target: FakeTarget) -> None:
    known: list[_hostile.Known] = [{"path": "/broken", "status": 500}]
    assert await measured(target, careful, known=known) == []
    said = "answered 500, as the plan knows it: 500"
    assert target.value("known defect: GET /broken") == said


async def test_a_probe_that_overlooks_a_500_measures_nothing(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = {"status": 422, "headers": []}
    monkeypatch.setattr(_visitor, "control", lambda: {"broken": sound})
    with pytest.raises(NotMeasured, match="does not notice"):
        await measured(target, careful)


def test_no_visitor_sends_more_than_a_rate_limit_lets_pass() -> None:
    groups = _hostile.batches(ENDPOINTS, 4)
    assert max(len(group) for group in groups) == 4
    assert sum(len(group) for group in groups) == COUNT
    for group in groups:
        assert len({attack.label.partition(":")[0] for attack in group}) == 1


def test_an_order_fits_into_an_argument() -> None:
    """Linux takes 128 KiB for one."""
    for group in _hostile.batches(ENDPOINTS, 4):
        assert len(json.dumps([attack.request for attack in group])) < 100_000
