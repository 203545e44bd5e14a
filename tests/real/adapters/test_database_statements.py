"""Statements, clients and logical backups, on one server for all of these tests."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from actions import command
from runbook_app.domain.errors import ActionError, DatabaseRefused
from runbook_app.domain.measure import Progress
from runbook_app.domain.scram import verifier
from runbook_app.ports.action import Script
from runbook_app.ports.database import Login, TableSum
from tests.real.adapters.stacks import ROWS, leftovers

pytestmark = pytest.mark.real


@pytest.fixture
async def database(stack, sql):
    await sql(f"DROP ROLE IF EXISTS svc; {ROWS}")
    stack.captures.clear()
    return stack.run().database


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


HOSTILE = "'; DELETE FROM orders; -- \" $1 \\ 100%"


async def test_a_plans_own_statements_are_one_transaction_with_bound_values(stack, database):
    run = stack.run()
    given = {
        "command": Script("INSERT INTO customers VALUES (%(id)s, %(name)s || '%%')"),
        "check": Script("SELECT count(*) = 1 FROM customers WHERE name = %(name)s || '%%'"),
        "rollback": Script("DELETE FROM customers WHERE id = %(id)s"),
        "values": {"id": 902, "name": HOSTILE},
    }
    assert command.sql.checker
    assert command.sql.undoes
    orders = await database.query("SELECT count(*) FROM orders")
    assert (await command.sql.checker(run, **given)).progress is Progress.NOT_DONE
    await command.sql.function(run, **given)
    assert [prior.kind for prior in stack.captures] == ["database"]
    assert (await command.sql.checker(run, **given)).progress is Progress.DONE
    rows = await database.query("SELECT name FROM customers WHERE id = 902")
    assert rows == [(f"{HOSTILE}%",)]
    assert await database.query("SELECT count(*) FROM orders") == orders
    for _ in range(2):
        await command.sql.undoes(run, **given)
        assert (await command.sql.checker(run, **given)).progress is Progress.NOT_DONE


async def test_several_statements_of_a_plan_hold_together(stack, database):
    run, nothing = stack.run(), Script("SELECT true")
    insert = "INSERT INTO customers VALUES (903, 'a;b'); "
    with pytest.raises(DatabaseRefused):
        await command.sql.function(run, command=Script(insert * 2), check=nothing)
    found = "SELECT count(*) = 1 FROM customers WHERE name LIKE '%;b'"
    assert command.sql.checker
    finding = await command.sql.checker(run, command=nothing, check=Script(found))
    assert finding.progress is Progress.NOT_DONE
    await command.sql.function(run, command=Script(f"{insert}SELECT 1;"), check=nothing)
    finding = await command.sql.checker(run, command=nothing, check=Script(found))
    assert finding.progress is Progress.DONE
    with pytest.raises(DatabaseRefused):
        await command.sql.function(run, command=Script(insert * 2), check=nothing, values={"id": 1})


async def test_a_plans_own_check_can_not_write(stack, database):
    write = Script("DELETE FROM orders RETURNING true")
    assert command.sql.checker
    with pytest.raises(DatabaseRefused) as refused:
        await command.sql.checker(stack.run(), command=write, check=write)
    assert refused.value.sqlstate == "25006"
    with pytest.raises(DatabaseRefused):
        await command.sql_holds.function(stack.run(), command=write)


async def test_what_a_command_says_it_changes_is_captured_without_a_change(stack, database):
    run = stack.run()
    await run.database.capture()
    await run.database.capture()
    await run.compose.capture()
    assert [prior.kind for prior in stack.captures] == ["database", "project"]


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
        " GRANT USAGE ON SCHEMA public TO svc; GRANT SELECT ON customers TO svc;",
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


async def test_a_scratch_database_left_by_a_killed_engine_is_dropped(stack, database):
    await database.execute("CREATE DATABASE runbook_probe_left", autocommit=True)
    assert "scratch database runbook_probe_left" in await stack.target.end_survivors()
    assert "runbook_probe_left" not in await databases(database)


async def test_what_a_killed_engine_left_of_a_trial_is_removed(stack, db_image):
    api, label = stack.docker.api(), {"runbook.session": stack.session}
    name = f"runbook_probe_{stack.session}"
    api.create_volume(name, labels=label)
    mounts = [{"Type": "volume", "Source": name, "Target": "/data"}]
    config = {"Image": db_image, "Labels": label, "HostConfig": {"Mounts": mounts}}
    api.create_container_from_config(config, name)
    found = await stack.target.end_survivors()
    assert found == [f"throwaway container {name}", f"throwaway volume {name}"]
    assert leftovers(stack) == []


async def test_a_cancelled_backup_ends_its_commands(stack, database):
    task = asyncio.create_task(database.backup("cut"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await database.sessions() == []
