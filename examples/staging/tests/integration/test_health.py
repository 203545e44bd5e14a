from datetime import UTC, datetime, timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from src.api.main import create_api
from src.core.config import Settings
from src.db.models import Customer, Order
from src.db.session import make_engine
from tests.integration.conftest import client_of

PATHS = ["/health", "/api/v1/health"]


@pytest.mark.parametrize("path", PATHS)
def test_health_is_ok_while_the_database_answers(client: TestClient, path: str) -> None:
    assert client.get(path).json() == {"status": "ok", "database": "ok"}
    assert client.head(path).status_code == 200


@pytest.mark.parametrize("path", PATHS)
def test_health_says_when_the_database_is_unreachable(settings: Settings, path: str) -> None:
    nowhere = settings.model_copy(update={"db_host": "127.0.0.1", "db_port": 9})
    api = create_api(nowhere, make_engine(nowhere.application_url(), connect_timeout=3))
    answer = client_of(api).get(path)
    assert answer.status_code == 503
    assert answer.json() == {"status": "unavailable", "database": "unreachable"}


def test_a_connection_that_the_server_dropped_costs_no_answer(settings: Settings, engine: Engine) -> None:
    own = make_engine(settings.application_url(), connect_timeout=3)
    with client_of(create_api(settings, own)) as client:  # leaving it closes the connections
        with own.connect() as connection:
            pid = connection.scalar(text("SELECT pg_backend_pid()"))
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        assert client.get("/health").status_code == 200


def test_status_counts_the_orders_of_the_window(client: TestClient, session: Session, customer: Customer) -> None:
    now = datetime.now(UTC)
    for minutes in (1, 5, 20):
        placed = now - timedelta(minutes=minutes)
        session.add(Order(customer_id=customer.id, description="Router", amount_cents=1, placed_at=placed))
    session.commit()
    answer = client.get("/api/v1/status", params={"window_minutes": 10}).json()
    assert (answer["orders_in_window"], answer["orders_per_minute"]) == (2, 0.2)
    assert answer["schema_revision"]
