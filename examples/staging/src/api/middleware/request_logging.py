"""One structured line a request: who, what, how it ended, how long it took. No query, header or body."""

import logging
import re
import time
import uuid
from typing import Any

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.core.logging import FIELDS

REQUEST_ID_HEADER = "X-Request-ID"
ACCEPTED_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}")

logger = logging.getLogger("access")


class RequestLoggingMiddleware:
    """Keeps a well-formed `X-Request-ID` of the caller, makes one otherwise, and returns it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        request_id = request_id_of(scope)
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        status: int | None = None
        started = time.perf_counter()

        async def send_with_request_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                header = (REQUEST_ID_HEADER.lower().encode("ascii"), request_id.encode("ascii"))
                message = {**message, "headers": [*message["headers"], header]}
            await send(message)

        try:
            await self.app(scope, receive, send_with_request_id)
        except Exception:
            logger.exception("unhandled exception", extra={FIELDS: {"request_id": request_id}})
            # Answered already: raised further it would only make the server drop the client's connection.
            if status is None:
                raise
        finally:
            duration = time.perf_counter() - started
            logger.info("request", extra={FIELDS: fields_of(scope, status or 500, duration)})


def fields_of(scope: Scope, status: int, duration: float) -> dict[str, Any]:
    """`duration` is in seconds."""
    client = scope.get("client")
    return {
        "request_id": scope["state"]["request_id"],
        "client": client[0] if client else None,
        "actor": scope["state"].get("actor"),
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "duration_ms": round(duration * 1000, 2),
    }


def request_id_of(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if ACCEPTED_REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
