"""The eight headers, on every kind of answer the application gives."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from src.api.middleware.security_headers import SECURITY_HEADERS

ZERO_LENGTH_WINDOW = "/api/v1/status?window_minutes=0"


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (200, "GET", "/health"),
        (401, "GET", "/api/v1/customers"),
        (404, "GET", "/nothing/here"),
        (405, "PUT", "/health"),
        (422, "GET", "/api/v1/status?window_minutes=soon"),
        (500, "GET", ZERO_LENGTH_WINDOW),
    ],
)
def test_the_headers_are_on_it_once(client: TestClient, status: int, method: str, path: str) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get_list(name) for name in SECURITY_HEADERS} == {
        name: [value] for name, value in SECURITY_HEADERS.items()
    }


def test_an_unhandled_exception_is_answered_with_the_id_it_is_logged_under(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get(ZERO_LENGTH_WINDOW)
    request_id = answer.headers["X-Request-ID"]
    assert answer.json() == {"detail": "Internal server error", "request_id": request_id}
    assert any(record.exc_info and request_id in str(vars(record)) for record in caplog.records)


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v1/auth/login", content=b"x" * 70_000, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8001", "[::1]:8001", "api", "nginx"])
def test_our_own_names_are_admitted(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", ""])
def test_other_host_names_are_refused(client: TestClient, host: str) -> None:
    assert client.get("/health", headers={"Host": host}).status_code == 400


def test_a_listed_origin_may_read(client: TestClient, api: FastAPI) -> None:
    origin = api.state.settings.cors_origins[0]
    assert client.get("/health", headers={"Origin": origin}).headers["Access-Control-Allow-Origin"] == origin


def test_another_origin_may_not(client: TestClient) -> None:
    answer = client.get("/health", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_openapi_document_lists_the_api_and_no_documentation_pages(client: TestClient) -> None:
    assert "/api/v1/customers/{customer_id}" in client.get("/openapi.json").json()["paths"]
    assert [client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]
