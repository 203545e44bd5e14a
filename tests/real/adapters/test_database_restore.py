"""Copying a database's volume, capturing its roles and grants, and bringing all of it back."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runbook_app.domain.errors import ActionError
from runbook_app.domain.scram import verifier
from runbook_app.ports.database import Login
from tests.real.adapters.conftest import PASSWORD
from tests.real.adapters.stacks import ROWS, leftovers, taken

pytestmark = pytest.mark.real


@pytest.fixture
async def stack(own_stack):
    return own_stack


@pytest.fixture
async def database(stack, sql):
    await sql(ROWS)
    return stack.run().database


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
        "CREATE ROLE team; ALTER TABLE orders OWNER TO team;"
        "GRANT team TO reader; ALTER ROLE reader SET search_path = app, public;"
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


async def test_a_database_that_is_down_can_still_be_judged_and_comes_back(stack, sql):
    await sql("CREATE ROLE svc")
    capturable = stack.capturable("database")
    prior = await capturable.prior("")
    settled = await capturable.state("")
    await sql("DROP ROLE svc")
    stack.docker.api().kill(stack.container("db")["Id"])
    assert await capturable.state("") != settled
    assert "does not run" in await capturable.difference(taken(prior), prior.content)
    assert await capturable.restore(taken(prior), prior.content) is True
    assert await capturable.state("") == settled


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
