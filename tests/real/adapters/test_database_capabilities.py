"""Changing a database, backing it up, copying its volume, and bringing all of it back."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from runbook_app.domain.errors import ActionError, DatabaseRefused
from runbook_app.domain.scram import verifier
from runbook_app.ports.capabilities import Login, TableSum
from tests.real.adapters.conftest import PASSWORD
from tests.real.adapters.stacks import taken

pytestmark = pytest.mark.real

ROWS = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 500) n;
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 40) n;
"""


@pytest.fixture
async def database(stack, sql):
    await sql(ROWS)
    return stack.run().database


def leftovers(stack) -> list[str]:
    api, wanted = stack.docker.api(), {"label": [f"runbook.session={stack.session}"]}
    found = [c["Names"][0] for c in api.containers(all=True, filters=wanted)]
    return found + [v["Name"] for v in api.volumes(filters=wanted)["Volumes"] or ()]


async def databases(database) -> list[str]:
    rows = await database.query("SELECT datname FROM pg_database ORDER BY 1")
    return [name for (name,) in rows]


# Statements


async def test_a_change_is_captured_once_and_before_it(stack, database):
    await database.execute("INSERT INTO customers VALUES (%s, %s)", [900, "it's 100% \\ bound"])
    await database.execute("DELETE FROM orders WHERE id = %(id)s RETURNING customer", {"id": 1})
    assert [prior.kind for prior in stack.captures] == ["database"]
    rows = await database.query("SELECT name FROM customers WHERE id = %s", [900])
    assert rows == [("it's 100% \\ bound",)]


async def test_statements_of_a_transaction_hold_together(database):
    async def twice() -> None:
        async with database.transaction() as t:
            await t.execute("INSERT INTO customers VALUES (901, 'x')")
            await t.execute("INSERT INTO customers VALUES (%s, 'y')", [901])

    with pytest.raises(DatabaseRefused) as refused:
        await twice()
    assert refused.value.sqlstate == "23505"
    assert await database.query("SELECT 1 FROM customers WHERE id = 901") == []


async def test_what_refuses_a_transaction_runs_outside_one(database):
    await database.execute("VACUUM FULL customers", autocommit=True)
    with pytest.raises(DatabaseRefused) as refused:
        await database.execute("VACUUM FULL customers")
    assert refused.value.sqlstate == "25001"


async def test_a_query_cannot_write(database):
    with pytest.raises(DatabaseRefused) as refused:
        await database.query("DELETE FROM orders")
    assert refused.value.sqlstate == "25006"


async def test_neither_bound_values_nor_secret_scripts_reach_the_log(stack, database):
    await database.superuser(
        "ALTER SYSTEM SET log_min_duration_statement = 0;"
        " ALTER SYSTEM SET log_parameter_max_length = 0; SELECT pg_reload_conf();",
        transaction=False,
    )
    with pytest.raises(DatabaseRefused):
        await database.execute("SELECT %s::text, 1 / %s::int", ["canary-bound", 0])
    await database.superuser("SELECT 'canary-secret';", secret=True)
    await database.superuser("SELECT 'open-canary';")
    log = await stack.run().containers.logs("db")
    assert b"open-canary" in log
    assert b"canary-bound" not in log
    assert b"canary-secret" not in log


async def test_the_superuser_stops_at_the_first_error_and_undoes_the_script(database):
    with pytest.raises(DatabaseRefused, match="no_such_table") as refused:
        await database.superuser("DELETE FROM orders; SELECT * FROM no_such_table;")
    assert refused.value.sqlstate == "42P01"
    assert await database.query("SELECT count(*) FROM orders") == [(40,)]


async def test_the_superuser_reads_typed_values(database):
    rows = await database.query("SELECT 1 AS a, NULL AS b, 'x\ny' AS c, true AS d", superuser=True)
    assert rows == [(1, None, "x\ny", True)]


async def test_another_login_is_another_account(database):
    await database.superuser(
        f"CREATE ROLE svc LOGIN PASSWORD '{verifier('svc-password', b'0123456789abcdef')}';"
        " GRANT SELECT ON customers TO svc;",
        secret=True,
    )
    svc = Login(user="svc", password="svc-password")
    assert await database.query("SELECT current_user::text", login=svc) == [("svc",)]
    with pytest.raises(DatabaseRefused) as refused:
        await database.execute("DELETE FROM customers", login=svc)
    assert refused.value.sqlstate == "42501"
    with pytest.raises(DatabaseRefused, match="password authentication failed"):
        await database.query("SELECT 1", login=replace(svc, password="wrong"))
    with pytest.raises(DatabaseRefused, match="SSL"):
        await database.query("SELECT 1", login=replace(svc, tls="require"))


async def test_connected_clients_are_told(database):
    async with database.transaction() as t:
        await t.execute("SET application_name = 'back office'")
        (session,) = await database.sessions()
    assert (session.user, session.application, session.database) == ("app", "back office", "app")
    assert session.state == "idle in transaction"
    assert session.since.startswith("2")


# Backups


async def test_a_backup_counts_when_it_restores_to_the_same(stack, database):
    backup = await database.backup("before")
    assert backup.tables["public.customers"].rows == 500
    assert backup.rows == 540
    assert b"PGDMP" not in stack.artefacts.get(backup.dump)
    proof = await database.verify_backup(backup)
    assert (proof.tables, proof.rows, proof.differences) == (2, 540, ())
    assert await database.find_backup("before") == backup
    assert await databases(database) == ["app", "postgres", "template0", "template1"]
    assert stack.captures == []


async def test_a_backup_that_differs_is_told(database):
    backup = await database.backup("before")
    wrong = {
        **backup.tables,
        "public.orders": TableSum(rows=41, checksum="1"),
        "public.x": TableSum(rows=0, checksum="0"),
    }
    proof = await database.verify_backup(replace(backup, tables=wrong))
    assert proof.differences == ("public.orders: 40 rows instead of 41", "public.x: is missing")


async def test_a_backup_that_was_altered_is_refused_and_leaves_nothing(stack, database):
    backup = await database.backup("before")
    content = stack.artefacts.get_sealed(backup.dump)
    path = stack.artefacts.put_sealed("altered", content[:-20] + bytes(20))
    with pytest.raises(ActionError):
        await database.verify_backup(replace(backup, dump=path))
    assert await databases(database) == ["app", "postgres", "template0", "template1"]


async def test_a_backup_with_pgaudit_restores_where_that_is_not_loaded(stack, database):
    text = stack.file.read_text()
    hardened = text.replace('"fsync=off"', '"fsync=off", "-c", "shared_preload_libraries=pgaudit"')
    stack.file.write_text(hardened)
    await stack.run().compose.up()
    await database.superuser("CREATE EXTENSION pgaudit;")
    backup = await database.backup("with pgaudit")
    assert (await database.verify_backup(backup)).differences == ()
    await database.superuser("DROP EXTENSION pgaudit;")
    stack.file.write_text(text)
    await stack.run().compose.up()
    proof = await database.verify_backup(backup)
    assert (proof.rows, proof.differences) == (540, ())


async def test_a_scratch_database_left_by_a_killed_engine_is_dropped(stack, database):
    await database.execute("CREATE DATABASE runbook_probe_left", autocommit=True)
    assert "scratch database runbook_probe_left" in await stack.target.end_survivors()
    assert "runbook_probe_left" not in await databases(database)


# The volume's copy


async def test_a_volume_is_copied_tried_out_and_put_back(stack, sql, database):
    volume = stack.capturable("volume")
    prior = await volume.prior("")
    assert "2 tables" in prior.summary or "tables with 540 rows" in prior.summary
    assert leftovers(stack) == []
    assert await volume.restore(taken(prior), prior.content) is False
    await sql(
        "INSERT INTO orders VALUES (77, 1); CREATE TABLE log (id int); INSERT INTO log VALUES (1);"
        "ALTER TABLE customers DROP COLUMN name; CREATE ROLE stray;"
    )
    losses = await volume.losses(taken(prior), prior.content)
    assert losses == [
        "app.public.log: all 1 rows, the copy has no such table",
        "app.public.orders: 1 rows (key 77)",
    ]
    assert await volume.restore(taken(prior), prior.content) is True
    assert await sql("SELECT count(name) FROM customers") == "500\n"
    assert await sql("SELECT count(*) FROM pg_roles WHERE rolname = 'stray'") == "0\n"
    assert stack.services()["db"] == "running"
    assert leftovers(stack) == []


async def test_a_copy_can_be_put_back_into_a_stopped_and_spoiled_volume(stack, sql, database):
    volume = stack.capturable("volume")
    prior = await volume.prior("")
    await stack.run().containers.execute(
        "db", ["sh", "-c", 'rm "$PGDATA/global/pg_control"'], log=False
    )
    stack.docker.api().kill(stack.container("db")["Id"])
    assert "can't be listed" in (await volume.losses(taken(prior), prior.content))[0]
    assert await volume.restore(taken(prior), prior.content) is True
    assert await sql("SELECT count(*) FROM customers") == "500\n"


async def test_a_copy_that_was_altered_is_not_put_back(stack, sql, database):
    prior = await stack.capturable("volume").prior("")
    copy = await database.find_volume_copy("db")
    assert copy is not None
    plain = stack.artefacts.get_sealed(copy.path)
    stack.artefacts.put(copy.path, stack.artefacts.get(stack.artefacts.put_sealed("x", plain[:-9])))
    await sql("INSERT INTO orders VALUES (77, 1)")
    with pytest.raises(ActionError):
        await stack.capturable("volume").restore(taken(prior), prior.content)


# The capture


async def test_roles_grants_settings_and_rules_come_back(stack, sql, database):
    await sql(
        "CREATE ROLE reader LOGIN PASSWORD 'reader-password' VALID UNTIL '2031-01-01';"
        "CREATE ROLE team; GRANT team TO reader; ALTER ROLE reader SET search_path = app, public;"
        "GRANT SELECT ON customers TO reader; GRANT UPDATE (name) ON customers TO team;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO team;"
    )
    before = await stack.target.fingerprint()
    prior = await stack.capturable("database").prior("")
    await database.superuser(
        "ALTER ROLE app NOSUPERUSER PASSWORD 'another-password'; DROP OWNED BY reader;"
        "DROP ROLE reader; REVOKE ALL ON DATABASE app FROM PUBLIC;"
        "CREATE ROLE mig LOGIN; ALTER TABLE orders OWNER TO mig;"
        "GRANT CREATE ON SCHEMA public TO mig;"
        "REVOKE UPDATE (name) ON customers FROM team;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM team;"
        "ALTER DEFAULT PRIVILEGES FOR ROLE mig GRANT SELECT ON TABLES TO team;"
        "ALTER TABLE customers OWNER TO mig; CREATE SCHEMA audit AUTHORIZATION mig;"
        "DROP SCHEMA audit;"
        "ALTER DATABASE app SET work_mem = '8MB'; GRANT mig TO team;",
        secret=True,
    )
    await database.superuser("ALTER SYSTEM SET log_connections = on;", transaction=False)
    await stack.run().containers.execute(
        "db",
        ["sh", "-c", 'echo "local all all peer" > "$PGDATA/pg_hba.conf"; echo > "$PGDATA/x.pem"'],
        log=False,
    )
    await database.superuser("SELECT pg_reload_conf();")
    capturable = stack.capturable("database")
    assert "-membership:team in mig" in await capturable.difference(taken(prior), prior.content)
    assert await capturable.restore(taken(prior), prior.content) is True
    assert await capturable.difference(taken(prior), prior.content) == ""
    assert await capturable.restore(taken(prior), prior.content) is False
    after = await stack.target.fingerprint()
    assert {
        k: (v, after.fields.get(k)) for k, v in before.fields.items() if after.fields.get(k) != v
    } == {}
    assert after.fields.keys() == before.fields.keys()
    login = Login(user="reader", password="reader-password")
    assert await database.query("SELECT count(*) FROM customers", login=login) == [(500,)]
    assert PASSWORD not in stack.recorder.text()


async def test_a_kept_credential_stays_and_is_excluded_from_the_proof(stack, database):
    capturable = stack.capturable("database")
    prior = await capturable.prior("")
    settings = replace(stack.target._plan.target.database, keep_credentials=("app",))
    capturable._settings = settings
    new = verifier("rotated-password", b"0123456789abcdef")
    await database.superuser(f"ALTER ROLE app PASSWORD '{new}'; CREATE ROLE x;", secret=True)
    await capturable.restore(taken(prior), prior.content)
    login = Login(user="app", password="rotated-password")
    assert await database.query("SELECT 1", login=login) == [(1,)]


async def test_a_cancelled_backup_ends_its_commands(stack, database):
    task = asyncio.create_task(database.backup("cut"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.sessions() == []
