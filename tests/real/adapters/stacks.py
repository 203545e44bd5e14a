"""Small Compose projects for tests, each removed with all it made."""

from __future__ import annotations

import asyncio
import socket
import textwrap
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from runbook_app.adapters.children import Children
from runbook_app.adapters.docker import PROJECT
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.target import StackTarget
from runbook_app.domain.events import CaptureTaken, ChildEnded, ChildStarted
from runbook_app.domain.plan import Database, Plan, TargetSpec
from runbook_app.ports.action import Run
from runbook_app.ports.target import Capturable, Prior
from runbook_app.testing.artefacts import MemoryArtefacts

BASE = "debian:bookworm-slim"
SLEEPER = f"""
    image: {BASE}
    init: true
    stop_grace_period: 0s
    command: ["sleep", "infinity"]"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


async def eventually(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """`until` that lets the loop go on."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.02)


def remove_project(docker: DockerClient, project: str) -> None:
    api, wanted = docker.api(), {"label": [f"{PROJECT}={project}"]}
    for container in api.containers(all=True, filters=wanted):
        api.remove_container(container["Id"], force=True, v=True)
    for network in api.networks(filters=wanted):
        api.remove_network(network["Id"])
    for volume in api.volumes(filters=wanted)["Volumes"] or ():
        api.remove_volume(volume["Name"], force=True)


class Recorder:
    """Keeps what a context says."""

    def __init__(self) -> None:
        self.output_lines: list[bytes] = []

    def output_bytes(self, data: bytes) -> None:
        self.output_lines.append(data)

    def text(self) -> str:
        return b"".join(self.output_lines).decode()


class Secrets:
    """Keeps what is registered."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def register(self, name: str, value: str) -> None:
        self.values[name] = value

    def generate(self, name: str, length: int = 32) -> bytes:
        self.register(name, "00" * length)
        return bytes(length)

    def known(self, name: str) -> Sequence[str]:
        return [self.values[name]] if name in self.values else []

    def recipient(self) -> str:
        return ""

    def seal(self, name: str, value: bytes) -> str:
        raise AssertionError(f"{name} is sealed by no test here: {len(value)} bytes")


class Stack:
    """A target folder with a Compose file, and its adapters."""

    def __init__(
        self,
        folder: Path,
        docker: DockerClient,
        services: str,
        *,
        more: str = "",
        database: Database | None = None,
        variables: dict[str, object] | None = None,
    ) -> None:
        self.project = f"rbtest-{uuid.uuid4().hex[:8]}"
        self.folder = folder
        self.docker = docker
        self.file = folder / "compose.yml"
        text = f"name: {self.project}\nservices:\n{textwrap.indent(services.strip(), '  ')}\n{more}"
        self.file.write_text(text)
        self.children: list[ChildStarted | ChildEnded] = []
        self.secrets = Secrets()
        self.recorder = Recorder()
        self.captures: list[Prior] = []
        self.artefacts = MemoryArtefacts(folder.parent / f"{self.project}-session")
        self.session = uuid.uuid4().hex[:8]
        self.target = StackTarget(
            plan=_plan(database or Database(), variables or {}),
            root=folder,
            scratch=folder.parent / f"{self.project}-scratch",
            session=self.session,
            children=Children(self._record),
            secrets=self.secrets,
            artefacts=self.artefacts,
        )

    async def _record(self, event: ChildStarted | ChildEnded) -> None:
        self.children.append(event)

    async def _capture(self, prior: Prior) -> None:
        self.captures.append(prior)

    def run(self) -> Run:
        return self.target.context(
            item="item",
            step="item.step",
            capture=self._capture,
            recorder=self.recorder,
        )

    def capturable(self, kind: str) -> Capturable:
        return next(c for c in self.target.capturables() if c.kind == kind)

    async def restore(self) -> bool:
        """Put back what was captured first of each thing, files before the project."""
        changed = False
        for kind in ("file", "project"):
            seen = set()
            for prior in (p for p in self.captures if p.kind == kind):
                if prior.name not in seen:
                    seen.add(prior.name)
                    restored = await self.capturable(kind).restore(taken(prior), prior.content)
                    changed = changed or restored
        return changed

    def container(self, service: str) -> dict[str, Any]:
        """The engine's own words on a service's container."""
        found: dict[str, Any] = self.docker.api().inspect_container(f"{self.project}-{service}-1")
        return found

    def services(self) -> dict[str, str]:
        wanted = {"label": [f"{PROJECT}={self.project}"]}
        return {
            c["Labels"]["com.docker.compose.service"]: c["State"]
            for c in self.docker.api().containers(all=True, filters=wanted)
        }

    async def remove(self) -> None:
        remove_project(self.docker, self.project)
        await self.target.close()


ROWS = """
    CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL);
    INSERT INTO customers SELECT n, 'customer ' || n FROM generate_series(1, 500) n;
    CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers);
    INSERT INTO orders SELECT n, n FROM generate_series(1, 40) n;
"""


def leftovers(stack: Stack) -> list[str]:
    """Throwaway containers and volumes of the stack's session."""
    api, wanted = stack.docker.api(), {"label": [f"runbook.session={stack.session}"]}
    found = [c["Names"][0] for c in api.containers(all=True, filters=wanted)]
    return found + [v["Name"] for v in api.volumes(filters=wanted)["Volumes"] or ()]


def taken(prior: Prior) -> CaptureTaken:
    return CaptureTaken(
        id="c",
        item="item",
        step="item.step",
        kind=prior.kind,
        name=prior.name,
        path="p",
        sha256="s",
        summary=prior.summary,
    )


def _plan(database: Database, variables: dict[str, object]) -> Plan:
    return Plan(
        id="plan",
        title="Plan",
        version="1",
        path="plan.yaml",
        sha256="0",
        items=(),
        target=TargetSpec(compose="compose.yml", database=database),
        variables=variables,
    )
