from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import URL

from tests.conftest import alembic_config


def test_the_migrated_schema_is_that_of_the_models(migrated_database: URL) -> None:
    command.check(alembic_config(migrated_database))


def test_there_is_one_head(migrated_database: URL) -> None:
    assert len(ScriptDirectory.from_config(alembic_config(migrated_database)).get_heads()) == 1
