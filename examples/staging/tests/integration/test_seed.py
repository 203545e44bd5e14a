from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from src.core.config import Settings
from src.core.security import verify_password
from src.db import seed
from src.db.models import Base, Customer, Order, User

NOW = datetime(2025, 10, 6, tzinfo=UTC)


def counts(session: Session) -> list[int]:
    tables: tuple[type[Base], ...] = (User, Customer, Order)
    return [session.scalar(select(func.count()).select_from(table)) or 0 for table in tables]


def test_empty_tables_are_filled_once(session: Session, settings: Settings) -> None:
    demo = settings.model_copy(update={"seed_demo_data": True})
    seed.seed(session, demo, NOW)
    seed.seed(session, demo, NOW)
    assert counts(session) == [1, seed.CUSTOMERS, seed.CUSTOMERS * seed.ORDERS_PER_CUSTOMER]


def test_without_demo_data_there_is_the_administrator_alone(session: Session, settings: Settings) -> None:
    seed.seed(session, settings.model_copy(update={"seed_demo_data": False}), NOW)
    assert counts(session) == [1, 0, 0]
    administrator = session.scalars(select(User)).one()
    assert verify_password(settings.admin_password.get_secret_value(), administrator.password_hash)


def test_existing_rows_are_left_alone(session: Session, settings: Settings, admin: User, customer: Customer) -> None:
    seed.seed(session, settings.model_copy(update={"seed_demo_data": True}), NOW)
    assert counts(session) == [1, 1, 0]


def test_the_command_fills_the_database_of_the_settings(
    migrated_database: object, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seed, "get_settings", lambda: settings)
    monkeypatch.setattr(seed, "configure_logging", lambda _: None)
    filled = []
    monkeypatch.setattr(seed, "seed", lambda session, *_: filled.append(session.bind.url.database))
    seed.main()
    assert filled == [settings.db_name]
