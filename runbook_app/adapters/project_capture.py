"""Capturing a Compose project as it runs, and bringing it back.

The Compose file is a file and is captured as one; this adds what runs: which services have a
container and which of them run, their configuration and images, networks and volumes. What dies
with a recreated container goes into the capture too: logs, and files in its writable layer.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.compose import ProjectRunner
from runbook_app.adapters.docker import PROJECT, SERVICE, engine_time, inspect_all, read_log
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.fields import changes
from runbook_app.adapters.project_state import describe, keyed, runs
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import CaptureTaken
from runbook_app.ports.target import Prior

_LOG_LINES = 100_000
_LAYER_FILES = 200
_LAYER_BYTES = 4_000_000
_DIRECTORY = 1 << 31
"""The bit of a Go file mode."""


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a capture."""

    project: str
    fields: dict[str, str]
    services: dict[str, str]
    """`running` or `stopped` by service; a service without a container is not there."""
    images: dict[str, str]
    """Image id by the name that containers were made from."""
    networks: tuple[str, ...]
    volumes: tuple[str, ...]
    logs: dict[str, str]
    """By container: gzip in base64."""
    layers: dict[str, dict[str, str]]
    """By container and path: a tar in base64, or empty for a file that was not kept."""

    def log(self, container: str) -> bytes:
        """What a container such as `api-1` had written."""
        return gzip.decompress(base64.b64decode(self.logs[container]))


class ProjectCapturable:
    """Implements `Capturable`; there is one project, and its name here is its Compose file."""

    kind = "project"
    rank = 10

    def __init__(self, runner: ProjectRunner) -> None:
        self._runner = runner
        self._docker = runner.docker
        self.name = runner.command.file

    async def prior(self, name: str) -> Prior:  # noqa: ARG002 - there is only one
        taken = await in_thread(_take, self._docker, await self._facts())
        return Prior(
            kind=self.kind,
            name=self.name,
            content=msgspec.json.encode(taken),
            summary=_summary(taken),
        )

    async def state(self, name: str) -> str:  # noqa: ARG002 - as above
        text = json.dumps(await self.fields(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    async def difference(self, taken: CaptureTaken, content: bytes, *, since: bool = False) -> str:  # noqa: ARG002
        before, now = msgspec.json.decode(content, type=Captured).fields, await self.fields()
        return "\n".join(changes(before, now) if since else changes(now, before))

    async def restore(self, taken: CaptureTaken, content: bytes) -> bool:  # noqa: ARG002
        before = msgspec.json.decode(content, type=Captured)
        if await self.fields() == before.fields and not await self._stale(before.project):
            return False
        await self._docker.call(_name_images, before)
        await self._bring_back(before)
        await self._docker.call(_remove_added, before)
        return True

    async def _facts(self) -> tuple[str, frozenset[str]]:
        """Project name, and the networks whose addresses the Compose file gives."""
        model = await self._runner.command.model()
        networks = (model.get("networks") or {}).values()
        given = (n["name"] for n in networks if (n.get("ipam") or {}).get("config"))
        return str(model["name"]), frozenset(given)

    async def fields(self) -> dict[str, str]:
        """The project's present fields, as in the fingerprint."""
        return await self._docker.call(describe, *await self._facts())

    async def _stale(self, project: str) -> list[str]:
        return await self._docker.call(_stale_services, project)

    async def _bring_back(self, before: Captured) -> None:
        model = await self._runner.command.model()
        await self._runner.finish_replacements(model)
        services = set(model["services"])
        running = sorted(s for s in services if before.services.get(s) == "running")
        stopped = sorted(s for s in services if before.services.get(s) == "stopped")
        absent = sorted(services - before.services.keys())
        if not before.services:
            await self._compose("down", "--remove-orphans")
            return
        if stopped:
            await self._compose("create", "--no-build", "--remove-orphans", *stopped)
            await self._compose("stop", *stopped)
        if absent:
            await self._compose("rm", "--stop", "--force", *absent)
        if running:
            await self._bring_up(before, running, whole=not stopped and not absent)

    async def _bring_up(self, before: Captured, running: list[str], *, whole: bool) -> None:
        alone = [] if whole else ["--no-deps"]
        await self._runner.up(*running, more=alone)
        if stale := sorted(set(await self._stale(before.project)) & set(running)):
            # Not `restart`: on engine 20.10 no command can be run any more in a container that
            # was restarted without a grace period, its healthcheck included.
            await self._compose("stop", *stale)
            await self._runner.up(*running, more=alone)
        if odd := sorted(_odd_services(await self.fields(), before.fields) & set(running)):
            # Changed past Compose, which does not see it.
            await self._runner.up(*odd, more=["--no-deps", "--force-recreate"])
            await self._runner.up(*running, more=alone)

    async def _compose(self, *arguments: str) -> None:
        answer = await self._runner.command.run(*arguments)
        if not answer.ok:
            said = answer.stderr.decode("utf-8", "replace").strip()
            raise ActionError(
                f"`compose {' '.join(arguments)}` failed: {said[-800:]}",
                hint="Put that right, then roll back again.",
            )


def _take(docker: DockerClient, facts: tuple[str, frozenset[str]]) -> Captured:
    project, own_subnets = facts
    wanted = {"label": [f"{PROJECT}={project}"]}
    fields = docker.use(describe, project, own_subnets)
    containers = docker.use(inspect_all, wanted)
    states: dict[str, str] = {}
    for raw in containers:
        service = raw["Config"]["Labels"][SERVICE]
        states[service] = "running" if runs(raw) or states.get(service) == "running" else "stopped"
    return Captured(
        project=project,
        fields=fields,
        services=states,
        images={raw["Config"]["Image"]: raw["Image"] for raw in containers},
        networks=_names(fields, "network"),
        volumes=_names(fields, "volume"),
        logs={key: _log(docker, raw) for key, raw in keyed(containers)},
        layers={key: dict(_layer(docker, raw)) for key, raw in keyed(containers)},
    )


def _names(fields: Mapping[str, str], kind: str) -> tuple[str, ...]:
    return tuple(sorted({f.split(":")[1] for f in fields if f.startswith(f"{kind}:")}))


def _log(docker: DockerClient, raw: Mapping[str, Any]) -> str:
    with contextlib.suppress(ActionError):  # a log driver that can't be read back
        return base64.b64encode(
            gzip.compress(read_log(docker, raw["Id"], tail=_LOG_LINES), compresslevel=1)
        ).decode()
    return ""


def _layer(docker: DockerClient, raw: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Files that the container wrote beside its volumes, small ones with their content."""
    changes = docker.use(lambda api: api.diff(raw["Id"])) or []
    budget = _LAYER_BYTES
    for change in [c for c in changes if c["Kind"] != 2][:_LAYER_FILES]:
        content = b""
        with contextlib.suppress(ActionError):  # gone meanwhile
            content = docker.use(_archive, raw["Id"], change["Path"], budget)
        budget -= len(content)
        if content or change["Kind"] == 1:
            yield change["Path"], base64.b64encode(content).decode()


def _archive(api: Any, container: str, path: str, budget: int) -> bytes:
    chunks, stat = api.get_archive(container, path)
    if stat["mode"] & _DIRECTORY or stat["size"] > budget:
        chunks.close()
        return b""
    return b"".join(chunks)


def _summary(taken: Captured) -> str:
    services = ", ".join(f"{s} {state}" for s, state in sorted(taken.services.items()))
    ports = ", ".join(
        sorted(f.removeprefix("port:") for f in taken.fields if f.startswith("port:"))
    )
    files = sum(len(layer) for layer in taken.layers.values())
    return (
        f"Compose project {taken.project}: {services or 'no containers'}; "
        f"published {ports or 'nothing'}. Kept for reading, not restorable: the last "
        f"{_LOG_LINES:,} lines of each log, {files} files of writable layers"
    )


def _odd_services(now: Mapping[str, str], before: Mapping[str, str]) -> set[str]:
    """Services with a container whose fields differ."""
    different = {f for f in now.keys() | before.keys() if now.get(f) != before.get(f)}
    keys = {field.split(":")[1] for field in different if field.startswith("container:")}
    return {key.rpartition("-")[0] for key in keys}


def _name_images(api: Any, before: Captured) -> None:
    """Let each image name mean what it meant; an item may have built a new image."""
    from docker.errors import ImageNotFound

    for name, image in before.images.items():
        try:
            if api.inspect_image(name)["Id"] == image:
                continue
        except ImageNotFound:
            pass
        try:
            repository, _, tag = (
                name.rpartition(":") if ":" in name.split("/")[-1] else (name, "", "latest")
            )
            api.tag(image, repository, tag, force=True)
        except ImageNotFound as error:
            raise ActionError(
                f"The image that {name} named before is gone ({image[:19]}).",
                hint="Build or load it again, then roll back again.",
            ) from error


def _remove_added(api: Any, before: Captured) -> None:
    """Remove networks and volumes that were not there; Compose leaves them behind."""
    from docker.errors import NotFound

    wanted = {"label": [f"{PROJECT}={before.project}"]}
    for network in api.networks(filters=wanted):
        if network["Name"] not in before.networks:
            with contextlib.suppress(NotFound):
                api.remove_network(network["Id"])
    for volume in api.volumes(filters=wanted)["Volumes"] or ():
        if volume["Name"] not in before.volumes:
            with contextlib.suppress(NotFound):
                api.remove_volume(volume["Name"])


def _stale_services(api: Any, project: str) -> list[str]:
    """Running services that still hold an older content of what is mounted into them.

    A file that was replaced keeps its old content in a container that mounts just that file,
    and a program has read its files when it started. Only read-only mounts tell: what a
    container may write to changes by its own doing.
    """
    found = []
    for raw in inspect_all(api, {"label": [f"{PROJECT}={project}"]}):
        mounts = [m for m in raw["Mounts"] if m["Type"] == "bind" and not m["RW"]]
        if runs(raw) and any(_changed_since(m["Source"], _started(raw)) for m in mounts):
            found.append(raw["Config"]["Labels"][SERVICE])
    return found


def _started(raw: Mapping[str, Any]) -> float:
    return float(engine_time(raw["State"]["StartedAt"]))


def _changed_since(source: str, moment: float) -> bool:
    root = Path(source)
    files = [root] if root.is_file() else root.rglob("*") if root.is_dir() else ()
    for path in files:
        with contextlib.suppress(OSError):
            if path.lstat().st_ctime > moment:
                return True
    return False
