"""Error answers that say what is wrong without repeating what was sent."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse


def install_error_handlers(api: FastAPI) -> None:
    api.add_exception_handler(RequestValidationError, answer_invalid_request)
    api.add_exception_handler(Exception, answer_unhandled)


async def answer_invalid_request(_: Request, error: Exception) -> JSONResponse:
    entries = error.errors() if isinstance(error, RequestValidationError) else ()
    return JSONResponse({"detail": [without_input(entry) for entry in entries]}, status_code=422)


async def answer_unhandled(request: Request, _: Exception) -> JSONResponse:
    """The request's id leads from the answer to the traceback in the log."""
    return JSONResponse({"detail": "Internal server error", "request_id": request.state.request_id}, status_code=500)


def without_input(entry: Mapping[str, Any]) -> dict[str, Any]:
    """FastAPI's own answer repeats the value, which may be a password or not even encodable."""
    return {
        "type": entry["type"],
        "loc": [encodable(part) for part in entry["loc"]],
        "msg": encodable(entry["msg"]),
    }


def encodable(part: int | str) -> int | str:
    return part if isinstance(part, int) else part.encode("utf-8", "replace").decode("utf-8")
