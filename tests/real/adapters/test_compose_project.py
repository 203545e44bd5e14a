"""The project comes up as its file says, or it is said why not; and it can be brought back."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from runbook_app.adapters.children import start_time
from runbook_app.adapters.project_capture import Captured
from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import ChildEnded, ChildStarted
from tests.real.adapters.stacks import BASE, SLEEPER, Stack, eventually, free_port, taken, until

pytestmark = pytest.mark.real


async def test_up_captures_the_project_and_starts_what_the_file_says(make_stack):
    stack = make_stack(f"a: {SLEEPER}\nb: {SLEEPER}")
    run = stack.run()
    assert await run.compose.settled() == ["a: has no container", "b: has no container"]

    await run.compose.up()

    assert [(p.kind, p.name) for p in stack.captures] == [("project", "compose.yml")]
    assert await run.compose.settled() == []
    assert await run.compose.project() == stack.project
    assert "Started" in stack.recorder.text()


async def test_compose_is_journaled_before_it_acts(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    await stack.run().compose.up()
    started, ended = stack.children
    assert isinstance(started, ChildStarted)
    assert isinstance(ended, ChildEnded)
    assert "up" in started.argv
    assert (started.item, started.step) == ("item", "item.step")


async def test_an_edit_captures_the_file_and_changes_it(make_stack):
    stack = make_stack(f"a: {SLEEPER}  # kept")
    before = stack.file.read_text()
    run = stack.run()

    def change(document):
        document["services"]["a"]["environment"] = {"NEW": "1"}

    assert await run.compose.edit(change)
    assert not await run.compose.edit(change)
    assert [(p.kind, p.name) for p in stack.captures] == [("file", "compose.yml")]
    assert stack.file.read_text() == before + "      environment:\n        NEW: '1'\n"
    assert run.compose.document()["services"]["a"]["environment"] == {"NEW": "1"}


async def test_an_edit_that_compose_refuses_changes_nothing(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    before = stack.file.read_bytes()

    def change(document):
        document["services"]["a"]["depends_on"] = ["nobody"]

    with pytest.raises(ActionError, match="nobody"):
        await stack.run().compose.edit(change)
    assert stack.file.read_bytes() == before
    assert stack.captures == []
    assert sorted(p.name for p in stack.folder.iterdir()) == ["compose.yml"]


async def test_an_edit_is_checked_with_the_files_beside_the_compose_file(make_stack):
    stack = make_stack(f"a: {SLEEPER}")
    (stack.folder / "a.env").write_text("X=1\n")

    def change(document):
        document["services"]["a"]["env_file"] = ["a.env"]

    assert await stack.run().compose.edit(change)


async def test_a_container_that_stays_unhealthy_is_named_with_its_last_words(make_stack):
    stack = make_stack(
        f"""
a: {SLEEPER}
sick:
    image: {BASE}
    init: true
    stop_grace_period: 0s
    command: ["sh", "-c", "echo certificate not found; exec sleep infinity"]
    healthcheck:
        test: ["CMD", "sh", "-c", "echo not listening; exit 1"]
        interval: 200ms
        retries: 2
"""
    )
    with pytest.raises(ActionError) as caught:
        await stack.run().compose.up()
    message = caught.value.message
    assert "sick did not get healthy" in message
    assert "Its healthcheck says: not listening" in message
    assert message.endswith("Last log lines of sick:\ncertificate not found")
    assert await stack.run().compose.settled() == ["sick: is unhealthy"]


async def test_a_container_that_ends_is_named_with_its_exit_code(make_stack):
    stack = make_stack(f"""
a:
    image: {BASE}
    command: ["sh", "-c", "echo no such file >&2; exit 3"]
""")
    with pytest.raises(ActionError, match=r"a is exited, exit code 3\.\n(.|\n)*no such file"):
        await stack.run().compose.up()


async def test_a_command_that_is_not_in_the_image_is_named(make_stack):
    stack = make_stack(f"""
a:
    image: {BASE}
    command: ["no-such-command"]
""")
    with pytest.raises(ActionError, match="no-such-command"):
        await stack.run().compose.up()


async def test_a_port_taken_by_a_program_is_named_with_the_variable_that_holds_it(make_stack):
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", 0))
        taker.listen()
        port = taker.getsockname()[1]
        stack = make_stack(
            f'a: {SLEEPER}\n    ports: ["127.0.0.1:{port}:80"]', variables={"https_port": port}
        )
        with pytest.raises(ActionError, match=f"Port {port} is taken by the process") as caught:
            await stack.run().compose.up()
    assert f"(pid {os.getpid()})" in caught.value.message
    assert "--set https_port=" in caught.value.hint


async def test_a_port_taken_by_a_container_is_named_with_its_project(make_stack):
    port = free_port()
    service = f'a: {SLEEPER}\n    ports: ["127.0.0.1:{port}:80"]'
    first, second = make_stack(service), make_stack(service)
    await first.run().compose.up()
    with pytest.raises(ActionError, match=f"of the Compose project {first.project}") as caught:
        await second.run().compose.up()
    assert f"Port {port}" in caught.value.message
    assert "another port in compose.yml" in caught.value.hint


async def test_a_subnet_that_is_taken_is_said(make_stack):
    network = "networks:\n  default:\n    ipam: {config: [{subnet: 10.213.77.0/24}]}\n"
    first = make_stack(f"a: {SLEEPER}", more=network)
    second = make_stack(f"a: {SLEEPER}", more=network)
    await first.run().compose.up()
    with pytest.raises(ActionError, match="addresses are taken by another network"):
        await second.run().compose.up()


async def test_a_missing_image_without_a_build_is_said(make_stack):
    stack = make_stack("a:\n  image: localhost:1/rbtest/none:1\n")
    with pytest.raises(ActionError, match="rbtest/none"):
        await stack.run().compose.up()


async def test_a_missing_image_with_a_build_is_built(make_stack, docker):
    stack = make_stack("""
a:
    build: {context: ./image, args: {WORDS: hello}}
    init: true
    stop_grace_period: 0s
    command: ["sleep", "infinity"]
""")
    (stack.folder / "image").mkdir()
    (stack.folder / "image/Dockerfile").write_text(
        f'FROM {BASE}\nARG WORDS\nLABEL runbook.test=1 words="$WORDS"\n'
    )
    try:
        await stack.run().compose.up()
        image = docker.api().inspect_image(f"{stack.project}-a")
        assert image["Config"]["Labels"]["words"] == "hello"
        assert await stack.run().compose.settled() == []
    finally:
        await stack.remove()
        docker.api().remove_image(f"{stack.project}-a", force=True)


async def test_what_differs_from_the_file_is_told(make_stack, docker):
    stack = make_stack(f"a: {SLEEPER}\nb: {SLEEPER}\nc: {SLEEPER}")
    run = stack.run()
    await run.compose.up()
    docker.api().stop(stack.container("a")["Id"], timeout=0)

    def change(document):
        document["services"]["b"]["environment"] = {"NEW": "1"}
        del document["services"]["c"]
        document["services"]["d"] = {"image": BASE}

    await run.compose.edit(change)
    assert await run.compose.settled() == [
        "a: is exited",
        "b: does not have the configuration of the Compose file",
        "d: has no container",
        "c: runs, but the Compose file has no such service",
    ]


async def test_a_service_that_is_to_end_may_have_ended(make_stack):
    stack = make_stack(f"""
once:
    image: {BASE}
    command: ["true"]
a: {SLEEPER}
    depends_on: {{once: {{condition: service_completed_successfully}}}}
""")
    await stack.run().compose.up()
    assert await stack.run().compose.settled() == []


async def test_a_variable_of_compose_in_the_environment_does_not_change_the_project(
    make_stack, monkeypatch
):
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "rbtest-other")
    monkeypatch.setenv("COMPOSE_FILE", "/nowhere.yml")
    stack = make_stack(f"a: {SLEEPER}")
    assert await stack.run().compose.project() == stack.project


# What an ended Compose leaves half replaced


LINGERING = f"""
a:
    image: {BASE}
    command: ["sh", "-c", "trap : TERM; while :; do sleep 0.2; done"]
    stop_grace_period: 4s
b: {SLEEPER}
"""


def names(stack: Stack) -> list[str]:
    """Names of the project's containers, the id before an interim one left out."""
    found = stack.docker.api().containers(
        all=True, filters={"label": [f"com.docker.compose.project={stack.project}"]}
    )
    plain = (entry["Names"][0].lstrip("/").replace(stack.project, "P") for entry in found)
    return sorted(re.sub("^[0-9a-f]{12}_", "interim ", name) for name in plain)


def change_a(stack: Stack) -> str:
    """Change the file of `LINGERING`; returns what it was."""
    before = stack.file.read_text()
    stack.file.write_text(before.replace("stop_grace", "labels: {turn: '1'}\n      stop_grace", 1))
    return before


def kill_in_replacement(stack: Stack) -> None:
    """Kill Compose while it waits for the old container of `a` to end."""
    engine = start_stand_in(stack)
    try:
        until(lambda: "interim P-a-1" in names(stack))
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    until(lambda: not processes_of(stack), seconds=10)
    assert names(stack) == ["P-a-1", "P-b-1", "interim P-a-1"]


@pytest.fixture
async def half_replaced(make_stack):
    """A stack, its fields, capture and file before; one container of it is half replaced."""
    stack = make_stack(LINGERING)
    await stack.run().compose.up()
    before, prior = await fields(stack), await stack.capturable("project").prior("")
    text = change_a(stack)
    kill_in_replacement(stack)
    return stack, before, prior, text


async def test_a_replacement_that_was_cut_short_is_in_the_fields(half_replaced):
    stack, before, _, _ = half_replaced
    now = await fields(stack)
    assert now["container:a-1:name"] == before["container:a-1:name"]
    assert now["container:a-1+2:name"].endswith(f"_{stack.project}-a-1")
    assert now["container:a-1+2:state"] == "stopped"


async def test_up_begins_a_replacement_that_was_cut_short_anew(half_replaced):
    stack, before, _, _ = half_replaced
    run = stack.run()
    assert await run.compose.settled() == ["a: does not have the configuration of the Compose file"]
    told = [(c.name, c.change) for c in await run.compose.pending()]
    assert told == [(f"{stack.project}-a-1", "is made anew")]

    await run.compose.up()

    assert names(stack) == ["P-a-1", "P-b-1"]
    assert await run.compose.settled() == []
    assert await fields(stack) == before | {"container:a-1:label turn": "1"}
    assert "which never ran, is removed" in stack.recorder.text()


async def test_what_took_the_place_of_another_gets_its_name(half_replaced, docker):
    stack, before, _, _ = half_replaced
    docker.api().remove_container(stack.container("a")["Id"], force=True)
    await stack.target._own.runner.command.run("up", "--detach", "--wait")
    assert names(stack) == ["P-b-1", "interim P-a-1"]
    there = await stack.run().containers.running("a")
    assert await stack.run().compose.settled() == [
        f"a: is still called {there.name} instead of {stack.project}-a-1"
    ]

    await stack.run().compose.up()

    assert names(stack) == ["P-a-1", "P-b-1"]
    assert stack.container("a")["Id"] == there.id
    assert await fields(stack) == before | {"container:a-1:label turn": "1"}
    assert await stack.run().compose.settled() == []


async def test_a_replacement_that_was_cut_short_is_rolled_back(half_replaced):
    stack, before, prior, text = half_replaced
    there = stack.container("a")["Id"]
    stack.file.write_text(text)
    assert await stack.capturable("project").restore(taken(prior), prior.content)
    assert await fields(stack) == before
    assert stack.container("a")["Id"] == there


# Capturing and restoring


PORTS = """
a: {sleeper}
    ports: ["127.0.0.1:{port}:80"]
b: {sleeper}
c: {sleeper}
"""


async def fields(stack: Stack) -> dict[str, str]:
    return dict((await stack.target._project_capturable.fields()).items())


async def test_everything_a_change_did_is_undone(make_stack):
    old, new = free_port(), free_port()
    stack = make_stack(PORTS.format(sleeper=SLEEPER, port=old))
    run = stack.run()
    await run.compose.up()
    before = await fields(stack)
    stack.captures.clear()

    def change(document):
        document["services"]["a"]["ports"] = [f"127.0.0.1:{new}:80"]
        del document["services"]["b"]
        document["services"]["proxy"] = {
            "image": BASE,
            "command": ["sleep", "infinity"],
            "init": True,
            "networks": ["edge"],
            "volumes": ["cache:/cache"],
        }
        document["networks"] = {"edge": {}}
        document["volumes"] = {"cache": {}}

    await run.compose.edit(change)
    await run.compose.up()
    assert stack.services() == {"a": "running", "c": "running", "proxy": "running"}
    difference = await stack.capturable("project").difference(
        taken(stack.captures[-1]), stack.captures[-1].content
    )
    assert f"-port:127.0.0.1:{new} = a-1:80/tcp" in difference
    assert f"+port:127.0.0.1:{old} = a-1:80/tcp" in difference

    assert await stack.restore()
    assert await fields(stack) == before
    assert await run.compose.settled() == []
    assert not await stack.restore()


async def test_what_was_stopped_or_absent_is_so_again(make_stack, docker):
    stack = make_stack(PORTS.format(sleeper=SLEEPER, port=free_port()))
    run = stack.run()
    await run.compose.up()
    docker.api().stop(stack.container("b")["Id"], timeout=0)
    docker.api().remove_container(stack.container("c")["Id"], force=True)
    before = await fields(stack)
    stack.captures.clear()

    await run.compose.edit(
        lambda d: [s.update(environment={"NEW": "1"}) for s in d["services"].values()]
    )
    await run.compose.up()
    assert set(stack.services().values()) == {"running"}

    assert await stack.restore()
    assert stack.services() == {"a": "running", "b": "created"}
    assert await fields(stack) == before
    assert not await stack.restore()


async def test_a_project_that_was_not_up_is_taken_down_and_its_volumes_with_it(make_stack):
    stack = make_stack(f"a: {SLEEPER}\n    volumes: [data:/data]", more="volumes:\n  data: {}\n")
    await stack.run().compose.up()
    assert await stack.restore()
    assert stack.services() == {}
    assert await fields(stack) == {}
    assert not await stack.restore()


async def test_a_volume_that_was_there_keeps_its_data(make_stack):
    stack = make_stack(f"a: {SLEEPER}\n    volumes: [data:/data]", more="volumes:\n  data: {}\n")
    run = stack.run()
    await run.compose.up()
    await run.containers.execute("a", ["sh", "-c", "echo precious > /data/x"])
    stack.captures.clear()
    await run.compose.edit(lambda d: d["services"]["a"].update(environment={"NEW": "1"}))
    await run.compose.up()
    await stack.restore()
    assert (await run.containers.execute("a", ["cat", "/data/x"])).text == "precious\n"


async def test_a_change_past_compose_is_undone(make_stack, docker):
    """Compose compares what it once asked for, and does not see what others did since."""
    stack = make_stack(f"a: {SLEEPER}\nb: {SLEEPER}")
    await stack.run().compose.up()
    prior = await stack.capturable("project").prior("")
    before, other = await fields(stack), stack.container("b")["Id"]
    docker.api().update_container(stack.container("a")["Id"], cpu_shares=512)
    assert await fields(stack) != before
    assert await stack.run().compose.settled() == []

    assert await stack.capturable("project").restore(taken(prior), prior.content)
    assert await fields(stack) == before
    assert stack.container("b")["Id"] == other


async def test_an_image_name_means_again_what_it_meant(make_stack, docker):
    tag = f"rbtest-{os.urandom(4).hex()}:latest"
    stack = make_stack(f"a: {SLEEPER.replace(BASE, tag)}")
    (stack.folder / "image").mkdir()
    dockerfile = stack.folder / "image/Dockerfile"
    run = stack.run()
    try:
        dockerfile.write_text(f"FROM {BASE}\nLABEL runbook.test=1 version=1\n")
        old = await run.containers.build("image", tag)
        await run.compose.up()
        before = await fields(stack)
        stack.captures.clear()
        dockerfile.write_text(f"FROM {BASE}\nLABEL runbook.test=1 version=2\n")
        new = await run.containers.build("image", tag)
        assert await run.compose.settled() == ["a: runs an older build of its image"]
        await run.compose.up()
        assert stack.container("a")["Image"] == new

        assert await stack.restore()
        assert await run.containers.image_id(tag) == old
        assert await fields(stack) == before
    finally:
        await stack.remove()
        for image in (tag, old, new):
            docker.api().remove_image(image, force=True) if docker.api().images(
                name=image
            ) else None


async def test_a_container_that_holds_another_content_than_the_restored_is_restarted(
    make_stack, docker
):
    """A file that is replaced keeps its old content where it alone is mounted."""
    stack = make_stack(f"a: {SLEEPER}\n    volumes: ['./app.conf:/app.conf:ro']\nb: {SLEEPER}")
    (stack.folder / "app.conf").write_text("old\n")
    run = stack.run()
    await run.compose.up()
    stack.captures[:] = [await stack.capturable("project").prior("")]
    same, other = stack.container("a")["Id"], stack.container("b")["State"]["StartedAt"]
    await run.files.write("app.conf", b"new\n")
    docker.api().stop(stack.container("a")["Id"], timeout=0)
    docker.api().start(stack.container("a")["Id"])
    assert (await run.containers.execute("a", ["cat", "/app.conf"])).text == "new\n"

    assert await stack.restore()
    assert (await run.containers.execute("a", ["cat", "/app.conf"])).text == "old\n"
    assert stack.container("a")["Id"] == same
    assert stack.container("b")["State"]["StartedAt"] == other
    assert not await stack.restore()


async def test_what_dies_with_a_container_is_in_the_capture(make_stack):
    stack = make_stack(f"""
a:
    image: {BASE}
    init: true
    stop_grace_period: 0s
    command: ["sh", "-c", "echo a line of the log; echo kept > /written; exec sleep infinity"]
""")
    await stack.run().compose.up()
    until(lambda: stack.docker.api().diff(stack.container("a")["Id"]))
    prior = await stack.capturable("project").prior("")
    captured = msgspec.json.decode(prior.content, type=Captured)
    assert captured.layers["a-1"]["/written"]
    assert captured.log("a-1") == b"a line of the log\n"
    assert "not restorable" in prior.summary


async def test_the_state_changes_with_the_project_and_only_then(make_stack, docker):
    stack = make_stack(f"a: {SLEEPER}")
    await stack.run().compose.up()
    project = stack.capturable("project")
    state = await project.state("")
    assert await project.state("") == state
    docker.api().stop(stack.container("a")["Id"], timeout=0)
    assert await project.state("") != state


# Never two actors


STAND_IN = Path(__file__).with_name("compose_stand_in.py")
SLOW = f"""
a: {SLEEPER}
    healthcheck: {{test: ["CMD", "false"], interval: 1s, retries: 1000}}
"""


def processes_of(stack: Stack) -> list[int]:
    """Living processes whose command line names the Compose file."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes()
        except OSError:
            continue
        if str(stack.file).encode() in line and start_time(int(folder.name)):
            found.append(int(folder.name))
    return found


async def test_compose_up_does_not_survive_a_killed_engine(make_stack):
    stack = make_stack(SLOW)
    engine = start_stand_in(stack)
    try:
        until(lambda: stack.services().get("a") == "running")
        assert processes_of(stack)
    finally:
        engine.send_signal(signal.SIGKILL)
        engine.wait()
    until(lambda: not processes_of(stack), seconds=5)


def start_stand_in(stack: Stack) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, STAND_IN, stack.folder])


async def test_a_cancelled_up_has_ended_when_it_comes_back(make_stack):
    stack = make_stack(SLOW)
    task = asyncio.create_task(stack.run().compose.up())
    await eventually(lambda: stack.services().get("a") == "running")
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes_of(stack) == []
    assert isinstance(stack.children[-1], ChildEnded)
