"""Engine and session factory."""

from sqlalchemy import URL, Engine, create_engine
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]


def make_engine(url: URL, connect_timeout: int) -> Engine:
    """`connect_timeout` is in seconds. Statement parameters stay out of errors and logs."""
    return create_engine(
        url,
        pool_size=10,
        max_overflow=10,
        pool_timeout=5,
        # A restarted database must not cost the next request its answer.
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={"connect_timeout": connect_timeout, "application_name": "customer-accounts"},
    )


def make_sessions(engine: Engine) -> Sessions:
    return sessionmaker(engine, expire_on_commit=False)
