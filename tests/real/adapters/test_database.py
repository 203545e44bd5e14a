"""Reading the database: one moment, no writing, and nothing goes on after a cancellation."""

import asyncio

import pytest

from runbook_app.adapters.database import PostgresDatabase
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Database
from tests.real.adapters.conftest import DATABASE, PASSWORD
from tests.real.adapters.stacks import free_port

pytestmark = pytest.mark.real


@pytest.fixture
def database(stack):
    return stack.run().database


def other(stack, settings: Database) -> PostgresDatabase:
    return PostgresDatabase(
        settings,
        stack.run().containers,
        stack.folder,
        stack.secrets,
        backups=stack.target._backups,
        copies=stack.target._copies,
    )


async def test_rows_come_back_as_tuples(stack, database, sql):
    await sql("CREATE TABLE t (id int, name text); INSERT INTO t VALUES (1, 'a%'), (2, 'b')")
    assert await database.query("SELECT id, name FROM t ORDER BY id") == [(1, "a%"), (2, "b")]
    assert await database.query("SELECT id FROM t WHERE name LIKE 'a%'") == [(1,)]
    assert await database.query("SELECT id FROM t WHERE name = %s", ("b",)) == [(2,)]
    assert await database.query("SELECT id FROM t WHERE name = %(n)s", {"n": "b"}) == [(2,)]
    assert await database.query("SELECT current_database()", database="postgres") == [("postgres",)]


async def test_nothing_can_be_written(stack, database, sql):
    await sql("CREATE TABLE t (id int)")
    with pytest.raises(ActionError, match="read-only transaction"):
        await database.query("INSERT INTO t VALUES (1) RETURNING id")


async def test_the_password_is_registered_as_a_secret(stack, database):
    await database.query("SELECT 1")
    assert PASSWORD in stack.secrets.values.values()


async def test_a_password_can_stand_in_a_file_of_the_target(stack, sql):
    (stack.folder / "db.pass").write_text(f"{PASSWORD}\n")
    settings = Database(service="db", name="app", user="app", password_from="file:db.pass")
    assert await other(stack, settings).query("SELECT 1") == [(1,)]
    missing = Database(service="db", name="app", user="app", password_from="file:none")
    with pytest.raises(ActionError, match="can't be read from none"):
        await other(stack, missing).query("SELECT 1")


async def test_names_that_the_plan_leaves_out_come_from_the_container(stack):
    assert await other(stack, Database(service="db")).query(
        "SELECT current_user || ' ' || current_database()"
    ) == [("app app",)]


async def test_a_wrong_password_is_said_without_the_password(stack, sql):
    (stack.folder / "db.pass").write_text("not-the-password\n")
    settings = Database(service="db", name="app", user="app", password_from="file:db.pass")
    with pytest.raises(ActionError, match="password authentication failed") as caught:
        await other(stack, settings).query("SELECT 1")
    assert "not-the-password" not in str(caught.value)


async def test_an_error_names_no_parameter(stack, database):
    with pytest.raises(ActionError) as caught:
        await database.query("SELECT nothing FROM nowhere WHERE a = %s", ("hunter2",))
    assert "nowhere" in caught.value.message
    assert "hunter2" not in str(caught.value)


async def test_a_cancelled_query_has_ended_on_the_server_when_it_comes_back(stack, database, sql):
    count = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'"
    task = asyncio.create_task(database.query("SELECT pg_sleep(50)"))
    async with asyncio.timeout(20):
        while await sql(count) != "1\n":
            assert not task.done()
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=15)
    assert done
    assert task.cancelled()
    assert await sql(count + " AND state = 'active'") == "0\n"


async def test_a_published_port_is_used(stack, make_stack, db_image):
    port = free_port()
    published = make_stack(
        f"""
db:
  image: {db_image}
  environment: {{POSTGRES_USER: app, POSTGRES_PASSWORD: {PASSWORD}, POSTGRES_DB: app}}
  ports: ["127.0.0.1:{port}:5432"]
  healthcheck:
    test: ["CMD", "pg_isready", "-q", "-h", "127.0.0.1"]
    interval: 300ms
    retries: 200
""",
        database=DATABASE,
    )
    await published.run().compose.up()
    found = await published.run().database.query("SELECT host(inet_client_addr())")
    own = published.container("db")["NetworkSettings"]["Networks"][f"{published.project}_default"]
    assert found == [(own["Gateway"],)]


async def test_a_database_that_is_down_is_said(stack, database, docker):
    docker.api().stop(stack.container("db")["Id"], timeout=5)
    with pytest.raises(ActionError, match="the service db is exited"):
        await database.query("SELECT 1")
    docker.api().remove_container(stack.container("db")["Id"])
    with pytest.raises(ActionError, match="the service db has no container"):
        await database.query("SELECT 1")


async def test_a_server_that_does_not_take_the_connection_is_said(stack, database):
    with pytest.raises(ActionError, match=r"db does not answer: .* not currently accepting"):
        await database.query("SELECT 1", database="template0")


async def test_a_plan_without_a_database_says_so(stack):
    with pytest.raises(ActionError, match="names no database"):
        await other(stack, Database()).query("SELECT 1")
