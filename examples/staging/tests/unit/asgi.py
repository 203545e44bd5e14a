"""Drives an ASGI application with one request, without a server."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send


@dataclass(kw_only=True)
class Answer:
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)

    def values(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]


def request(app: ASGIApp, method: str = "GET", path: str = "/", **scope: Any) -> Answer:
    answer = Answer()

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in message["headers"]]

    whole = {"type": "http", "method": method, "path": path, "headers": [], "client": ("192.0.2.1", 5), **scope}
    asyncio.run(app(whole, receive, send))  # type: ignore[arg-type]  # an ASGI application returns a coroutine
    return answer


def answering(status: int = 200, headers: tuple[tuple[bytes, bytes], ...] = ()) -> ASGIApp:
    async def app(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": list(headers)})
        await send({"type": "http.response.body", "body": b""})

    return app
