"""A bounded load test by a small HTTP/1.1 client.

It shares two cores with what it measures, so it does little: one prepared request, a status line
and a body's length read, nothing else. It runs on an event loop of its own in a thread of its
own, so that a busy engine does not show up as latency of the target.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

import httpx

from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Latency

NO_ANSWER = 0
"""Stands for the status of a request that got none."""
_SHUTDOWN = 1.0
"""Seconds a server has to end TLS in good order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    url: httpx.URL
    requests: int
    concurrency: int
    warmup: int
    context: ssl.SSLContext | None
    expect: int
    keep_alive: bool
    timeout: float
    """Seconds a request may take."""

    @property
    def request(self) -> bytes:
        connection = "keep-alive" if self.keep_alive else "close"
        return (
            b"GET " + self.url.raw_path + b" HTTP/1.1\r\nHost: " + self.url.netloc + b"\r\n"
            b"Accept: */*\r\nConnection: " + connection.encode() + b"\r\n\r\n"
        )


@dataclass(slots=True)
class _Tally:
    left: int
    samples: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def take(self) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        return True


def run_load(load: Load, stop: threading.Event) -> Latency:
    """Warm up, then measure; ends early when `stop` is set."""
    if load.requests < 1 or load.concurrency < 1:
        raise ActionError("A load test needs at least one request and one connection.")
    return asyncio.run(_measure(load, stop))


async def _measure(load: Load, stop: threading.Event) -> Latency:
    await _drive(load, _Tally(load.warmup), stop)
    tally = _Tally(load.requests)
    started = time.perf_counter()
    await _drive(load, tally, stop)
    return Latency(
        samples=tally.samples,
        failures=tally.statuses.total() - tally.statuses[load.expect],
        statuses={status: count for status, count in tally.statuses.items() if count},
        seconds=time.perf_counter() - started,
        concurrency=load.concurrency,
        warmup=load.warmup,
        connection="keep-alive" if load.keep_alive else "new",
    )


async def _drive(load: Load, tally: _Tally, stop: threading.Event) -> None:
    await asyncio.gather(*(_client(load, tally, stop) for _ in range(load.concurrency)))


async def _client(load: Load, tally: _Tally, stop: threading.Event) -> None:
    connection = _Connection(load)
    try:
        while not stop.is_set() and tally.take():
            started = time.perf_counter()
            status = await connection.get()
            taken = time.perf_counter() - started
            await connection.settle()
            tally.statuses[status] += 1
            if status == load.expect:
                tally.samples.append(taken)
    finally:
        await connection.close()


class _Connection:
    """One client's connection, opened when needed."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._request = load.request
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._over = False

    async def get(self) -> int:
        """Send the request and read the whole answer; return its status."""
        try:
            async with asyncio.timeout(self._load.timeout):
                return await self._get()
        except (OSError, EOFError, ValueError, IndexError, asyncio.LimitOverrunError):
            self._over = True
            return NO_ANSWER

    async def _get(self) -> int:
        reader, writer = self._streams or await self._open()
        writer.write(self._request)
        head = await reader.readuntil(b"\r\n\r\n")
        status, close = await _read_answer(reader, head)
        self._over = close or not self._load.keep_alive
        return status

    async def settle(self) -> None:
        """Close what serves no further request; not part of a sample."""
        if self._over:
            await self.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url, context = self._load.url, self._load.context
        port = url.port or (443 if context else 80)
        shutdown = _SHUTDOWN if context else None
        self._streams = await asyncio.open_connection(
            url.host, port, ssl=context, ssl_shutdown_timeout=shutdown
        )
        return self._streams

    async def close(self) -> None:
        streams, self._streams, self._over = self._streams, None, False
        if streams is None:
            return
        streams[1].close()
        try:
            await streams[1].wait_closed()
        except OSError:
            return


async def _read_answer(reader: asyncio.StreamReader, head: bytes) -> tuple[int, bool]:
    """Read the body; return the status and whether the server closes the connection."""
    lines = head.lower().split(b"\r\n")
    status = int(lines[0].split(b" ", 2)[1])
    headers = dict(line.split(b":", 1) for line in lines[1:] if b":" in line)
    close = headers.get(b"connection", b"").strip() == b"close"
    if b"chunked" in headers.get(b"transfer-encoding", b""):
        await _read_chunks(reader)
    elif b"content-length" in headers:
        await reader.readexactly(int(headers[b"content-length"]))
    elif status not in (204, 304):
        await reader.read()
        close = True
    return status, close


async def _read_chunks(reader: asyncio.StreamReader) -> None:
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        await reader.readexactly(size + 2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass
