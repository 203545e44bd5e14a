"""What holds from outside, over HTTP and HTTPS alike. Reads only; a refused login writes nothing."""

import httpx2
import pytest

from src.api.middleware.security_headers import SECURITY_HEADERS
from tests.e2e.conftest import BASE_URL

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize("path", ["/health", "/api/v1/health"])
def test_the_server_is_healthy(server: httpx2.Client, path: str) -> None:
    assert server.get(path).json() == {"status": "ok", "database": "ok"}
    assert server.head(path).status_code == 200


@pytest.mark.parametrize(
    ("status", "method", "path"),
    [
        (200, "GET", "/api/v1/status"),
        (401, "GET", "/api/v1/customers"),
        (404, "GET", "/nothing/here"),
        (405, "PUT", "/health"),
        (422, "GET", "/api/v1/status?window_minutes=soon"),
        (500, "GET", "/api/v1/status?window_minutes=0"),
    ],
)
def test_the_security_headers_are_on_every_answer_once(
    server: httpx2.Client, status: int, method: str, path: str
) -> None:
    answer = server.request(method, path)
    assert answer.status_code == status
    assert {name: len(answer.headers.get_list(name)) for name in SECURITY_HEADERS} == dict.fromkeys(SECURITY_HEADERS, 1)


def test_hsts_is_sent_over_https_and_only_there(server: httpx2.Client) -> None:
    expected = 1 if BASE_URL.startswith("https:") else 0
    assert len(server.get("/health").headers.get_list("Strict-Transport-Security")) == expected


def test_the_servers_software_is_not_named(server: httpx2.Client) -> None:
    assert "uvicorn" not in server.get("/health").headers.get("Server", "")


def test_every_answer_has_a_request_id(server: httpx2.Client) -> None:
    given = "e2e-0123456789"
    assert server.get("/health", headers={"X-Request-ID": given}).headers["X-Request-ID"] == given


def test_customers_are_closed_to_strangers(server: httpx2.Client) -> None:
    assert server.get("/api/v1/customers/1", headers={"Authorization": "Bearer x.y.z"}).status_code == 401


def test_the_login_is_limited(server: httpx2.Client) -> None:
    answers = [server.post("/api/v1/auth/login", json={}) for _ in range(6)]
    assert {answer.status_code for answer in answers} <= {422, 429}
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 20
