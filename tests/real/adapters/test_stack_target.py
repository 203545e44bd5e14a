"""The adapters put together: what a step changes is captured, and the containers' logs arrive."""

import stat

import pytest

from runbook_app.domain.events import LogLost
from runbook_app.domain.plan import Database
from tests.real.adapters.stacks import BASE, SLEEPER, eventually

pytestmark = pytest.mark.real

TALKER = f"""
a:
    image: {BASE}
    init: true
    stop_grace_period: 0s
    command: ["sh", "-c", "seq 1 50; exec sleep infinity"]
"""


async def test_a_contexts_changes_are_captured_under_its_step(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    run = stack.run()
    await run.files.write("new.txt", b"x")
    await run.compose.up()
    assert [(p.kind, p.name) for p in stack.captures] == [
        ("file", "new.txt"),
        ("project", "compose.yml"),
    ]
    assert (run.item, run.step, run.session) == ("item", "item.step", stack.session)


async def test_the_scratch_folder_is_private(make_stack):
    run = make_stack(f"a: {SLEEPER}").run()
    assert stat.S_IMODE(run.scratch.stat().st_mode) == 0o700
    assert not run.scratch.is_relative_to(run.folder)


async def test_output_of_every_capability_goes_to_the_steps_log(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    run = stack.run()
    await run.compose.up()
    await run.containers.execute("a", ["echo", "from a container"])
    await run.shell.run(["echo", "from this machine"])
    text = stack.recorder.text()
    assert "Container" in text
    assert "from a container\nfrom this machine\n" in text


async def test_logs_of_containers_that_come_later_are_followed(make_stack):
    stack = make_stack(TALKER)
    received: list[tuple[str, bytes]] = []
    stack.target.follow_logs(lambda service, data: received.append((service, data)))
    await stack.run().compose.up()
    whole = b"".join(b"%d\n" % n for n in range(1, 51))
    await eventually(lambda: b"".join(data for _, data in received) == whole)
    assert {service for service, _ in received} == {"a"}
    assert await stack.target.stop_logs() == []


async def test_following_without_a_compose_file_says_nothing_and_ends(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    stack.file.unlink()
    stack.target.follow_logs(lambda *_: None)
    lost: list[LogLost] = list(await stack.target.stop_logs())
    assert lost == []


async def test_a_target_can_be_closed_twice(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    stack.target.follow_logs(lambda *_: None)
    await stack.target.close()
    await stack.target.close()


async def test_the_database_is_started_only_where_its_container_does_not_run(make_stack, docker):
    stack = make_stack(f"db: {SLEEPER}\na: {SLEEPER}", database=Database(service="db"))
    await stack.target.start_database()
    assert stack.services() == {}, "one that was never there is not made"
    await stack.run().compose.up()
    there = stack.container("db")
    await stack.target.start_database()
    assert stack.container("db")["State"]["StartedAt"] == there["State"]["StartedAt"]
    for service in ("db", "a"):
        docker.api().stop(stack.container(service)["Id"], timeout=0)
    await stack.target.start_database()
    assert stack.services() == {"db": "running", "a": "exited"}
    assert stack.container("db")["Id"] == there["Id"]
