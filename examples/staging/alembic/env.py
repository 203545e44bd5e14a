"""Runs migrations as the schema's owner, against the database that the settings name."""

from alembic import context
from sqlalchemy import URL, create_engine

from src.core.config import get_settings
from src.core.logging import configure_logging
from src.db.models import Base


def database_url() -> URL:
    """A caller (the test suite) may put another URL into the configuration's attributes."""
    given = context.config.attributes.get("url")
    return given if isinstance(given, URL) else get_settings().migration_url()


def run_offline() -> None:
    context.configure(url=database_url(), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    # Errors of a migration must not print the values it was moving.
    engine = create_engine(database_url(), hide_parameters=True)
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


if "url" not in context.config.attributes:
    configure_logging(get_settings().log_level)

if context.is_offline_mode():
    run_offline()
else:
    run_online()
