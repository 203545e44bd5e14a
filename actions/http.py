"""What is answered over HTTP and HTTPS."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from actions import _stack
from actions._stack import Request
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.ports.action import Run, check

HSTS = "strict-transport-security"
PRODUCTION_MAX_AGE = 63072000
"""Seconds, after Mozilla Server Side TLS 6.0; told beside the one that is measured."""


@check
async def status(
    run: Run,
    *,
    url: str,
    expect: int = 200,
    ca: str = "certs/ca.pem",
    method: str = "GET",
    headers: dict[str, str] | None = None,
    http2: bool = False,
) -> None:
    """Find a URL answered as expected; over HTTPS the chain is verified, with the CA file if given.

    `headers` are those that the answer must have, each once and with this value.
    """
    response = await run.http.request(method, url, ca=_authority(run, url, ca), http2=http2)
    run.equals(f"{method} {url}", response.status, expect)
    for name, value in (headers or {}).items():
        found = response.all(name)
        run.require(f"{name}: {value}", list(found) == [value], " | ".join(found) or "absent")
    if http2:
        run.equals("protocol", response.http_version, "HTTP/2")


@check
async def redirect(
    run: Run,
    *,
    url: str,
    location_prefix: str,
    status_get: int = 301,
    status_other: int = 308,
    ca: str = "certs/ca.pem",
) -> None:
    """Find plain HTTP redirected, path and query kept, to an address that answers."""
    parts = urlsplit(url)
    wanted = location_prefix.rstrip("/") + parts.path + (f"?{parts.query}" if parts.query else "")
    for method, expected in (
        ("GET", status_get),
        ("HEAD", status_get),
        ("POST", status_other),
        ("PUT", status_other),
        ("PATCH", status_other),
        ("DELETE", status_other),
    ):
        response = await run.http.request(method, url)
        run.equals(f"{method} {url}", response.status, expected)
        run.equals(f"Location of {method}", response.header("location") or "absent", wanted)
    try:
        reached = await run.http.request("GET", wanted, ca=_authority(run, wanted, ca))
    except ActionError as error:
        run.require("Location reachable", False, error.message)
    else:
        run.require("Location reachable", reached.status < 500, f"answered {reached.status}")


@check
async def unreachable(
    run: Run,
    *,
    service: str = "api",
    control_port: int,
    host: str = "127.0.0.1",
    port: int = 0,
) -> None:
    """Find no way in to a service from this machine, by a probe that does reach the proxy.

    Plain HTTP to the proxy's port must not get through either, and nothing may listen at `port`
    when one is given.
    """
    if not await _connects(host, control_port):
        raise NotMeasured(
            f"Nothing accepts connections at {host}:{control_port}, so a refusal means nothing.",
            hint="Start the proxy first.",
        )
    run.measure("control", f"{host}:{control_port} accepts connections")
    info = await _stack.running(run, service)
    published = [f"{p.host_ip}:{p.host_port}" for p in info.ports if p.host_port]
    run.require(f"{service} publishes no port", not published, ", ".join(published) or "none")
    if port:
        accepts = await _connects(host, port)
        run.require(f"{host}:{port} refused", not accepts, "accepted" if accepts else "refused")
    plain = await run.http.request(
        "GET", f"http://{host}:{control_port}{run.plan.target.api_health}"
    )
    run.equals("plain HTTP to the proxy's port", plain.status, 400)


async def _connects(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(3):
            _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


@check
async def hsts(
    run: Run,
    *,
    https_url: str,
    http_url: str,
    max_age: int = 300,
    ca: str = "certs/ca.pem",
    requests: list[Request] | None = None,
) -> None:
    """Find HSTS exactly once on every kind of answer over HTTPS, and never on plain HTTP.

    `requests` are `{method, path, status}`; without them: the URL itself, a 404 and a 405.
    """
    base = f"{urlsplit(https_url).scheme}://{urlsplit(https_url).netloc}"
    authority = _authority(run, https_url, ca)
    path = urlsplit(https_url).path or "/"
    for request in requests or [
        {"path": path, "status": 200},
        {"path": "/no-such-page", "status": 404},
        {"method": "TRACE", "path": path, "status": 405},
    ]:
        method = str(request.get("method", "GET"))
        response = await run.http.request(method, f"{base}{request['path']}", ca=authority)
        label = f"{method} {request['path']}"
        if "status" in request:
            run.equals(label, response.status, request["status"])
        found = response.all(HSTS)
        run.require(
            f"HSTS on {label} ({response.status})",
            list(found) == [f"max-age={max_age}"],
            " | ".join(found) or "absent",
        )
    run.measure("HSTS in production", PRODUCTION_MAX_AGE, "s")
    plain = await run.http.request("GET", http_url)
    run.require(
        "no HSTS on plain HTTP", not plain.all(HSTS), " | ".join(plain.all(HSTS)) or "absent"
    )


def _authority(run: Run, url: str, ca: str) -> Path | None:
    return run.files.path(ca) if ca and url.startswith("https:") else None


@check
async def security_headers(
    run: Run,
    *,
    headers: dict[str, str] | list[str],
    statuses: list[Request],
    base_url: str = "",
    service: str = "api",
    port: int = 0,
    ca: str = "certs/ca.pem",
    timeout: timedelta = timedelta(minutes=2),
) -> None:
    """Find each security header exactly once on every kind of answer.

    `statuses` says how to provoke each: `{status, method, path}` and, where needed, `json`,
    `headers`, `repeat`, `size` and `plain`. `headers` gives names, or names with values; an empty
    value accepts any. The requests are sent from a throwaway container on the stack's network, so
    that the quota used up for a 429 is its own address's. `base_url` is where they go, seen from
    there; `localhost` means the proxy for https and the API for http; without it they go to the
    proxy when one runs, and to the API else.
    """
    wanted = dict(headers) if isinstance(headers, dict) else dict.fromkeys(headers, "")
    entrance = await _stack.entrance(run, base_url=base_url, service=service, port=port, ca=ca)
    order = entrance.order("responses", requests=statuses)
    answer = await _stack.visit(run, service, order, timeout)
    _hold_control(run, answer["control"])
    run.measure("asked at", entrance.url)
    for request, given in zip(statuses, answer["answers"], strict=True):
        label = f"{request['status']} by {request.get('method', 'GET')} {request['path']}"
        run.equals(label, given["status"], request["status"])
        faults = header_faults(given["headers"], wanted)
        if given["status"] == 0:
            faults = [given["error"]]
        run.require(
            f"headers on {request['status']}",
            not faults,
            "; ".join(faults) or f"all {len(wanted)} exactly once",
        )


def header_faults(sent: Sequence[Sequence[str]], wanted: Mapping[str, str]) -> list[str]:
    """Say which of the wanted headers is absent, doubled, or other than wanted."""
    faults = []
    for name, value in wanted.items():
        found = [text for key, text in sent if key.lower() == name.lower()]
        if not found:
            faults.append(f"{name} absent")
        elif len(found) > 1:
            faults.append(f"{name} {len(found)} times")
        elif value and found[0] != value:
            faults.append(f"{name} is {found[0]}")
    return faults


def _hold_control(run: Run, control: Mapping[str, Mapping[str, Any]]) -> None:
    """Hold the same visitor and the same count against a server that has the weaknesses."""
    probed = {"X-Content-Type-Options": "nosniff"}
    seen = {path: header_faults(control[path]["headers"], probed) for path in ("bare", "double")}
    expected = {
        "bare": ["X-Content-Type-Options absent"],
        "double": ["X-Content-Type-Options 2 times"],
    }
    if seen != expected:
        raise NotMeasured(
            f"The probe does not notice missing or doubled headers: {seen}.",
            hint="Report this as a defect of the program.",
        )
    run.measure(
        "control", "a server without the headers, and one that doubles them, were found out"
    )
