"""What `http.*` checks find, on servers that are sound or have one weakness."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from actions import _visitor, http
from actions._stack import ORDER
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.capabilities import ExecResult, PublishedPort
from runbook_app.testing.capabilities import container, result
from runbook_app.testing.network import response
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, Request, issued, server_context, serving, written

HEADERS = {"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"}
SENT = tuple(HEADERS.items())


async def test_an_expected_status_passes_and_another_fails(networked: FakeTarget) -> None:
    with serving(lambda _: Answer(status=204)) as port:
        url = f"http://127.0.0.1:{port}/health"
        assert await networked.measure(http.status, url=url, expect=204) == []
        assert await networked.measure(http.status, url=url) == [f"GET {url}"]


@pytest.mark.parametrize(
    ("sent", "holds"),
    [
        ([("X-A", "1")], True),
        ([], False),
        ([("X-A", "2")], False),
        ([("X-A", "1"), ("X-A", "1")], False),
    ],
)
async def test_an_expected_header_is_there_once_and_as_stated(
    target: FakeTarget, sent: Sequence[tuple[str, str]], holds: bool
) -> None:
    target.http.on_request = lambda *_: response(200, sent)
    failed = await target.measure(http.status, url="http://x/", headers={"X-A": "1"})
    assert failed == ([] if holds else ["X-A: 1"])


def redirecting(
    reachable: str, *, get: int = 301, other: int = 308, query: bool = True
) -> Callable[[Request], Answer]:
    def answer(request: Request) -> Answer:
        path = request.path if query else request.path.partition("?")[0]
        status = get if request.method in ("GET", "HEAD") else other
        return Answer(status=status, headers=[("Location", reachable + path)])

    return answer


@pytest.mark.parametrize(
    ("weakness", "failed"),
    [
        ({}, set()),
        ({"get": 302}, {"GET", "HEAD"}),
        ({"other": 301}, {"POST", "PUT", "PATCH", "DELETE"}),
        ({"query": False}, {"Location of GET", "Location of POST"}),
    ],
)
async def test_a_redirect_keeps_path_query_and_method(
    networked: FakeTarget, weakness: dict[str, Any], failed: set[str]
) -> None:
    with serving() as open_port:
        reachable = f"http://localhost:{open_port}"
        with serving(redirecting(reachable, **weakness)) as port:
            url = f"http://localhost:{port}/a?b=1"
            names = await networked.measure(http.redirect, url=url, location_prefix=reachable)
    assert failed <= {name.removesuffix(f" {url}") for name in names}
    assert bool(failed) == bool(names)


async def test_a_redirect_to_a_dead_port_fails(networked: FakeTarget) -> None:
    with serving() as dead:
        pass
    with serving(redirecting(f"http://localhost:{dead}")) as port:
        failed = await networked.measure(
            http.redirect,
            url=f"http://localhost:{port}/a",
            location_prefix=f"http://localhost:{dead}",
        )
    assert failed == ["Location reachable"]


async def test_a_service_behind_the_proxy_alone_passes(networked: FakeTarget) -> None:
    networked.containers.running["api"] = container("api")
    with serving(lambda _: Answer(status=400)) as port:
        assert await networked.measure(http.unreachable, control_port=port) == []


async def test_a_published_port_fails(networked: FakeTarget) -> None:
    published = PublishedPort(host_ip="0.0.0.0", host_port=8000, container_port=8000)
    networked.containers.running["api"] = container("api", ports=[published])
    with serving(lambda _: Answer(status=400)) as port:
        failed = await networked.measure(http.unreachable, control_port=port)
    assert failed == ["api publishes no port"]


async def test_a_port_that_still_accepts_fails(networked: FakeTarget) -> None:
    networked.containers.running["api"] = container("api")
    with serving(lambda _: Answer(status=400)) as port, serving() as other:
        failed = await networked.measure(http.unreachable, control_port=port, port=other)
    assert failed == [f"127.0.0.1:{other} refused"]


async def test_plain_http_that_gets_through_fails(networked: FakeTarget) -> None:
    networked.containers.running["api"] = container("api")
    with serving() as port:
        failed = await networked.measure(http.unreachable, control_port=port)
    assert failed == ["plain HTTP to the proxy's port"]


async def test_no_way_in_means_nothing_when_the_proxy_has_none_either(
    networked: FakeTarget,
) -> None:
    networked.containers.running["api"] = container("api")
    with serving() as port:
        pass
    with pytest.raises(NotMeasured, match="a refusal means nothing"):
        await networked.measure(http.unreachable, control_port=port)


STATUSES = {"/health": 200, "/no-such-page": 404}


@pytest.mark.parametrize(
    ("on_200", "on_404", "plain", "failed"),
    [
        (["max-age=300"], ["max-age=300"], [], []),
        (["max-age=300"], [], [], ["HSTS on GET /no-such-page (404)"]),
        (["max-age=300"] * 2, ["max-age=300"], [], ["HSTS on GET /health (200)"]),
        (["max-age=1"], ["max-age=300"], [], ["HSTS on GET /health (200)"]),
        (["max-age=300"], ["max-age=300"], ["max-age=300"], ["no HSTS on plain HTTP"]),
    ],
)
async def test_hsts_is_on_every_answer_over_tls_and_nowhere_else(
    target: FakeTarget, on_200: list[str], on_404: list[str], plain: list[str], failed: list[str]
) -> None:
    sent = {"/health": on_200, "/no-such-page": on_404}

    def answer(method: str, url: str) -> Any:
        if url.startswith("http:"):
            return response(301, [("Strict-Transport-Security", value) for value in plain])
        path = url.removeprefix("https://localhost:8001")
        if method == "TRACE":
            return response(405, [("Strict-Transport-Security", "max-age=300")])
        values = [("Strict-Transport-Security", value) for value in sent[path]]
        return response(STATUSES[path], values)

    target.http.on_request = answer
    found = await target.measure(
        http.hsts, https_url="https://localhost:8001/health", http_url="http://localhost:8080/"
    )
    assert found == failed


def visiting(target: FakeTarget, port: int, *, ca: str = "") -> None:
    """Let throwaway containers of this target be visits to a port of this machine."""

    def visit(_: str, __: Sequence[str], environment: Mapping[str, str]) -> ExecResult:
        order = json.loads(environment[ORDER])
        order["entrance"] |= {"host": "127.0.0.1", "port": port, "ca": ca}
        return result(json.dumps(_visitor.ORDERS[order["do"]](order)))

    target.containers.running["api"] = container("api")
    target.containers.on_run_once = visit


ASKED: list[Any] = [
    {"status": 200, "path": "/health"},
    {"status": 429, "method": "POST", "path": "/login", "json": {}, "repeat": 4},
    {"status": 500, "path": "/broken"},
]


def answering(sent: dict[int, Sequence[tuple[str, str]]]) -> Callable[[Request], Answer]:
    asked = []

    def answer(request: Request) -> Answer:
        asked.append(request.path)
        limited = 429 if asked.count("/login") > 2 else 422
        status = {"/health": 200, "/login": limited, "/broken": 500}[request.path]
        return Answer(status=status, headers=sent.get(status, SENT))

    return answer


@pytest.mark.parametrize(
    ("sent", "failed", "seen"),
    [
        ({}, [], ""),
        ({500: SENT[:1]}, ["headers on 500"], "X-Frame-Options absent"),
        ({200: SENT * 2}, ["headers on 200"], "X-Content-Type-Options 2 times"),
        ({429: (("x-frame-options", "SAMEORIGIN"), SENT[0])}, ["headers on 429"], "is SAMEORIGIN"),
    ],
)
async def test_security_headers_are_on_every_kind_of_answer_once(
    target: FakeTarget, sent: dict[int, Any], failed: list[str], seen: str
) -> None:
    with serving(answering(sent)) as port:
        visiting(target, port)
        found = await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED)
    assert found == failed
    assert all(seen in str(target.value(name)) for name in failed)


def test_a_request_without_a_quota_waits_for_one() -> None:
    statuses = iter([429, 401])

    def answer(_: Request) -> Answer:
        return Answer(status=next(statuses), headers=[("Retry-After", "0")])

    with serving(answer) as port:
        entrance = {"host": "127.0.0.1", "port": port, "name": "localhost", "ca": ""}
        assert _visitor.provoke(entrance, {"path": "/", "status": 401})["status"] == 401


async def test_a_list_of_headers_accepts_any_value(target: FakeTarget) -> None:
    with serving(answering({200: [(name, "other") for name in HEADERS]})) as port:
        visiting(target, port)
        found = await target.measure(http.security_headers, headers=[*HEADERS], statuses=ASKED[:1])
    assert found == []


async def test_a_status_that_does_not_come_fails(target: FakeTarget) -> None:
    with serving(lambda _: Answer(headers=SENT)) as port:
        visiting(target, port)
        found = await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED[2:])
    assert found == ["500 by GET /broken"]


async def test_a_probe_that_overlooks_missing_headers_measures_nothing(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    blind = {path: {"status": 200, "headers": SENT[:1]} for path in ("bare", "double")}
    monkeypatch.setattr(_visitor, "control", lambda: blind)
    with serving(answering({})) as port:
        visiting(target, port)
        with pytest.raises(NotMeasured, match="does not notice missing or doubled headers"):
            await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED)


async def test_through_tls_the_chain_is_verified(target: FakeTarget) -> None:
    made = issued()
    certs = written(target.folder, made)
    with serving(answering({}), tls=server_context(certs)) as port:
        visiting(target, port, ca=made.ca.decode())
        assert await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED) == []
        visiting(target, port, ca=issued().ca.decode())
        found = await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED[:1])
    assert found == ["200 by GET /health", "headers on 200"]
    assert "certificate verify failed" in str(target.value("headers on 200"))


@pytest.mark.parametrize(
    ("base_url", "proxy", "asked_at"),
    [
        ("", False, "http://api:8000"),
        ("", True, "https://nginx:8443"),
        ("http://localhost:8001", True, "http://api:8000"),
        ("https://localhost:8001", False, "https://nginx:8443"),
        ("https://edge:9443", True, "https://edge:9443"),
    ],
)
async def test_visitors_knock_where_clients_do(
    target: FakeTarget, base_url: str, proxy: bool, asked_at: str
) -> None:
    written(target.folder, issued())
    with serving(answering({})) as port:
        visiting(target, port)
        if proxy:
            target.containers.running["nginx"] = container("nginx")
        await target.measure(
            http.security_headers, headers=HEADERS, statuses=ASKED[:1], base_url=base_url
        )
    assert target.value("asked at") == asked_at


async def test_a_visitor_that_breaks_off_measures_nothing(target: FakeTarget) -> None:
    target.containers.running["api"] = container("api")
    target.containers.on_run_once = lambda *_: result(exit_code=127, stderr="python3: not found")
    with pytest.raises(NotMeasured, match="python3: not found"):
        await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED)


async def test_a_stopped_service_measures_nothing(target: FakeTarget) -> None:
    target.containers.running["api"] = container("api", status="exited")
    with pytest.raises(NotMeasured, match="api does not run: its container is exited"):
        await target.measure(http.security_headers, headers=HEADERS, statuses=ASKED)
