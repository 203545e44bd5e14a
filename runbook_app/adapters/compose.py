"""The target's Compose project: its file, bringing it up, capturing and restoring it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from runbook_app.adapters import compose_file
from runbook_app.adapters.compose_engine import ComposeCommand, words
from runbook_app.adapters.compose_failure import FailedUp
from runbook_app.adapters.compose_interim import finish, interim_containers, without_leftovers
from runbook_app.adapters.compose_pending import (
    HASH,
    label,
    pending_changes,
    settled_containers,
    settled_networks,
)
from runbook_app.adapters.docker import NUMBER, PROJECT, SERVICE, inspect_all
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.clock import format_duration
from runbook_app.ports.capabilities import ComposeEdit, Files, PendingContainer
from runbook_app.ports.target import Capturable, Capture

_MARGIN = timedelta(seconds=60)
"""What Compose may need beyond its own waiting, to pull or to stop containers."""


class Builder(Protocol):
    """What is needed of `ProjectContainers`."""

    async def image_id(self, tag: str) -> str | None: ...

    async def build_from(
        self,
        folder: Path,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        pull: bool = False,
        target: str = "",
        arguments: Mapping[str, str] | None = None,
    ) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What Compose wants of a project, and the containers that are there."""

    model: Mapping[str, Any]
    hashes: Mapping[str, str]
    """Of each service's configuration."""
    containers: Sequence[Mapping[str, Any]]
    images: Mapping[str, str | None]
    """Ids of what the services' tags are now."""


class ProjectRunner:
    """Brings the project up as its file says, and tells what is not so."""

    def __init__(
        self,
        command: ComposeCommand,
        docker: DockerClient,
        builder: Builder,
        variables: Mapping[str, object],
    ) -> None:
        self.command = command
        self.docker = docker
        self._builder = builder
        self._variables = variables

    async def name(self) -> str:
        return await self.command.project()

    async def up(
        self, *services: str, timeout: timedelta = timedelta(minutes=3), more: Sequence[str] = ()
    ) -> None:
        """Run `up -d --wait` for these services, or all; missing images are built first.

        Raises:
            ActionError: it did not come up; the message says which service and why.
        """
        model = await self.command.model()
        await self.finish_replacements(model)
        await self._provide_images(model, services)
        answer = await self.command.run(
            *("up", "--detach", "--no-build", "--remove-orphans"),
            *("--wait", "--wait-timeout", str(int(timeout.total_seconds()))),
            *more,
            *services,
            timeout=timeout + _MARGIN,
        )
        if not answer.ok:
            failed = FailedUp(
                docker=self.docker,
                said=words(answer),
                file=self.command.file,
                model=model,
                variables=self._variables,
                waited=format_duration(timeout),
            )
            raise await in_thread(failed.explained)

    async def finish_replacements(self, model: Mapping[str, Any]) -> None:
        """Make good what a Compose that was ended left half replaced."""
        containers = await self.docker.call(inspect_all, _labelled(model))
        for line in await self.docker.call(finish, model, containers):
            self.command.note(line)

    async def check(self, text: bytes) -> None:
        """Let Compose validate a text in the place of its file.

        Raises:
            ActionError: it is refused.
        """
        await self.command.check(text)

    async def settled(self, text: bytes | None = None) -> list[str]:
        """What differs between the file, or another text in its place, and what runs."""
        seen = await self._look(text)
        services = seen.model["services"]
        ending = _expected_to_end(seen.model)
        found = []
        for service in services:
            own = [c for c in seen.containers if label(c, SERVICE) == service]
            wanted_hash, image = seen.hashes.get(service, ""), seen.images[service]
            found += _unsettled(service, own, wanted_hash, image, service in ending)
        for one in interim_containers(seen.model, seen.containers):
            found.append(f"{one.service}: is still called {one.called} instead of {one.name}")
        strays = sorted({label(c, SERVICE) for c in seen.containers} - services.keys())
        return found + [
            f"{name}: runs, but the Compose file has no such service" for name in strays
        ]

    async def pending(
        self, *anew: str, text: bytes | None = None, since: bytes | None = None
    ) -> list[PendingContainer]:
        """Whom `up` would touch: by the file, or by another text in its place; on what runs, or
        on what would run had `since` been brought up before."""
        seen = await self._look(text)
        containers = seen.containers
        if since is None:
            wanted = _labelled(seen.model)
            networks = await self.docker.call(lambda api: api.networks(filters=wanted))
        else:
            model, hashes = await self.command.model(since), await self.command.hashes(since)
            containers = settled_containers(model, hashes, seen.images, containers)
            networks = settled_networks(model)
        return pending_changes(
            seen.model,
            containers=containers,
            networks=networks,
            hashes=seen.hashes,
            images=seen.images,
            anew=anew,
        )

    async def _look(self, text: bytes | None = None) -> _Seen:
        model, hashes = await self.command.model(text), await self.command.hashes(text)
        containers = await self.docker.call(inspect_all, _labelled(model))
        images = {
            service: await self._builder.image_id(_image(model, service, spec))
            for service, spec in model["services"].items()
        }
        return _Seen(
            model=model,
            hashes=hashes,
            containers=without_leftovers(model, containers),
            images=images,
        )

    async def _provide_images(self, model: Mapping[str, Any], services: Sequence[str]) -> None:
        for service, spec in model["services"].items():
            tag, build = _image(model, service, spec), spec.get("build")
            if not build or (services and service not in services):
                continue
            if await self._builder.image_id(tag) is None:
                await self._builder.build_from(
                    Path(build["context"]),
                    tag,
                    dockerfile=build.get("dockerfile", "Dockerfile"),
                    target=build.get("target", ""),
                    arguments={k: v for k, v in (build.get("args") or {}).items() if v is not None},
                )


class ComposeProject:
    """Implements `Compose`."""

    def __init__(
        self, runner: ProjectRunner, files: Files, capturable: Capturable, capture: Capture
    ) -> None:
        self._runner = runner
        self._files = files
        self._capturable = capturable
        self._capture = capture

    @property
    def file(self) -> str:
        return self._runner.command.file

    def document(self) -> Mapping[str, Any]:
        return compose_file.loaded(self._text(), name=self.file)

    async def project(self) -> str:
        return await self._runner.name()

    async def edit(self, change: ComposeEdit) -> bool:
        before = self._text()
        after = compose_file.edited(before, change, name=self.file)
        if after == before:
            return False
        await self._runner.command.check(after.encode())
        return await self._files.write(self.file, after.encode())

    async def up(self, *, timeout: timedelta = timedelta(minutes=3)) -> None:
        await self.capture()
        await self._runner.up(timeout=timeout)

    async def capture(self) -> None:
        await self._capture(await self._capturable.prior(self.file))

    async def pending(self, *anew: str) -> Sequence[PendingContainer]:
        return await self._runner.pending(*anew)

    async def settled(self) -> Sequence[str]:
        return await self._runner.settled()

    def _text(self) -> str:
        return self._files.read(self.file).decode()


def _labelled(model: Mapping[str, Any]) -> Mapping[str, Any]:
    """The engine's filter for what belongs to a project."""
    return {"label": [f"{PROJECT}={model['name']}"]}


def _image(model: Mapping[str, Any], service: str, spec: Mapping[str, Any]) -> str:
    return str(spec.get("image") or f"{model['name']}-{service}")


def _expected_to_end(model: Mapping[str, Any]) -> set[str]:
    """Services that others wait for to complete."""
    return {
        name
        for spec in model["services"].values()
        for name, condition in (spec.get("depends_on") or {}).items()
        if condition.get("condition") == "service_completed_successfully"
    }


def _unsettled(
    service: str,
    containers: Sequence[Mapping[str, Any]],
    wanted_hash: str,
    image: str | None,
    may_end: bool,
) -> list[str]:
    if not containers:
        return [f"{service}: has no container"]
    found = []
    for raw in containers:
        number, state = label(raw, NUMBER), raw["State"]
        who = service if number in ("", "1") else f"{service} {number}"
        health = (state.get("Health") or {}).get("Status", "healthy")
        done = may_end and state["Status"] == "exited" and state["ExitCode"] == 0
        if state["Status"] != "running" and not done:
            found.append(f"{who}: is {state['Status']}")
        elif health != "healthy" and not done:
            found.append(f"{who}: is {health}")
        if label(raw, HASH) != wanted_hash:
            found.append(f"{who}: does not have the configuration of the Compose file")
        elif image is not None and raw["Image"] != image:
            found.append(f"{who}: runs an older build of its image")
    return found
