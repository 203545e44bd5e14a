"""What a blast radius says of containers and connections is what then happens to them."""

from __future__ import annotations

import pytest

from actions import _radius, compose, database_server
from tests.real.adapters.stacks import BASE, SLEEPER, Stack

pytestmark = pytest.mark.real


async def words(stack: Stack, action) -> list[str]:
    return [thing.words for thing in await action.foresees(stack.run())]


def ids(stack: Stack) -> dict[str, tuple[str, str]]:
    """Id and start of each service's container."""
    found = {}
    for service in stack.services():
        raw = stack.container(service)
        found[service] = (raw["Id"], raw["State"]["StartedAt"])
    return found


async def test_it_names_exactly_the_containers_that_up_then_touches(make_stack):
    stack = make_stack(
        f"a: {SLEEPER}\nb: {SLEEPER}\nc: {SLEEPER}\nd: {SLEEPER}\n"
        f"e: {SLEEPER}\n    depends_on: {{b: {{condition: service_started, restart: true}}}}"
    )
    run = stack.run()
    await run.compose.up()
    assert await words(stack, compose.apply) == []
    stack.docker.api().stop(stack.container("c")["Id"], timeout=0)

    def change(document):
        document["services"]["b"]["environment"] = {"NEW": "1"}
        del document["services"]["d"]
        document["services"]["f"] = {"image": BASE, "command": ["sleep", "infinity"]}

    await run.compose.edit(change)
    name = stack.project
    told = [line for line in await words(stack, compose.apply) if line.startswith("container")]
    assert told == [
        f"container {name}-b-1 is made anew",
        f"container {name}-c-1 is started",
        f"container {name}-e-1 is restarted",
        "container f is made",
        f"container {name}-d-1 is removed",
    ]
    before = ids(stack)
    await run.compose.up()
    after = ids(stack)
    assert before.keys() - after.keys() == {"d"}
    assert after.keys() - before.keys() == {"f"}
    assert after["a"] == before["a"]
    assert after["b"][0] != before["b"][0]
    for started in ("c", "e"):
        assert after[started][0] == before[started][0]
        assert after[started][1] != before[started][1]
    assert await words(stack, compose.apply) == []


async def test_another_subnet_makes_its_containers_anew_as_told(make_stack):
    services = f"a: {SLEEPER}\nb: {SLEEPER}\n    networks: [apart]"
    more = "networks:\n  default: {}\n  apart: {}\n"
    stack = make_stack(services, more=more)
    run = stack.run()
    await run.compose.up()

    def change(document):
        document["networks"]["default"] = {"ipam": {"config": [{"subnet": "10.89.77.0/24"}]}}

    await run.compose.edit(change)
    told = [line for line in await words(stack, compose.apply) if line.startswith("container")]
    assert told == [f"container {stack.project}-a-1 is made anew"]
    before = ids(stack)
    await run.compose.up()
    after = ids(stack)
    assert after["a"] != before["a"]
    assert after["b"] == before["b"]


async def test_it_counts_the_clients_that_a_restart_of_the_database_drops(own_stack):
    run = own_stack.run()

    def change(document):
        document["services"]["db"]["environment"]["NEW"] = "1"

    await run.compose.edit(change)
    async with run.database.transaction() as t:
        await t.execute("SET application_name = 'back office'")
        told = await words(own_stack, database_server.restart)
    assert told == [
        f"container {own_stack.project}-db-1 is made anew",
        "connections of app (back office) to app are dropped: 1",
        "downtime of db until it is healthy again, at most: 180 s",
    ]


async def test_rows_are_counted_in_the_database_as_it_is(stack, sql):
    await sql("CREATE TABLE t AS SELECT generate_series(1, 31) AS n")
    (found,) = await _radius.tables(stack.run(), "public", ["t"], "is written anew")
    assert found.words == "table public.t is written anew: 31 rows"
