import pytest
from starlette.types import Receive, Scope, Send

from src.api.middleware.security_headers import SECURITY_HEADERS, SecurityHeadersMiddleware
from tests.unit.asgi import answering, request


def test_there_are_eight() -> None:
    assert len(SECURITY_HEADERS) == 8


@pytest.mark.parametrize("name", SECURITY_HEADERS)
def test_each_is_sent_once(name: str) -> None:
    assert request(SecurityHeadersMiddleware(answering())).values(name) == [SECURITY_HEADERS[name]]


def test_one_that_the_application_sets_is_replaced() -> None:
    app = answering(headers=((b"Cache-Control", b"public"), (b"etag", b"1")))
    answer = request(SecurityHeadersMiddleware(app))
    assert answer.values("Cache-Control") == ["no-store"]
    assert answer.values("ETag") == ["1"]


def test_what_is_no_request_passes_unchanged() -> None:
    seen = []

    async def app(scope: Scope, _: Receive, __: Send) -> None:
        seen.append(scope["type"])

    request(SecurityHeadersMiddleware(app), type="lifespan")
    assert seen == ["lifespan"]
