"""HTTP and TLS from this machine: httpx for single requests, our own small client for load."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import httpx

from runbook_app.adapters.load import Load, run_load
from runbook_app.adapters.tls_probe import Offer, describe, shake_hands, trust
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Handshake, Latency, Response

_Result = TypeVar("_Result")


class HttpClient:
    """Requests that verify, don't follow redirects, and ignore the proxies of the environment."""

    def __init__(self) -> None:
        self._contexts: dict[tuple[Path | None, int], ssl.SSLContext] = {}

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
        timeout: timedelta = timedelta(seconds=10),  # the port's parameter
    ) -> Response:
        verify: ssl.SSLContext | bool = self._context(ca) if url.startswith("https:") else False
        started = time.perf_counter()
        try:
            async with (
                asyncio.timeout(timeout.total_seconds()),
                httpx.AsyncClient(
                    verify=verify, http2=http2, trust_env=False, timeout=timeout.total_seconds()
                ) as client,
            ):
                answer = await client.request(
                    method,
                    url,
                    headers=dict(headers or {}),
                    json=json,
                    content=content,
                    data=dict(form) if form is not None else None,
                )
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ActionError(
                f"{method} {url} timed out after {format_duration(timeout)}.",
                hint="See the service's log for what keeps it from answering.",
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _no_answer(method, url, error) from error
        return _response(answer, time.perf_counter() - started)

    def _context(self, ca: Path | None) -> ssl.SSLContext:
        """Reading the system's store takes longer than a request, so contexts are kept."""
        changed = ca.stat().st_mtime_ns if ca is not None and ca.exists() else 0
        if (ca, changed) not in self._contexts:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            trust(context, ca)
            self._contexts[ca, changed] = context
        return self._contexts[ca, changed]

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
        offer = Offer(
            server_name=server_name,
            minimum=minimum,
            maximum=maximum,
            ciphers=ciphers,
            ca=ca,
            verify=verify,
            alpn=alpn,
        )
        return await _in_thread(lambda: shake_hands(host, port, offer))

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
        timeout: timedelta = timedelta(seconds=10),  # the port's parameter
    ) -> Latency:
        context = self._context(ca) if url.startswith("https:") else None
        load = Load(
            url=httpx.URL(url),
            requests=requests,
            concurrency=concurrency,
            warmup=warmup,
            context=context,
            expect=expect,
            keep_alive=keep_alive,
            timeout=timeout.total_seconds(),
        )
        stop = threading.Event()
        return await _in_thread(lambda: run_load(load, stop), stop)


async def _in_thread(work: Callable[[], _Result], stop: threading.Event | None = None) -> _Result:
    """Run blocking work; when cancelled, return only after its thread has ended."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        if stop is not None:
            stop.set()
        await asyncio.wait([future])
        raise


def _response(answer: httpx.Response, seconds: float) -> Response:
    return Response(
        status=answer.status_code,
        headers=[
            (name.decode("latin-1").lower(), value.decode("latin-1"))
            for name, value in answer.headers.raw
        ],
        body=answer.content,
        seconds=seconds,
        http_version=answer.http_version,
    )


def _no_answer(method: str, url: str, error: Exception) -> ActionError:
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLError):
            return ActionError(
                f"{method} {url} failed in TLS: {describe(cause)}.",
                hint="Check the certificate, its names and the CA file.",
            )
    # A subclass says more than the bare OSError that sums up several attempts.
    network = sorted(
        (cause for cause in causes if isinstance(cause, OSError)), key=lambda c: type(c) is OSError
    )
    return ActionError(
        f"{method} {url} got no answer: {describe(network[0] if network else error)}.",
        hint="Check that the service runs and publishes this port; see its log.",
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, BaseExceptionGroup):
            for part in seen.exceptions:
                yield from _causes(part)
        yield seen
        seen = seen.__cause__ or seen.__context__
