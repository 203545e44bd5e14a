"""A throwaway database beside the service's own, made, migrated and dropped by the suite."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, create_engine, text

from src.core.config import Settings, get_settings

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure() -> None:
    """Let what was made be removed also when the suite is told to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def settings() -> Settings:
    """The environment's settings, on the throwaway database."""
    live = get_settings()
    return live.model_copy(update={"db_name": f"{live.db_name}_test"})


@pytest.fixture(scope="session")
def migrated_database(settings: Settings) -> Iterator[URL]:
    """The throwaway database at the newest revision, reached by the way down to nothing and up again."""
    url = settings.migration_url()
    drop = f'DROP DATABASE IF EXISTS "{url.database}" WITH (FORCE)'
    administer(url, drop, f'CREATE DATABASE "{url.database}"')
    try:
        config = alembic_config(url)
        command.upgrade(config, "head")
        command.downgrade(config, "base")
        command.upgrade(config, "head")
        yield url
    finally:
        administer(url, drop)


def alembic_config(url: URL) -> Config:
    config = Config(ROOT / "alembic.ini")
    config.attributes["url"] = url
    return config


def administer(url: URL, *statements: str) -> None:
    engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
