"""The application on the throwaway database; what a test writes is rolled back after it."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import URL, Engine, select
from sqlalchemy.orm import Session, sessionmaker

from src.api.main import create_api, wrap
from src.core.config import Settings
from src.core.security import TokenService, hash_password
from src.db.models import Customer, Role, User
from src.db.seed import demo_iban
from src.db.session import Sessions, make_engine

PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="session")
def password_hash() -> str:
    return hash_password(PASSWORD)


@pytest.fixture(scope="session")
def engine(migrated_database: URL, settings: Settings) -> Iterator[Engine]:
    """Signed in as the application, not as the migrations' role."""
    engine = make_engine(settings.application_url(), connect_timeout=3)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> Iterator[Sessions]:
    """Sessions whose commits end in a savepoint of one transaction, which is never committed."""
    with engine.connect() as connection, connection.begin() as transaction:
        yield sessionmaker(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        transaction.rollback()


@pytest.fixture
def session(sessions: Sessions) -> Iterator[Session]:
    with sessions() as session:
        yield session


@pytest.fixture
def api(settings: Settings, engine: Engine, sessions: Sessions) -> FastAPI:
    """A fresh application, and so fresh rate limit counters."""
    api = create_api(settings, engine)
    api.state.sessions = sessions
    return api


@pytest.fixture
def client(api: FastAPI) -> TestClient:
    return client_of(api)


@pytest.fixture
def admin(session: Session, password_hash: str) -> User:
    return add_user(session, Role.ADMIN, password_hash)


@pytest.fixture
def agent(session: Session, password_hash: str) -> User:
    return add_user(session, Role.AGENT, password_hash)


@pytest.fixture
def as_admin(api: FastAPI, admin: User) -> TestClient:
    return client_of(api, admin)


@pytest.fixture
def as_agent(api: FastAPI, agent: User) -> TestClient:
    return client_of(api, agent)


@pytest.fixture
def customer(session: Session) -> Customer:
    customer = Customer(
        full_name="Customer One",
        email="one@example.com",
        tax_number="XX900000001",
        phone="+447700900001",
        iban=demo_iban(1),
    )
    session.add(customer)
    session.commit()
    return customer


def client_of(api: FastAPI, user: User | None = None, address: str = "192.0.2.1") -> TestClient:
    client = TestClient(wrap(api), base_url="http://localhost", raise_server_exceptions=False, client=(address, 50_000))
    if user is not None:
        tokens: TokenService = api.state.tokens
        client.headers["Authorization"] = f"Bearer {tokens.issue(user.id).value}"
    return client


def add_user(session: Session, role: Role, password_hash: str) -> User:
    user = User(email=f"{role.value}@example.com", full_name=role.value.title(), role=role, password_hash=password_hash)
    session.add(user)
    session.commit()
    return session.scalars(select(User).where(User.id == user.id)).one()
