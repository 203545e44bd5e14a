from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.orm import Session

from src.db.models import Customer, Order


@pytest.fixture(autouse=True)
def _orders(session: Session, customer: Customer) -> None:
    for day, amount in ((1, 1_000), (2, 2_000), (3, 4_000)):
        placed = datetime(2025, 10, day, tzinfo=UTC)
        session.add(Order(customer_id=customer.id, description="Router", amount_cents=amount, placed_at=placed))
    session.commit()


def test_the_last_day_is_not_counted(as_admin: TestClient) -> None:
    answer = as_admin.get("/api/v1/reports/revenue", params={"start": "2025-10-01", "end": "2025-10-03"})
    assert answer.json() == {
        "start": "2025-10-01",
        "end": "2025-10-03",
        "orders": 2,
        "total_cents": 3_000,
        "average_per_day_cents": 1_500,
    }


def test_a_period_without_orders_has_no_revenue(as_admin: TestClient) -> None:
    answer = as_admin.get("/api/v1/reports/revenue", params={"start": "2024-10-01", "end": "2024-10-03"})
    assert answer.json()["total_cents"] == 0


@pytest.mark.parametrize(
    ("start", "end"), [("2025-10-01", "2025-10-01"), ("2025-10-02", "2025-10-01"), ("0001-01-01", "9999-12-31")]
)
def test_a_period_that_is_none_is_refused(as_admin: TestClient, start: str, end: str) -> None:
    assert as_admin.get("/api/v1/reports/revenue", params={"start": start, "end": end}).status_code == 400


def test_an_agent_reads_no_reports(as_agent: TestClient) -> None:
    answer = as_agent.get("/api/v1/reports/revenue", params={"start": "2025-10-01", "end": "2025-10-02"})
    assert answer.status_code == 403
