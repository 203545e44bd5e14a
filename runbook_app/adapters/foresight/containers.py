"""The target's containers: looked at while they are as they were; commands are written down.

A command that a check ran here is one that only reads, by what a check is: an effect that runs
the same one gets its answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from runbook_app.adapters.foresight.later import LaterContainer, LaterResult, LaterText
from runbook_app.adapters.foresight.world import (
    ANSWERS,
    CONTAINERS,
    DATABASE,
    TOLD,
    World,
    command_words,
    container,
)
from runbook_app.ports.capabilities import ContainerInfo, Containers, ExecResult, Mount


class ForeseenContainers:
    """Implements `Containers`; `database` is the service of the plan's, if it has one."""

    def __init__(self, world: World, real: Containers, database: str) -> None:
        self._world = world
        self._real = real
        self._database = database

    async def find(self, service: str) -> ContainerInfo | None:
        self._world.hold()
        if service in self._world.gone:
            self._world.looked = True
            return None
        if why := self._world.aged(container(service), CONTAINERS):
            return LaterContainer(self._world, service, why)
        return await self._real.find(service)

    async def list(self) -> Sequence[ContainerInfo]:
        return await self._listed("the project's containers")

    async def networks(self) -> Sequence[str]:
        await self._listed("the project's networks")
        return await self._real.networks()

    async def _listed(self, what: str) -> Sequence[ContainerInfo]:
        self._world.hold()
        if why := self._world.anything_aged:
            self._world.cannot(f"{what}, once {why}")
        return await self._real.list()

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
        world, command = self._world, f"'{command_words(argv)}' in {service}"
        world.hold()
        given = tuple(sorted((environment or {}).items()))
        key = ("execute", service, tuple(argv), user, given, workdir, stdin)
        changed = await self._changed(service)
        if world.asking:
            if changed:
                world.cannot(f"what {command} finds, once {changed}")
            world.answers[key] = await self._real.execute(
                service,
                argv,
                user=user,
                environment=environment,
                workdir=workdir,
                stdin=stdin,
                timeout=timeout,
                log=log,
            )
            return world.answers[key]
        if key in world.answers and not changed:
            return world.answers[key]
        world.change("command", f"in {service}", "is run", command_words(argv, TOLD))
        touched = [container(service), ANSWERS, *([DATABASE] if service == self._database else [])]
        world.age(*touched, by=f"has run {command}")
        world.command(service, command)
        return LaterResult(world, command)

    async def _changed(self, service: str) -> str:
        """Why a command in a service would not find what it finds now; empty: it would."""
        things = [container(service), CONTAINERS]
        things += [DATABASE] if service == self._database else []
        if why := self._world.aged(*things):
            return why
        info = await self._real.find(service) if self._world.files else None
        seen = self._world.shown_to(info) if info else ""
        return f"it sees another {seen}" if seen else ""

    async def run_once(
        self,
        image: str,
        argv: Sequence[str],
        *,
        network: str = "",
        mounts: Sequence[Mount] = (),
        **how: Any,
    ) -> ExecResult:
        world = self._world
        where = f"in a throwaway container of {image}"
        command = f"'{command_words(argv)}' {where}"
        world.hold()
        if world.asking:
            if not world.untouched:
                world.cannot(f"what {command} finds, once the steps before have run")
            return await self._real.run_once(image, argv, network=network, mounts=mounts, **how)
        world.change("command", where, "is run", command_words(argv, TOLD))
        if network:
            world.age(CONTAINERS, DATABASE, ANSWERS, by=f"has run {command}")
        for mount in mounts:
            if not mount.read_only:
                world.assume(f"{command} changes no file that is told of here")
        return LaterResult(world, command)

    async def build(
        self,
        context: str,
        tag: str,
        *,
        dockerfile: str = "Dockerfile",
        pull: bool = False,
    ) -> str:
        newest = " from the newest base" if pull else ""
        self._world.change("image", tag, f"is built from {context}/{dockerfile}{newest}")
        self._world.built.add(tag)
        return LaterText(self._world, f"the id of {tag}, once it is built")

    async def image_id(self, tag: str) -> str | None:
        self._world.hold()
        if tag in self._world.built:
            self._world.looked = True
            return LaterText(self._world, f"the id of {tag}, once it is built")
        return await self._real.image_id(tag)

    async def image_history(self, image: str) -> bytes:
        self._world.hold()
        if image in self._world.built:
            self._world.cannot(f"what {image} is made of, once it is built")
        return await self._real.image_history(image)

    async def logs(self, service: str, *, since: str = "", tail: int | None = None) -> bytes:
        self._world.must_be_as_it_was(f"the log of {service}", container(service), CONTAINERS)
        return await self._real.logs(service, since=since, tail=tail)
