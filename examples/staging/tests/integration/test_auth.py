import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from src.db.models import User
from tests.integration.conftest import PASSWORD, client_of

NEW_PASSWORD = "a longer and newer password"


def login(client: TestClient, email: str, password: str) -> int:
    return client.post("/api/v1/auth/login", json={"email": email, "password": password}).status_code


def test_the_token_of_a_login_opens_the_api(client: TestClient, agent: User) -> None:
    answer = client.post("/api/v1/auth/login", json={"email": "Agent@Example.com", "password": PASSWORD}).json()
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 900)
    headers = {"Authorization": f"Bearer {answer['access_token']}"}
    assert client.get("/api/v1/customers", headers=headers).status_code == 200


def test_wrong_password_unknown_and_inactive_account_look_the_same(
    client: TestClient, session: Session, admin: User, agent: User
) -> None:
    agent.is_active = False
    session.commit()
    attempts = [(admin.email, "wrong"), ("nobody@example.com", PASSWORD), (agent.email, PASSWORD)]
    answers = [client.post("/api/v1/auth/login", json={"email": e, "password": p}) for e, p in attempts]
    assert {answer.status_code for answer in answers} == {401}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer x.y.z", "Basic YTpi", "Bearer \N{LATIN SMALL LETTER E WITH ACUTE}"]
)
def test_a_request_without_a_valid_token_is_refused(client: TestClient, header: str) -> None:
    answer = client.get("/api/v1/customers", headers={b"Authorization": header.encode("latin-1")})
    assert answer.status_code == 401


def test_the_token_of_an_account_that_was_closed_is_refused(
    as_agent: TestClient, session: Session, agent: User
) -> None:
    agent.is_active = False
    session.commit()
    assert as_agent.get("/api/v1/customers").status_code == 401


def test_the_token_of_a_deleted_account_is_refused(as_agent: TestClient, session: Session, agent: User) -> None:
    session.delete(agent)
    session.commit()
    assert as_agent.get("/api/v1/customers").status_code == 401


def test_a_changed_password_replaces_the_old_one(as_agent: TestClient, api: FastAPI, agent: User) -> None:
    change = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    assert as_agent.post("/api/v1/auth/password", json=change).status_code == 204
    assert login(client_of(api), agent.email, NEW_PASSWORD) == 200
    assert login(client_of(api), agent.email, PASSWORD) == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"current_password": "wrong", "new_password": NEW_PASSWORD}, 400),
        ({"current_password": PASSWORD, "new_password": "short"}, 422),
    ],
)
def test_a_password_is_not_changed(as_agent: TestClient, change: dict[str, str], status: int) -> None:
    assert as_agent.post("/api/v1/auth/password", json=change).status_code == status


def test_an_invalid_request_is_not_repeated_in_the_answer(as_agent: TestClient) -> None:
    change = {"current_password": PASSWORD, "new_password": "hunter2"}
    answer = as_agent.post("/api/v1/auth/password", json=change)
    assert answer.json()["detail"][0]["loc"] == ["body", "new_password"]
    assert "hunter2" not in answer.text


def test_the_actor_is_in_the_request_log(as_agent: TestClient, agent: User, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    as_agent.get("/api/v1/customers")
    assert any(f"user:{agent.id}" in str(vars(record)) for record in caplog.records)
