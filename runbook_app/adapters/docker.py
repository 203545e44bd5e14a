"""The containers of the target's Compose project, through the Docker SDK."""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from runbook_app.adapters.container_end import how_it_ended
from runbook_app.adapters.docker_build import Build
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.docker_exec import MARK, Exec, Throwaway, end_marked
from runbook_app.adapters.output import Log
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.clock import format_duration, parse_time
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ContainerInfo, ExecResult, Mount, PublishedPort

T = TypeVar("T")

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
NUMBER = "com.docker.compose.container-number"
ONE_OFF = "com.docker.compose.oneoff"
WORKING_DIR = "com.docker.compose.project.working_dir"
SESSION = "runbook.session"
PROBE_PREFIX = "runbook_probe_"

_BUILD_LIMIT = timedelta(minutes=30)


class ProjectContainers:
    """Implements `Containers`. `project` tells the Compose project's name."""

    def __init__(
        self,
        docker: DockerClient,
        project: Callable[[], Awaitable[str]],
        root: Path,
        *,
        session: str,
        log: Log,
    ) -> None:
        self._docker = docker
        self._project = project
        self._root = root
        self._session = session
        self._log = log

    async def find(self, service: str) -> ContainerInfo | None:
        found = await self._inspected(f"{SERVICE}={service}")
        running = [c for c in found if c.status == "running"]
        return next(iter(running or found), None)

    async def list(self) -> Sequence[ContainerInfo]:
        return await self._inspected()

    async def networks(self) -> Sequence[str]:
        wanted = {"label": [f"{PROJECT}={await self._project()}"]}
        found = await self._docker.call(lambda api: api.networks(filters=wanted))
        return sorted(network["Name"] for network in found)

    async def execute(
        self,
        service: str,
        argv: Sequence[str],
        *,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        workdir: str = "",
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        container = await self.running(service)
        command = self.command(
            container.id,
            argv,
            user=user,
            environment=environment,
            workdir=workdir,
            stdin=stdin,
            log=log,
        )
        return await self.wait(
            command, command.run, f"'{' '.join(argv)[:100]}' in {service}", timeout
        )

    def command(
        self,
        container: str,
        argv: Sequence[str],
        *,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        workdir: str = "",
        stdin: bytes | Iterable[bytes] = b"",
        log: bool = False,
    ) -> Exec:
        """A command for a container, which a thread of the caller's runs by `wait`."""
        return Exec(
            self._docker,
            container,
            argv,
            mark=f"{self._session}/{uuid.uuid4().hex}",
            user=user,
            environment=environment,
            workdir=workdir,
            stdin=stdin,
            log=self._from_thread() if log else None,
        )

    async def wait(self, command: Exec, work: Callable[[], T], name: str, timeout: timedelta) -> T:
        """Do blocking work around a command in a thread, for at most that long.

        Raises:
            ActionError: the time is over (the command was ended).
        """
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await in_thread(work, abandon=command.end)
        except TimeoutError:
            end = "could not be ended" if command.left_running else "was ended"
            raise ActionError(
                f"{name} did not end within {format_duration(timeout)} and {end}.",
                hint="See its last log lines; give it more time if it was only slow.",
            ) from None

    async def run_once(
        self,
        image: str,
        argv: Sequence[str],
        *,
        network: str = "",
        mounts: Sequence[Mount] = (),
        environment: Mapping[str, str] | None = None,
        user: str = "",
        entrypoint: Sequence[str] | None = None,
        extra_hosts: Mapping[str, str] | None = None,
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        settings = {
            "image": image,
            "command": list(argv),
            "name": f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}",
            "labels": {SESSION: self._session},
            "environment": dict(environment or {}),
            "user": user or None,
            "entrypoint": list(entrypoint) if entrypoint is not None else None,
            "host_config": await self._docker.call(_host_config, network, mounts, extra_hosts),
        }
        container = Throwaway(self._docker, settings, self._from_thread() if log else None)
        try:
            async with asyncio.timeout(timeout.total_seconds()):
                return await in_thread(container.run, abandon=container.end)
        except TimeoutError:
            raise ActionError(
                f"'{' '.join(argv)[:100]}' in a throwaway container of {image} did not end within "
                f"{format_duration(timeout)} and was ended.",
                hint="See its last log lines; give it more time if it was only slow.",
            ) from None

    async def build(
        self, context: str, tag: str, *, dockerfile: str = "Dockerfile", pull: bool = False
    ) -> str:
        folder = (self._root / context).resolve()
        if not folder.is_relative_to(self._root.resolve()) or not folder.is_dir():
            raise ActionError(f"The build context {context} is no folder of the target.")
        return await self.build_from(folder, tag, dockerfile=dockerfile, pull=pull)

    async def build_from(
        self,
        folder: Path,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        pull: bool = False,
        target: str = "",
        arguments: Mapping[str, str] | None = None,
    ) -> str:
        """Build from any folder, such as one that the Compose file names."""
        build = Build(
            self._docker,
            folder,
            tag,
            dockerfile=dockerfile,
            pull=pull,
            target=target,
            arguments=arguments,
            log=self._from_thread(),
        )
        try:
            async with asyncio.timeout(_BUILD_LIMIT.total_seconds()):
                return await in_thread(build.run, abandon=build.end)
        except TimeoutError:
            raise ActionError(
                f"Building {tag} did not end within {format_duration(_BUILD_LIMIT)}."
            ) from None

    async def image_id(self, tag: str) -> str | None:
        found = await self._docker.call(lambda api: api.images(name=tag, quiet=True))
        return str(found[0]) if found else None

    async def image_history(self, image: str) -> bytes:
        return await self._docker.call(
            lambda api: json.dumps([api.history(image), api.inspect_image(image)]).encode()
        )

    async def logs(self, service: str, *, since: str = "", tail: int | None = None) -> bytes:
        container = await self.find(service)
        if container is None:
            raise _absent(service)
        return await in_thread(read_log, self._docker, container.id, since, tail)

    async def end_survivors(self, others: Iterable[str] = ()) -> Sequence[str]:
        """End what an older engine of this session left: commands in containers, throwaways.

        The same for `others`, sessions whose engines have ended.

        Containers are found by the target's folder, so that a Compose file which can't be read
        hides none of them. Returns what was found.

        Raises:
            EnvironmentLacks: no Docker engine answers.
            ActionError: a command can't be ended.
        """
        sessions, found = (self._session, *others), list[str]()
        for session in sessions:
            found += await in_thread(_remove_throwaways, self._docker, session)
        wanted = {"label": [WORKING_DIR], "status": ["running"]}
        for raw in await self._docker.call(inspect_all, wanted):
            if Path(raw["Config"]["Labels"][WORKING_DIR]).is_relative_to(self._root):
                container = container_info(raw)
                for session in sessions:
                    found += await in_thread(_end_commands, self._docker, container, session)
        return found

    async def restart(self, service: str) -> None:
        container = await self.running(service)
        await self._docker.call(lambda api: api.restart(container.id, timeout=50))

    async def running(self, service: str) -> ContainerInfo:
        container = await self.find(service)
        if container is None:
            raise _absent(service)
        if container.status != "running":
            raw = await self._docker.call(lambda api: api.inspect_container(container.id))
            raise ActionError(
                f"The service {service} does not run; its container {how_it_ended(raw)}.",
                hint=f"Start it; why it ended is in its log: docker logs {container.name}",
            )
        return container

    async def _inspected(self, *labels: str) -> Sequence[ContainerInfo]:
        wanted = [f"{PROJECT}={await self._project()}", *labels]
        raw = await self._docker.call(inspect_all, {"label": wanted})
        return [container_info(one) for one in raw]

    def _from_thread(self) -> Log:
        """The log, for a thread to call."""
        loop = asyncio.get_running_loop()
        return lambda data: _hand_over(loop, self._log, data)


def _remove_throwaways(docker: DockerClient, session: str) -> list[str]:
    wanted = {"label": [f"{SESSION}={session}"]}
    found = docker.use(lambda api: api.containers(all=True, filters=wanted))
    for container in found:
        docker.use(lambda api, c: api.remove_container(c["Id"], force=True, v=True), container)
    volumes = docker.use(lambda api: api.volumes(filters=wanted))["Volumes"] or ()
    for volume in volumes:
        docker.use(lambda api, v: api.remove_volume(v["Name"], force=True), volume)
    return [
        *(f"throwaway container {container['Names'][0][1:]}" for container in found),
        *(f"throwaway volume {volume['Name']}" for volume in volumes),
    ]


def _end_commands(docker: DockerClient, container: ContainerInfo, session: str) -> list[str]:
    try:
        ended = end_marked(docker, container.id, f"{MARK}={session}/")
    except ActionError:
        if docker.use(_runs_since, container.id, container.started_at):
            raise
        return []  # the container has ended, and with it what ran in it
    if ended is None:
        raise ActionError(
            f"A command of an earlier engine still runs in {container.name} and can't be ended.",
            hint=f"End it by hand: docker restart {container.name}",
        )
    return [f"{ended} processes of a command in {container.name}"] if ended else []


def _runs_since(api: Any, container: str, started_at: str) -> bool:
    """Whether a container has been running without a break since a moment that it told."""
    running = api.containers(filters={"id": container})
    return bool(running) and api.inspect_container(container)["State"]["StartedAt"] == started_at


def _hand_over(loop: asyncio.AbstractEventLoop, log: Log, data: bytes) -> None:
    loop.call_soon_threadsafe(log, data)


def inspect_all(api: Any, filters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Inspect the matching containers, `compose run` leftovers excepted, in a stable order."""
    from docker.errors import NotFound

    found = []
    for entry in api.containers(all=True, filters=filters):
        if entry["Labels"].get(ONE_OFF) == "True":
            continue
        try:
            found.append(api.inspect_container(entry["Id"]))
        except NotFound:  # removed meanwhile
            continue
    return sorted(found, key=_service_and_number)


def _service_and_number(raw: Mapping[str, Any]) -> tuple[str, int, str]:
    labels = raw["Config"]["Labels"] or {}
    return labels.get(SERVICE, ""), int(labels.get(NUMBER, "0") or 0), raw["Name"]


def container_info(raw: Mapping[str, Any]) -> ContainerInfo:
    """Read the engine's inspect answer."""
    state, config, network = raw["State"], raw["Config"], raw["NetworkSettings"]
    return ContainerInfo(
        id=raw["Id"],
        name=raw["Name"].lstrip("/"),
        service=(config["Labels"] or {}).get(SERVICE, ""),
        image=config["Image"],
        status=state["Status"],
        health=(state.get("Health") or {}).get("Status", ""),
        started_at=state["StartedAt"],
        ports=_ports(network.get("Ports") or {}),
        addresses={n: a["IPAddress"] for n, a in (network.get("Networks") or {}).items()},
        environment=dict(v.partition("=")[::2] for v in config.get("Env") or ()),
        raw=raw,
    )


def _ports(ports: Mapping[str, Any]) -> tuple[PublishedPort, ...]:
    return tuple(
        PublishedPort(
            host_ip=binding["HostIp"],
            host_port=int(binding["HostPort"]),
            container_port=int(name.partition("/")[0]),
        )
        for name, bindings in sorted(ports.items())
        for binding in bindings or ()
    )


def _host_config(
    api: Any, network: str, mounts: Sequence[Mount], extra_hosts: Mapping[str, str] | None
) -> Any:
    from docker.types import Mount as BindMount

    return api.create_host_config(
        network_mode=network or "none",
        mounts=[
            BindMount(
                target=mount.target,
                source=str(mount.source),
                type="bind",
                read_only=mount.read_only,
            )
            for mount in mounts
        ],
        extra_hosts=dict(extra_hosts or {}),
    )


def read_log(
    docker: DockerClient, container: str, since: str = "", tail: int | None = None
) -> bytes:
    """Read a container's stored log, both streams in their order; blocks."""
    tty = docker.use(lambda api: api.inspect_container(container))["Config"]["Tty"]
    stream = docker.open(
        "GET",
        f"/containers/{container}/logs",
        params={
            "stdout": 1,
            "stderr": 1,
            "since": engine_time(since) if since else "0",
            "tail": "all" if tail is None else tail,
        },
    )
    try:
        if tty:
            return b"".join(stream.chunks())
        return b"".join(data for batch in stream.frames() for _, data in batch)
    finally:
        stream.release()


def engine_time(text: str) -> str:
    """Write an ISO 8601 time as the engine's log filter reads it, nanoseconds kept."""
    whole = parse_time(re.sub(r"\.\d+", "", text))
    fraction = re.search(r"\.(\d+)", text)
    nanoseconds = (fraction[1] if fraction else "").ljust(9, "0")[:9]
    seconds = int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return f"{seconds}.{nanoseconds}"


def _absent(service: str) -> ActionError:
    return ActionError(
        f"The project has no container of the service {service}.",
        hint="See what runs with `docker compose ps -a`, and start the project.",
    )
