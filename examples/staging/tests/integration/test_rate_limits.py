import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from src.api.middleware.rate_limit import RULES, Rule
from tests.integration.conftest import client_of


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.method} {rule.path}")
def test_without_credentials_exactly_the_limit_gets_to_authentication(client: TestClient, rule: Rule) -> None:
    path = rule.path.format(customer_id=1)
    answers = [client.request(rule.method, path) for _ in range(rule.tier.limit + 1)]
    assert {answer.status_code for answer in answers[:-1]} <= {401, 422}
    assert answers[-1].status_code == 429
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= rule.tier.window
    assert answers[-1].headers["X-Content-Type-Options"] == "nosniff"


def test_another_address_still_gets_through(client: TestClient, api: FastAPI) -> None:
    while client.post("/api/v1/auth/login").status_code != 429:
        pass
    assert client_of(api, address="192.0.2.2").post("/api/v1/auth/login").status_code == 422


def test_a_listed_origin_can_read_the_refusal(client: TestClient, api: FastAPI) -> None:
    origin = api.state.settings.cors_origins[0]
    answers = [client.post("/api/v1/auth/login", headers={"Origin": origin}) for _ in range(6)]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Access-Control-Allow-Origin"] == origin


@pytest.mark.parametrize("path", ["/health", "/api/v1/health", "/api/v1/status"])
def test_what_monitors_use_is_not_limited(client: TestClient, path: str) -> None:
    assert {client.get(path).status_code for _ in range(50)} == {200}
