"""The tables that the init script makes; an empty database gets them here."""

from alembic import op

revision = "1000"
down_revision = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS crm")
    op.execute("CREATE TYPE crm.level AS ENUM ('new', 'regular')")
    op.execute("""
        CREATE TABLE crm.people (
            code text PRIMARY KEY, phone text, note varchar(40) DEFAULT '',
            level crm.level NOT NULL DEFAULT 'new', changed timestamptz NOT NULL DEFAULT '2025-01-01')""")
    op.execute(
        "CREATE FUNCTION crm.touch() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN NEW.changed := now(); RETURN NEW; END $$"
    )
    op.execute("CREATE TRIGGER touch BEFORE UPDATE ON crm.people FOR EACH ROW EXECUTE FUNCTION crm.touch()")


def downgrade() -> None:
    op.execute("DROP TABLE crm.people")
    op.execute("DROP FUNCTION crm.touch()")
    op.execute("DROP TYPE crm.level")
