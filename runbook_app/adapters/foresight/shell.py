"""Commands on this machine: written down. One that a check ran here is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from runbook_app.adapters.foresight.later import LaterResult
from runbook_app.adapters.foresight.world import (
    ANSWERS,
    CONTAINERS,
    DATABASE,
    TOLD,
    World,
    command_words,
)
from runbook_app.ports.capabilities import ExecResult, Shell


class ForeseenShell:
    """Implements `Shell`."""

    def __init__(self, world: World, real: Shell) -> None:
        self._world = world
        self._real = real

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        world, command = self._world, f"'{command_words(argv)}' on this machine"
        world.hold()
        key = ("shell", tuple(argv), frozenset((environment or {}).items()), stdin)
        if world.asking:
            if not world.untouched:
                world.cannot(f"what {command} finds, once the steps before have run")
            world.answers[key] = await self._real.run(
                argv, environment=environment, stdin=stdin, timeout=timeout, log=log
            )
            return world.answers[key]
        if world.untouched and key in world.answers:
            return world.answers[key]
        world.change("command", "on this machine", "is run", command_words(argv, TOLD))
        world.age(CONTAINERS, DATABASE, ANSWERS, by=f"has run {command}")
        if world.handed:
            world.cannot(f"what {command} makes of {', '.join(world.handed)}")
        world.assume(f"{command} changes no file that is told of here")
        return LaterResult(world, command)

    def which(self, name: str) -> str | None:
        self._world.hold()
        return self._real.which(name)
