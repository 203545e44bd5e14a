from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from src.db import customers
from src.db.models import Customer, CustomerStatus
from src.db.seed import demo_iban

NEW: dict[str, Any] = {
    "full_name": "Customer Two",
    "email": "two@example.com",
    "tax_number": "XX900000002",
    "phone": "+447700900002",
    "iban": demo_iban(2),
}
ORDER = {"description": "Router", "amount_cents": 4_990}


@pytest.fixture
def path(customer: Customer) -> str:
    return f"/api/v1/customers/{customer.id}"


def test_a_created_customer_can_be_read_back(as_agent: TestClient) -> None:
    created = as_agent.post("/api/v1/customers", json=NEW)
    assert created.status_code == 201
    read = as_agent.get(f"/api/v1/customers/{created.json()['id']}").json()
    assert {name: read[name] for name in NEW} == NEW
    assert (read["status"], read["orders"]) == ("active", [])


def test_an_email_address_belongs_to_one_customer(as_agent: TestClient, path: str) -> None:
    assert as_agent.post("/api/v1/customers", json={**NEW, "email": "one@example.com"}).status_code == 409
    other = as_agent.post("/api/v1/customers", json=NEW).json()
    taken = as_agent.patch(f"/api/v1/customers/{other['id']}", json={"email": "one@example.com"})
    assert taken.status_code == 409


def test_other_conflicts_are_not_taken_for_that(session: Session) -> None:
    with pytest.raises(IntegrityError):
        customers.create(session, {**NEW, "status": "unheard of"})


def test_a_list_shows_no_personal_columns(as_agent: TestClient, customer: Customer) -> None:
    answer = as_agent.get("/api/v1/customers")
    assert answer.json() == {
        "total": 1,
        "customers": [{"id": customer.id, "full_name": "Customer One", "email": "one@example.com", "status": "active"}],
    }
    assert customer.iban not in answer.text


@pytest.mark.parametrize(("text", "found"), [("customer o", 1), ("ONE@", 1), ("%", 0), ("_", 0), ("nobody", 0)])
def test_a_search_takes_wildcards_literally(as_agent: TestClient, customer: Customer, text: str, found: int) -> None:
    assert as_agent.get("/api/v1/customers", params={"q": text}).json()["total"] == found


def test_a_list_comes_in_pages(as_agent: TestClient, customer: Customer) -> None:
    as_agent.post("/api/v1/customers", json=NEW)
    page = as_agent.get("/api/v1/customers", params={"limit": 1, "offset": 1}).json()
    assert page["total"] == 2
    assert [row["full_name"] for row in page["customers"]] == ["Customer Two"]


def test_a_change_leaves_the_other_fields(as_agent: TestClient, path: str, customer: Customer) -> None:
    changed = as_agent.patch(path, json={"phone": "+447700900009", "iban": None}).json()
    assert (changed["phone"], changed["iban"]) == ("+447700900009", customer.iban)
    assert changed["full_name"] == "Customer One"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_customer_that_is_not_there_is_not_found(as_admin: TestClient, method: str) -> None:
    assert as_admin.request(method, "/api/v1/customers/999999999", json={}).status_code == 404


@pytest.mark.parametrize("customer_id", ["0", "-1", "one", "9223372036854775808", "1e3"])
def test_an_impossible_id_is_invalid(as_agent: TestClient, customer_id: str) -> None:
    assert as_agent.get(f"/api/v1/customers/{customer_id}").status_code == 422


def test_an_order_is_listed_with_its_customer(as_agent: TestClient, path: str) -> None:
    placed = as_agent.post(f"{path}/orders", json=ORDER)
    assert placed.status_code == 201
    assert as_agent.get(path).json()["orders"] == [placed.json()]


def test_a_closed_account_takes_no_orders(as_agent: TestClient, path: str) -> None:
    as_agent.patch(path, json={"status": CustomerStatus.CLOSED})
    assert as_agent.post(f"{path}/orders", json=ORDER).status_code == 409


def test_an_administrator_deletes_a_customer(as_admin: TestClient, path: str) -> None:
    assert as_admin.delete(path).status_code == 204
    assert as_admin.get(path).status_code == 404


def test_a_customer_with_orders_stays(as_admin: TestClient, path: str) -> None:
    as_admin.post(f"{path}/orders", json=ORDER)
    assert as_admin.delete(path).status_code == 409


def test_an_agent_deletes_nobody(as_agent: TestClient, path: str) -> None:
    assert as_agent.delete(path).status_code == 403
