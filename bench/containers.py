"""What needs a Docker engine; in `make bench` only, and left out where none answers."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from bench import samples
from bench.metric import Lacking, Samples, Size, at_least, at_most, compare, metric
from runbook_app.adapters.container_logs import ContainerLogs
from runbook_app.adapters.docker import PROJECT, SERVICE
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.logs import SqliteLogReader, SqliteLogWriter
from runbook_app.domain.errors import RunbookError

if TYPE_CHECKING:
    from docker import APIClient

AREA = "containers"
IMAGE = "debian:bookworm-slim"
LINES = 1_000_000
CALLS = 300
SCRIPT = f"seq -f 'line %09.0f {'x' * 100}' {LINES}"


@contextmanager
def _engine() -> Iterator[DockerClient]:
    """A client, with the base image there.

    Raises:
        Lacking: no engine answers, or the image is missing.
    """
    docker = DockerClient()
    try:
        docker.use(lambda api: api.inspect_image(IMAGE))
    except RunbookError as error:
        raise Lacking(f"{error.message} ('make base' provides the image)") from error
    try:
        yield docker
    finally:
        docker.close()


@contextmanager
def _container(api: APIClient, project: str, script: str) -> Iterator[str]:
    """A container that is made and not started; removed at the end."""
    labels = {PROJECT: project, SERVICE: "api"}
    made = str(api.create_container(IMAGE, ["sh", "-c", script], labels=labels)["Id"])
    try:
        yield made
    finally:
        api.remove_container(made, force=True, v=True)


def _to_store(docker: DockerClient) -> float:
    """Lines a second from a container into the log store, none lost."""
    project = f"rb-bench-{os.getpid()}"
    with samples.folder() as base, _container(docker.api(), project, SCRIPT) as container:
        path = base / "logs.db"
        writer = SqliteLogWriter(path)
        logs = ContainerLogs(docker, lambda service, data: writer.write(service, "", data))
        logs.start(project)
        began = time.perf_counter()
        docker.api().start(container)
        docker.api().wait(container)
        reader = SqliteLogReader(path)
        while reader.count() < LINES and time.perf_counter() - began < 120:
            time.sleep(0.02)
        took = time.perf_counter() - began
        logs.stop()
        writer.close()
        stored = reader.count()
        reader.close()
    if stored != LINES:
        raise AssertionError(f"{stored:,} of {LINES:,} lines came")
    return LINES / took


def _to_nowhere(docker: DockerClient) -> float:
    """Lines a second through `docker logs -f` into /dev/null."""
    command = shutil.which("docker")
    if command is None:
        raise Lacking("there is no docker command")
    with _container(docker.api(), f"rb-bench-{os.getpid()}", SCRIPT) as container:
        began = time.perf_counter()
        docker.api().start(container)
        with Path(os.devnull).open("wb") as nowhere:
            subprocess.run([command, "logs", "-f", container], stdout=nowhere, check=True)
        return LINES / (time.perf_counter() - began)


@metric(
    AREA,
    "container to log store, none lost",
    against="docker logs -f to /dev/null",
    goal=at_least(0.8),
    unit="lines/s",
    quick=False,
)
def container_log(size: Size) -> Samples:
    with _engine() as docker:
        note = f"{LINES:,} numbered lines, all there in each run"
        return compare(size.runs, lambda: _to_store(docker), lambda: _to_nowhere(docker), note)


@metric(AREA, "control call", against="docker-py", goal=at_most(1.3), unit="ms", quick=False)
def control_call(size: Size) -> Samples:
    with _engine() as docker, _container(docker.api(), "rb-bench", "true") as container:

        async def calls() -> float:
            began = time.perf_counter()
            for _ in range(CALLS):
                await docker.call(lambda api: api.inspect_container(container))
            return (time.perf_counter() - began) * 1e3 / CALLS

        def plain() -> float:
            api = docker.api()
            began = time.perf_counter()
            for _ in range(CALLS):
                api.inspect_container(container)
            return (time.perf_counter() - began) * 1e3 / CALLS

        return compare(
            size.runs, lambda: asyncio.run(calls()), plain, f"{CALLS} inspects in series"
        )
