"""What an outsider learns or gets away with: banners, origins, hosts, methods, open paths, ports.

Each of these finds something absent or refused, so each first lets the same probe find the
weakness on a careless server of our own.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from actions import _stack
from actions._weak_server import careless
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check
from runbook_app.ports.capabilities import Response

TELLING = ("server", "x-powered-by", "x-aspnet-version", "x-generator", "via")
VERSION = re.compile(rb"(?:nginx|uvicorn|starlette|fastapi|python|gunicorn|careless)[/ ]\d", re.I)
PATHS = ["/health", "/no-such-page", "/api/v1/customers"]
FOREIGN = "https://runbook-probe.example"
OPEN = (401, 403, 404, 410)
"""Answers of a path that is closed."""

Found = Sequence[str]
Probe = Callable[[str, Path | None], Awaitable[Found]]
"""Looks at one server (its URL, its CA) and says which weaknesses it has."""


async def _judge(run: Run, name: str, probe: Probe, *, port: int, ca: str) -> None:
    """Let a probe find the weakness where it is, then hold the stack to having none."""
    with careless() as url:
        seen = await probe(url, None)
    if not seen:
        raise NotMeasured(
            f"The probe does not notice {name} on a server that has the weakness.",
            hint="Report this as a defect of the program.",
        )
    run.measure("control", f"a careless server was found out: {seen[0]}")
    url, authority = await _stack.outside(run, port=port, ca=ca)
    found = await probe(url, authority)
    run.measure("asked at", url)
    run.require(name, not found, "; ".join(found) or "nothing found")


@check
async def no_banners(
    run: Run, *, port: int, paths: list[str] = PATHS, ca: str = "certs/ca.pem"
) -> None:
    """Find no header and no text of an error that tells software and version."""

    async def probe(url: str, authority: Path | None) -> Found:
        found = []
        for path in paths:
            answer = await run.http.request("GET", f"{url}{path}", ca=authority)
            found += [f"{n}: {v} on {path}" for n, v in answer.headers if n in TELLING]
            if said := VERSION.search(answer.body):
                found.append(f"{said[0].decode()} in the body of {path}")
        return found

    await _judge(run, "no banner", probe, port=port, ca=ca)


@check
async def origins(
    run: Run, *, port: int, allowed: str, path: str = "/health", ca: str = "certs/ca.pem"
) -> None:
    """Find only the allowed origin told that it may read answers."""
    foreign = [FOREIGN, "null", f"{allowed}.runbook-probe.example"]

    async def ask(url: str, authority: Path | None, method: str, origin: str) -> str:
        headers = {"Origin": origin}
        if method == "OPTIONS":
            headers |= {"Access-Control-Request-Method": "GET"}
        answer = await run.http.request(method, f"{url}{path}", ca=authority, headers=headers)
        return answer.header("access-control-allow-origin") or ""

    async def probe(url: str, authority: Path | None) -> Found:
        found = []
        for origin in foreign:
            for method in ("GET", "OPTIONS"):
                told = await ask(url, authority, method, origin)
                if told in (origin, "*"):
                    found.append(f"{method} from {origin}: allowed as {told}")
        return found

    await _judge(run, "foreign origins are not allowed", probe, port=port, ca=ca)
    url, authority = await _stack.outside(run, port=port, ca=ca)
    told = await ask(url, authority, "GET", allowed)
    run.equals(f"{allowed} is allowed", told or "absent", allowed)


@check
async def hosts(run: Run, *, port: int, path: str = "/health", ca: str = "certs/ca.pem") -> None:
    """Find requests for another host refused, whoever names it."""

    async def probe(url: str, authority: Path | None) -> Found:
        found = []
        for host in ("runbook-probe.example", "localhost.runbook-probe.example"):
            answer = await run.http.request(
                "GET", f"{url}{path}", ca=authority, headers={"Host": host}
            )
            if not 400 <= answer.status < 500:
                found.append(f"Host {host}: answered {answer.status}")
        return found

    await _judge(run, "other hosts are refused", probe, port=port, ca=ca)
    await _answers(run, port, path, ca)


@check
async def trace_refused(
    run: Run, *, port: int, path: str = "/health", ca: str = "certs/ca.pem"
) -> None:
    """Find TRACE and TRACK refused, and nothing of the request sent back."""
    mark = uuid.uuid4().hex

    async def probe(url: str, authority: Path | None) -> Found:
        found = []
        for method in ("TRACE", "TRACK"):
            answer = await run.http.request(
                method, f"{url}{path}", ca=authority, headers={"X-Runbook-Probe": mark}
            )
            if mark.encode() in answer.body:
                found.append(f"{method} sends the request back")
            elif not 400 <= answer.status <= 501:
                found.append(f"{method}: answered {answer.status}")
        return found

    await _judge(run, "TRACE is refused", probe, port=port, ca=ca)


@check
async def paths_closed(
    run: Run, *, port: int, paths: list[str], open_path: str = "/health", ca: str = "certs/ca.pem"
) -> None:
    """Find paths that are not for the public closed, beside one that is open."""

    async def probe(url: str, authority: Path | None) -> Found:
        found = []
        for path in paths:
            answer = await run.http.request("GET", f"{url}{path}", ca=authority)
            if answer.status not in OPEN:
                found.append(f"{path}: answered {answer.status}")
        return found

    await _judge(run, "closed", probe, port=port, ca=ca)
    await _answers(run, port, open_path, ca)


async def _answers(run: Run, port: int, path: str, ca: str) -> Response:
    url, authority = await _stack.outside(run, port=port, ca=ca)
    answer = await run.http.request("GET", f"{url}{path}", ca=authority)
    run.equals(f"GET {path}", answer.status, 200)
    return answer


@check
async def published(run: Run, *, services: list[str], host_ips: list[str] | None = None) -> None:
    """Find ports of the edge published, and of nothing else.

    `host_ips`, when given, are the addresses of this machine that may be published on.
    """
    containers = await run.containers.list()
    if not containers:
        raise NotMeasured("The project has no container.", hint="Start the stack.")
    edge = 0
    for container in containers:
        ports = [f"{p.host_ip}:{p.host_port}" for p in container.ports if p.host_port]
        if container.service in services:
            edge += len(ports)
            wrong = [p for p in ports if host_ips and p.rpartition(":")[0] not in host_ips]
            run.require(
                f"{container.service} on the wanted addresses", not wrong, ", ".join(wrong or ports)
            )
        else:
            run.require(
                f"{container.service} publishes nothing", not ports, ", ".join(ports) or "nothing"
            )
    run.measure("published ports of the edge", edge, at_least=1)
