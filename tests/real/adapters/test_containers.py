"""Commands in containers come back whole, and really end when they must."""

import asyncio
from datetime import timedelta

import pytest

from runbook_app.adapters.docker import SESSION
from runbook_app.adapters.docker_exec import Throwaway, end_marked
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import Mount
from tests.real.adapters.stacks import BASE, SLEEPER, Stack, eventually, free_port

pytestmark = pytest.mark.real

SHORT = timedelta(seconds=0.4)


@pytest.fixture
async def stack(make_stack):
    stack = make_stack(f"a: {SLEEPER}\n    user: '1234'\nstopped: {SLEEPER}")
    await stack.run().compose.up()
    stack.docker.api().stop(stack.container("stopped")["Id"], timeout=0)
    stack.recorder.output_lines.clear()
    return stack


@pytest.fixture
def containers(stack):
    return stack.run().containers


def running(stack: Stack, service: str = "a") -> list[str]:
    """Command lines of a container's processes, the sleeping main one left out."""
    found = stack.docker.api().top(stack.container(service)["Id"])["Processes"]
    return [row[-1] for row in found if "sleep infinity" not in row[-1]]


async def test_streams_input_environment_and_exit_code(containers):
    script = 'cat; echo "$X" >&2; pwd; id -u; exit 5'
    result = await containers.execute(
        "a",
        ["sh", "-c", script],
        stdin=b"input\n" * 20_000,
        environment={"X": "value"},
        workdir="/tmp",
        user="77",
    )
    assert result.exit_code == 5
    assert result.stderr == b"value\n"
    assert result.stdout == b"input\n" * 20_000 + b"/tmp\n77\n"


async def test_output_goes_to_the_log_line_by_line(stack, containers):
    await containers.execute("a", ["sh", "-c", "echo one; printf two"])
    await containers.execute("a", ["echo", "silent"], log=False)
    assert stack.recorder.output_lines == [b"one\n", b"two"]


async def test_a_command_that_is_not_there_says_so(containers):
    result = await containers.execute("a", ["no-such-command"])
    assert result.exit_code in (126, 127)


@pytest.mark.parametrize(
    "script", ["sleep 100 & sleep 100", "trap '' TERM; while :; do sleep 0.1; done"]
)
async def test_time_over_ends_the_command_with_its_children(stack, containers, script, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.docker_exec.GRACE", 0.5)
    with pytest.raises(ActionError, match=r"in a did not end within 0\.40s and was ended"):
        await containers.execute("a", ["sh", "-c", script], timeout=SHORT)
    assert running(stack) == []


async def test_a_cancelled_command_has_ended_when_it_comes_back(stack, containers):
    task = asyncio.create_task(containers.execute("a", ["sh", "-c", "sleep 100 & sleep 100"]))
    await eventually(lambda: len(running(stack)) >= 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert running(stack) == []


async def test_two_commands_side_by_side_end_apart(stack, containers):
    lasting = asyncio.create_task(containers.execute("a", ["sleep", "3.3"]))
    await eventually(lambda: running(stack))
    with pytest.raises(ActionError):
        await containers.execute("a", ["sleep", "44"], timeout=SHORT)
    assert running(stack) == ["sleep 3.3"]
    assert (await lasting).ok


async def test_what_an_older_engine_left_is_ended_and_named(stack, containers):
    """An engine that was killed leaves its commands running in their containers, and a Compose file
    that can't be read hides none of them."""
    task = asyncio.create_task(containers.execute("a", ["sleep", "100"]))
    once = asyncio.create_task(containers.run_once(BASE, ["sleep", "100"]))
    wanted = {"label": [f"{SESSION}={stack.session}"]}
    await eventually(lambda: running(stack) and stack.docker.api().containers(filters=wanted))
    stack.file.write_text("services: [")

    found = await stack.target.end_survivors()

    assert len(found) == 2
    assert found[0].startswith("throwaway container runbook_probe_")
    assert found[1] == f"1 processes of a command in {stack.project}-a-1"
    assert running(stack) == []
    assert stack.docker.api().containers(all=True, filters=wanted) == []
    assert not (await task).ok
    await asyncio.wait({once})
    assert once.exception() or not once.result().ok
    assert await stack.target.end_survivors() == []


@pytest.mark.parametrize("end", ["kill", "restart"])
async def test_a_container_that_ends_while_its_commands_are_looked_for_has_none(
    stack, containers, monkeypatch, end
):
    """It may end at any moment in which an engine starts; that is no second actor."""
    container = stack.container("a")["Id"]

    def end_first(docker, looked_at, prefix):
        if looked_at == container:
            api = docker.api()
            api.kill(container) if end == "kill" else api.restart(container, timeout=0)
            raise ActionError("The Docker engine refused: the container is not running")
        return end_marked(docker, looked_at, prefix)

    monkeypatch.setattr("runbook_app.adapters.docker.end_marked", end_first)
    assert await stack.target.end_survivors() == []


async def test_a_refusal_of_a_container_that_runs_is_said(stack, containers, monkeypatch):
    def refuse(*_):
        raise ActionError("The Docker engine refused: no")

    monkeypatch.setattr("runbook_app.adapters.docker.end_marked", refuse)
    with pytest.raises(ActionError, match="refused: no"):
        await stack.target.end_survivors()


async def test_a_service_that_does_not_run_is_said(containers):
    with pytest.raises(ActionError, match="stopped does not run; its container is exited"):
        await containers.execute("stopped", ["true"])
    with pytest.raises(ActionError, match="no container of the service nobody"):
        await containers.execute("nobody", ["true"])


async def test_containers_are_found_by_their_service(stack, containers):
    assert await containers.find("nobody") is None
    found = await containers.find("a")
    assert (found.service, found.status, found.name) == ("a", "running", f"{stack.project}-a-1")
    assert found.addresses[f"{stack.project}_default"]
    assert [c.service for c in await containers.list()] == ["a", "stopped"]
    assert await containers.networks() == [f"{stack.project}_default"]


async def test_ports_and_environment_are_told(make_stack):
    port = free_port()
    stack = make_stack(
        f'a: {SLEEPER}\n    ports: ["127.0.0.1:{port}:80"]\n    environment: {{A: "b=c"}}'
    )
    await stack.run().compose.up()
    found = await stack.run().containers.find("a")
    assert [(p.host_ip, p.host_port, p.container_port) for p in found.ports] == [
        ("127.0.0.1", port, 80)
    ]
    assert found.environment["A"] == "b=c"


# Throwaway containers


def leftovers(stack: Stack) -> list[object]:
    wanted = {"label": [f"{SESSION}={stack.session}"]}
    return list(stack.docker.api().containers(all=True, filters=wanted))


async def test_a_throwaway_container_is_gone_after_it(stack, containers):
    result = await containers.run_once(BASE, ["sh", "-c", "echo out; echo err >&2; exit 3"])
    assert (result.exit_code, result.stdout, result.stderr) == (3, b"out\n", b"err\n")
    assert sorted(stack.recorder.output_lines) == [b"err\n", b"out\n"]
    assert leftovers(stack) == []


async def test_all_output_of_a_throwaway_container_arrives(containers):
    result = await containers.run_once(BASE, ["seq", "200000"], log=False)
    assert result.text.splitlines() == [str(n) for n in range(1, 200_001)]


async def test_without_a_network_there_is_only_loopback(containers):
    result = await containers.run_once(BASE, ["ls", "/sys/class/net"], log=False)
    assert result.text.split() == ["lo"]


async def test_on_the_stacks_network_it_has_an_address_of_its_own_and_finds_services(
    stack, containers
):
    network = f"{stack.project}_default"
    script = "getent hosts a; hostname -I"
    result = await containers.run_once(BASE, ["sh", "-c", script], network=network, log=False)
    service, own = result.text.splitlines()
    assert (
        service.split()[0]
        == stack.container("a")["NetworkSettings"]["Networks"][network]["IPAddress"]
    )
    assert own.strip() != service.split()[0]


async def test_mounts_user_entrypoint_hosts_and_environment(stack, containers):
    (stack.folder / "in.txt").write_text("mounted\n")
    (stack.folder / "in.txt").chmod(0o666)
    result = await containers.run_once(
        "debian:bookworm-slim",
        ['cat /in.txt; id -u; echo "$X"; getent hosts somewhere; touch /in.txt'],
        entrypoint=["sh", "-c"],
        mounts=[Mount(source=stack.folder / "in.txt", target="/in.txt")],
        user="1234",
        environment={"X": "value"},
        extra_hosts={"somewhere": "192.0.2.1"},
        log=False,
    )
    assert result.text.split()[:3] == ["mounted", "1234", "value"]
    assert "192.0.2.1" in result.text
    assert b"Read-only file system" in result.stderr


async def test_a_throwaway_container_has_a_time_limit(stack, containers):
    with pytest.raises(ActionError, match="was ended"):
        await containers.run_once(BASE, ["sleep", "100"], timeout=SHORT)
    assert leftovers(stack) == []


async def test_a_cancelled_throwaway_container_is_gone(stack, containers):
    task = asyncio.create_task(containers.run_once(BASE, ["sleep", "100"]))
    await eventually(lambda: leftovers(stack))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert leftovers(stack) == []


async def test_a_throwaway_container_that_was_ended_before_it_was_made_is_gone(stack):
    settings = {"image": BASE, "command": ["sleep", "100"], "labels": {SESSION: stack.session}}
    throwaway = Throwaway(stack.docker, settings, None)
    throwaway.end()
    assert (await asyncio.wait_for(in_thread(throwaway.run), 20)).exit_code == -1
    assert leftovers(stack) == []


async def test_a_throwaway_container_that_can_not_start_is_gone_too(stack, containers):
    with pytest.raises(ActionError, match="no-such-command"):
        await containers.run_once(BASE, ["no-such-command"])
    with pytest.raises(ActionError, match="rbtest-no-such-image"):
        await containers.run_once("rbtest-no-such-image", ["true"])
    assert leftovers(stack) == []


# Images and logs


@pytest.fixture
def tag(docker):
    tag = "rbtest-built:latest"
    yield tag
    for image in docker.api().images(filters={"label": "runbook.test=1"}, quiet=True):
        docker.api().remove_image(image, force=True)


def dockerfile(stack: Stack, *steps: str) -> None:
    (stack.folder / "image").mkdir(exist_ok=True)
    (stack.folder / "image/Dockerfile").write_text(
        "\n".join([f"FROM {BASE}", "LABEL runbook.test=1", *steps, ""])
    )


async def test_a_build_is_logged_and_gives_the_images_id(stack, containers, tag):
    dockerfile(stack, "RUN echo building")
    image = await containers.build("image", tag)
    assert image == await containers.image_id(tag)
    assert image == await containers.build("image", tag)
    assert "building\n" in stack.recorder.text()
    assert await containers.image_id("rbtest-none:1") is None


async def test_a_failing_build_names_its_step_and_last_lines(stack, containers, tag):
    dockerfile(stack, "RUN echo earlier", "RUN echo cannot find it; exit 4")
    with pytest.raises(ActionError) as caught:
        await containers.build("image", tag)
    assert "at 'Step 4/4 : RUN echo cannot find it; exit 4'" in caught.value.message
    assert "\ncannot find it\n" in caught.value.message
    assert "\nearlier\n" not in caught.value.message


async def test_a_cancelled_build_ends(stack, containers, tag, docker):
    dockerfile(stack, "RUN sleep 100")
    task = asyncio.create_task(containers.build("image", tag))

    def building() -> bool:
        every = docker.api().containers()
        return any("sleep 100" in c["Command"] for c in every)

    await eventually(building)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: not building())


async def test_a_build_stays_in_the_target(stack, containers):
    with pytest.raises(ActionError, match="no folder of the target"):
        await containers.build("..", "rbtest-x")


async def test_the_stored_log_of_a_service(make_stack):
    stack = make_stack(f"""
a:
    image: {BASE}
    command: ["sh", "-c", "for n in 1 2 3; do echo line $$n; done; echo err >&2"]
""")
    with pytest.raises(ActionError):
        await stack.run().compose.up()  # it ends at once
    containers = stack.run().containers
    assert sorted((await containers.logs("a")).splitlines()) == [
        b"err",
        b"line 1",
        b"line 2",
        b"line 3",
    ]
    assert len((await containers.logs("a", tail=2)).splitlines()) == 2
    assert await containers.logs("a", since="2100-01-01T00:00:00.123456789Z") == b""
    created = stack.container("a")["Created"]
    assert await containers.logs("a", since=created)
