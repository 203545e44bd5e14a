"""Bodies that the load test's client has to read to their end."""

from __future__ import annotations

import asyncio

import pytest

from runbook_app.adapters.http import HttpClient
from runbook_app.adapters.load import NO_ANSWER

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n"
)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
SIZED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nhello"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"
BROKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"
NONSENSE = b"hello\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "status", "connections"),
    [
        (CHUNKED, 200, 1),
        (EMPTY, 204, 1),
        (SIZED, 200, 1),
        (UNTIL_CLOSE, 200, 3),
        (CLOSING, 200, 3),
        (BROKEN, NO_ANSWER, 3),
        (NONSENSE, NO_ANSWER, 3),
    ],
)
async def test_each_kind_of_body_is_read_whole(
    answer: bytes, status: int, connections: int
) -> None:
    opened = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal opened
        opened += 1
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\r\n\r\n")
            except (EOFError, ConnectionError):
                break
            writer.write(answer)
            if answer not in (CHUNKED, EMPTY, SIZED):
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        found = await HttpClient().load(url, requests=3, concurrency=1, warmup=0, expect=status)
    assert found.statuses == {status: 3}
    assert opened == connections
