"""What the hardening of a database touches shows in the fingerprint, and what did not change does
not."""

from __future__ import annotations

import pytest

from runbook_app.domain.fingerprint import compare

pytestmark = pytest.mark.real

ROWS = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 20) n;
    CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('a1');
    CREATE ROLE svc LOGIN PASSWORD 'one'; CREATE ROLE mig;
"""
CHANGES = {
    "password:svc": "ALTER ROLE svc PASSWORD 'two'",
    "role:svc": "ALTER ROLE svc CREATEDB",
    "membership:svc in pg_monitor": "GRANT pg_monitor TO svc",
    "role setting:svc in all databases": "ALTER ROLE svc SET work_mem = '8MB'",
    "database:app": "REVOKE CONNECT ON DATABASE app FROM PUBLIC",
    "extension:pgcrypto": "CREATE EXTENSION pgcrypto",
    "setting:log_connections": "ALTER SYSTEM SET log_connections = on; SELECT pg_reload_conf()",
    "alembic revision": "UPDATE alembic_version SET version_num = 'b2'",
    "schema:ACL public.TABLE customers": "GRANT SELECT ON customers TO svc",
    "schema:DEFAULT ACL public.DEFAULT PRIVILEGES FOR TABLES": (
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO svc"
    ),
    "schema:TABLE public.customers": "ALTER TABLE customers OWNER TO mig",
    "schema:INDEX public.by_name": "CREATE INDEX by_name ON customers (name)",
    "schema:EVENT TRIGGER watch": (
        "CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER watch ON ddl_command_end EXECUTE FUNCTION f()"
    ),
    "rows:public.customers": "UPDATE customers SET name = 'x' WHERE id = 1",
}
OUTSIDE = {
    "schema of database template1": 'psql -qX -d template1 -c "CREATE TABLE t ()"',
    "file in the cluster:pg_hba.conf": 'echo "# x" >> "$PGDATA/pg_hba.conf"',
    "access rule:8": (
        'echo "hostssl all all all scram-sha-256" >> "$PGDATA/pg_hba.conf"; psql -qXc "select 1"'
    ),
    "file in the cluster:server.key": 'echo key > "$PGDATA/server.key"',
}


def changed(before, after) -> set[str]:
    return {difference.field for difference in compare(before, after).differences}


async def test_each_change_is_found_and_nothing_is_without_one(stack, sql):
    await sql(ROWS)
    before = await stack.target.fingerprint()
    assert changed(before, await stack.target.fingerprint()) == set()
    for statement in CHANGES.values():
        await sql(statement)
    for script in OUTSIDE.values():
        done = await stack.run().containers.execute("db", ["sh", "-c", script], log=False)
        assert done.ok, done.stderr
    found = changed(before, await stack.target.fingerprint())
    assert {*CHANGES, *OUTSIDE} - found == set()


async def test_rows_written_since_are_kept_and_no_difference(stack, sql):
    await sql(ROWS)
    before = await stack.target.fingerprint()
    await sql("INSERT INTO customers VALUES (99, 'new')")
    comparison = compare(before, await stack.target.fingerprint())
    assert comparison.differences == ()
    assert comparison.kept == ("public.customers: 1 rows written since the checkpoint",)


async def test_no_verifier_stands_in_the_clear(stack, sql):
    await sql(ROWS)
    fields = (await stack.target.fingerprint()).fields
    assert fields["password:svc"].startswith("sha256:")
    assert not any("SCRAM-SHA-256$" in value for value in fields.values())
