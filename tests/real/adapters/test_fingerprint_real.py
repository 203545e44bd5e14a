"""Each field of a fingerprint: a change there is found, on a real stack, and only there."""

import pytest

from runbook_app.adapters import fingerprint_database
from runbook_app.adapters.fingerprint_database import DatabaseState
from runbook_app.adapters.psql import Psql
from runbook_app.domain.errors import ActionError
from runbook_app.domain.fingerprint import Comparison, compare
from runbook_app.domain.plan import Database
from tests.real.adapters.conftest import run_sql

pytestmark = pytest.mark.real

SCHEMA = """
CREATE TABLE customers (id serial PRIMARY KEY, name text NOT NULL, note text);
INSERT INTO customers (name) SELECT 'customer ' || n FROM generate_series(1, 20) n;
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('abc');
CREATE MATERIALIZED VIEW names AS SELECT name FROM customers;
CREATE ROLE reader LOGIN PASSWORD 'first-password';
CREATE ROLE readers;
"""

HBA = "/var/lib/postgresql/data/pgdata/pg_hba.conf"


def program(command: str) -> str:
    """SQL that runs a command in the server's container.

    What the server pipes into it is read to its end: a command that is over before that fails
    the statement.
    """
    return f"COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; {command}'"


CHANGES = {
    "a column": ("ALTER TABLE customers ADD email text", "schema:TABLE public.customers"),
    "an index": ("CREATE INDEX extra ON customers (name)", "schema:INDEX public.extra"),
    "a constraint": (
        "ALTER TABLE customers ADD CONSTRAINT short CHECK (length(name) < 99)",
        "schema:TABLE public.customers",
    ),
    "a function": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "schema:FUNCTION public.f()",
    ),
    "a trigger": (
        """CREATE FUNCTION t() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER tr BEFORE INSERT ON customers FOR EACH ROW EXECUTE FUNCTION t()""",
        "schema:TRIGGER public.customers tr",
    ),
    "a grant": ("GRANT SELECT ON customers TO reader", "schema:ACL public.TABLE customers"),
    "a default grant": (
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO reader",
        "schema:DEFAULT ACL DEFAULT PRIVILEGES FOR TABLES",
    ),
    "an owner": ("ALTER TABLE customers OWNER TO reader", "schema:TABLE public.customers"),
    "a policy": (
        "ALTER TABLE customers ENABLE ROW LEVEL SECURITY",
        "schema:ROW SECURITY public.customers",
    ),
    "an extension": ("CREATE EXTENSION pgcrypto", "extension:pgcrypto"),
    "a role": ("CREATE ROLE extra", "role:extra"),
    "a role's attribute": ("ALTER ROLE reader CREATEDB", "role:reader"),
    "a role's end": ("ALTER ROLE reader VALID UNTIL '2030-01-01'", "role:reader"),
    "a password": ("ALTER ROLE reader PASSWORD 'other-password'", "password:reader"),
    "a membership": ("GRANT readers TO reader", "membership:reader in readers"),
    "a role's setting": (
        "ALTER ROLE reader SET statement_timeout = '5s'",
        "role setting:reader in all databases",
    ),
    "a database's setting": (
        "ALTER DATABASE app SET work_mem = '8MB'",
        "role setting:all roles in app",
    ),
    "a database's limit": ("ALTER DATABASE app CONNECTION LIMIT 50", "database:app"),
    "a database's grant": ("REVOKE CONNECT ON DATABASE app FROM PUBLIC", "database:app"),
    "a database": ("CREATE DATABASE extra", "database:extra"),
    "a setting": (
        "ALTER SYSTEM SET log_statement = 'ddl'; SELECT pg_reload_conf()",
        "setting:log_statement",
    ),
    "a setting not yet in force": (
        "ALTER SYSTEM SET log_duration = on",
        "setting in file:log_duration",
    ),
    "a setting that waits for a restart": (
        "ALTER SYSTEM SET max_connections = 77; SELECT pg_reload_conf()",
        "setting:max_connections",
    ),
    "a large object": ("SELECT lo_create(0)", "large objects:count"),
    "the revision": ("UPDATE alembic_version SET version_num = 'def'", "alembic revision"),
    "a row": ("UPDATE customers SET note = 'x' WHERE id = 3", "rows:public.customers"),
    "a row's end": ("DELETE FROM customers WHERE id = 3", "rows:public.customers"),
    "a view's rows": (
        "UPDATE customers SET name = 'x'; REFRESH MATERIALIZED VIEW names",
        "rows:public.names",
    ),
    "an event trigger": (
        """CREATE FUNCTION e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
        CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION e()""",
        "schema:EVENT TRIGGER watch",
    ),
    "another database": (
        program('psql -qX -U app -d template1 -c "CREATE SCHEMA s" >/dev/null'),
        "schema of database template1",
    ),
    "a key of the server": (
        "COPY (SELECT 'key') TO '/var/lib/postgresql/data/pgdata/server.key'",
        "file in the cluster:server.key",
    ),
    "a comment among the access rules": (
        f"COPY (SELECT '# x') TO PROGRAM 'cat >> {HBA}'",
        "file in the cluster:pg_hba.conf",
    ),
    "an access rule": (
        f"COPY (SELECT 'host all reader 192.0.2.0/24 reject') TO PROGRAM 'cat >> {HBA}'",
        "access rule:",
    ),
}

UNDO = """
ALTER SYSTEM RESET ALL; SELECT pg_reload_conf();
ALTER DATABASE app RESET ALL; ALTER DATABASE app CONNECTION LIMIT -1;
GRANT CONNECT ON DATABASE app TO PUBLIC; DROP DATABASE extra; DROP ROLE extra;
SELECT lo_unlink(oid) FROM pg_largeobject_metadata;
"""


@pytest.fixture
async def stack(stack):
    await run_sql(stack, SCHEMA)
    return stack


def found(comparison: Comparison) -> set[str]:
    return {difference.field for difference in comparison.differences}


async def test_a_target_equals_itself_and_lists_what_it_leaves_out(stack):
    first, second = await stack.target.fingerprint(), await stack.target.fingerprint()
    assert compare(first, second) == Comparison(differences=(), kept=())
    assert {"file:.git", "file:PROGRESS.md"} <= {e.field for e in first.exclusions}
    assert all(e.reason for e in first.exclusions)
    assert {"openapi", "alembic revision", "file:compose.yml"} <= first.fields.keys()
    assert len(first.tables["public.customers"].rows) == 20
    assert "first-password" not in str(first)


@pytest.mark.timeout(300)
async def test_every_kind_of_change_is_found(stack, sql):
    """One after the other, each against the one before."""
    missed = []
    before = await stack.target.fingerprint()
    for name, (statement, field) in CHANGES.items():
        await sql(statement)
        after = await stack.target.fingerprint()
        if not any(f.startswith(field) for f in found(compare(before, after))):
            missed.append((name, found(compare(before, after))))
        before = after
    await sql(program(f"sed -i /192.0.2.0/d {HBA}"))
    await sql(program('psql -qX -U app -d template1 -c "DROP SCHEMA s"'))
    await sql(program("rm /var/lib/postgresql/data/pgdata/server.key"))
    await sql(f"DROP EVENT TRIGGER watch; {UNDO}")
    assert missed == []


async def test_rows_written_since_are_kept_and_told(stack, sql):
    before = await stack.target.fingerprint()
    await sql("INSERT INTO customers (name) VALUES ('new'), ('newer')")
    comparison = compare(before, await stack.target.fingerprint())
    assert comparison.differences == ()
    assert comparison.kept == ("public.customers: 2 rows written since the checkpoint",)


async def test_a_large_table_is_compared_by_count_and_checksum(stack, sql, monkeypatch):
    monkeypatch.setattr(fingerprint_database, "ROWS", 10)
    before = await stack.target.fingerprint()
    assert "public.customers" not in before.tables
    await sql("UPDATE customers SET note = 'x' WHERE id = 3")
    assert found(compare(before, await stack.target.fingerprint())) == {"rows:public.customers"}


async def test_the_order_of_rows_on_the_disk_does_not_count(stack, sql):
    before = await stack.target.fingerprint()
    await sql("UPDATE customers SET name = name WHERE id = 1; VACUUM FULL customers; ANALYZE")
    assert compare(before, await stack.target.fingerprint()) == Comparison(differences=(), kept=())


async def test_the_apis_description_counts_and_its_layout_does_not(stack):
    file = stack.folder / "www/openapi.json"
    before = await stack.target.fingerprint()
    file.write_text('{\n  "paths": {"/health": {} }}')
    assert "openapi" not in found(compare(before, await stack.target.fingerprint()))
    file.write_text('{"paths": {"/health": {}, "/new": {}}}')
    assert "openapi" in found(compare(before, await stack.target.fingerprint()))


async def test_an_account_that_is_no_superuser_leaves_out_what_it_may_not_read(stack, sql):
    await sql(
        "GRANT USAGE ON SCHEMA public TO reader; GRANT SELECT ON alembic_version TO reader;"
        "CREATE DATABASE other"
    )
    settings = Database(service="db", name="app", superuser="reader")
    state = await DatabaseState().read(Psql(settings, stack.run().containers))
    left_out = {exclusion.field for exclusion in state.exclusions}
    assert {"password of the database server", "rows of public.customers"} <= left_out
    assert state.tables.keys() == {"public.alembic_version"}


async def test_a_fingerprint_without_its_database_is_no_fingerprint(stack, docker):
    docker.api().stop(stack.container("db")["Id"], timeout=5)
    with pytest.raises(ActionError, match="The fingerprint can't be taken, the database can't"):
        await stack.target.fingerprint()


OLDER_PG_DUMP = """#!/bin/sh
for argument; do
    case $argument in --restrict-key*) echo refused >>/tmp/used; exit 1 ;; esac
done
exec "$0.real" "$@"
"""


async def test_a_pg_dump_that_does_not_know_the_fixed_token_serves_as_well(stack):
    """Older minor versions put no token in, and refuse the option."""
    before = await stack.target.fingerprint()
    containers = stack.run().containers
    program = (await containers.execute("db", ["sh", "-c", "command -v pg_dump"])).text.strip()
    replace = f"mv {program} {program}.real && cat >{program} && chmod 755 {program}"
    await containers.execute("db", ["sh", "-c", replace], stdin=OLDER_PG_DUMP.encode(), user="0")
    try:
        after = await stack.target.fingerprint()
    finally:
        await containers.execute("db", ["mv", f"{program}.real", program], user="0")
    used = (await containers.execute("db", ["cat", "/tmp/used"])).text
    assert set(used.splitlines()) == {"refused"}
    assert compare(before, after) == Comparison(differences=(), kept=())
