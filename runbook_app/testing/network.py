"""HTTP and TLS, faked."""

# ruff: noqa: ARG002 - a fake takes all that its port gives, and looks at some of it
from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Handshake, Latency, Response


def response(
    status: int = 200, headers: Sequence[tuple[str, str]] = (), body: bytes = b""
) -> Response:
    return Response(
        status=status,
        headers=[(name.lower(), value) for name, value in headers],
        body=body,
        seconds=0.001,
        http_version="HTTP/1.1",
    )


def handshake(version: str = "TLSv1.3", *, certificate: bytes = b"", error: str = "") -> Handshake:
    return Handshake(
        ok=not error,
        version="" if error else version,
        cipher="" if error else "TLS_AES_256_GCM_SHA384",
        certificate=certificate,
        error=error,
    )


def latency(samples: Sequence[float], statuses: Mapping[int, int] | None = None) -> Latency:
    counted = dict(statuses or {200: len(samples)})
    return Latency(
        samples=samples,
        failures=sum(counted.values()) - counted.get(200, 0),
        statuses=counted,
        seconds=1.0,
        concurrency=4,
        warmup=10,
        connection="keep-alive",
    )


@dataclass(slots=True, kw_only=True)
class FakeHttp:
    """Answers by functions of what was asked; what is not set fails as if nothing listened."""

    on_request: Callable[[str, str], Response] | None = None
    """Method, URL."""
    on_handshake: Callable[[Mapping[str, Any]], Handshake] | None = None
    on_load: Callable[[str], Latency] | None = None
    asked: list[str] = field(default_factory=list)
    sent: list[Mapping[str, str]] = field(default_factory=list)
    """Headers of each request."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        ca: Path | None = None,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        http2: bool = False,
        timeout: timedelta = timedelta(seconds=10),
    ) -> Response:
        self.asked.append(f"{method} {url}")
        self.sent.append(dict(headers or {}))
        if self.on_request is None:
            raise ActionError(f"{method} {url} got no answer: connection refused.")
        return self.on_request(method, url)

    async def handshake(
        self,
        host: str,
        port: int,
        *,
        server_name: str = "localhost",
        minimum: str = "",
        maximum: str = "",
        ciphers: str = "",
        ca: Path | None = None,
        verify: bool = True,
        alpn: Sequence[str] = (),
    ) -> Handshake:
        if self.on_handshake is None:
            return handshake(error="connection refused")
        offer = {"host": host, "port": port, "maximum": maximum, "ca": ca, "verify": verify}
        return self.on_handshake(offer)

    async def load(
        self,
        url: str,
        *,
        requests: int,
        concurrency: int,
        warmup: int,
        ca: Path | None = None,
        expect: int = 200,
        keep_alive: bool = True,
        timeout: timedelta = timedelta(seconds=10),
    ) -> Latency:
        if self.on_load is None:
            return latency([], {0: requests})
        return self.on_load(url)
