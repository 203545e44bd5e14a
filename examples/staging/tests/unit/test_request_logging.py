import logging
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from src.api.middleware.request_logging import RequestLoggingMiddleware
from src.core.logging import FIELDS
from tests.unit.asgi import Answer, answering, request


async def failing(_: Scope, __: Receive, ___: Send) -> None:
    raise RuntimeError("broken")


async def failing_late(scope: Scope, receive: Receive, send: Send) -> None:
    await answering(500)(scope, receive, send)
    raise RuntimeError("broken")


def with_id(value: str) -> Answer:
    return request(RequestLoggingMiddleware(answering()), headers=[(b"x-request-id", value.encode())])


def fields(caplog: pytest.LogCaptureFixture) -> dict[str, Any]:
    records = [record for record in caplog.records if record.getMessage() == "request"]
    assert len(records) == 1
    found: dict[str, Any] = getattr(records[0], FIELDS)
    return found


@pytest.fixture(autouse=True)
def _log_everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_request_is_one_line_with_its_outcome(caplog: pytest.LogCaptureFixture) -> None:
    request(RequestLoggingMiddleware(answering(404)), "GET", "/missing", query_string=b"q=private")
    line = fields(caplog)
    assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/missing", 404, "192.0.2.1")
    assert line["duration_ms"] >= 0
    assert "private" not in str(line)


def test_a_request_without_an_address_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    request(RequestLoggingMiddleware(answering()), client=None)
    assert fields(caplog)["client"] is None


def test_the_actor_is_who_the_application_says(caplog: pytest.LogCaptureFixture) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["actor"] = "user:7"
        await answering()(scope, receive, send)

    request(RequestLoggingMiddleware(app))
    assert fields(caplog)["actor"] == "user:7"


def test_a_well_formed_id_of_the_caller_is_kept() -> None:
    assert with_id("order-20251006-1").values("X-Request-ID") == ["order-20251006-1"]


@pytest.mark.parametrize("value", ["short", "x" * 65, "line\nbreak-in-it", 'quote"-in-it'])
def test_another_id_is_replaced(value: str) -> None:
    assert len(with_id(value).values("X-Request-ID")[0]) == 32


def test_an_exception_without_an_answer_is_logged_and_passed_on(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RuntimeError):
        request(RequestLoggingMiddleware(failing))
    assert fields(caplog)["status"] == 500


def test_an_exception_after_the_answer_is_logged_and_kept_from_the_server(caplog: pytest.LogCaptureFixture) -> None:
    assert request(RequestLoggingMiddleware(failing_late)).status == 500
    assert [record.exc_info is not None for record in caplog.records] == [True, False]


def test_what_is_no_request_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    request(RequestLoggingMiddleware(answering()), type="websocket")
    assert caplog.records == []
