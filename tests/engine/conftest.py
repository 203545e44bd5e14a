from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runbook_app.domain import commands as cmd
from runbook_app.domain.plan import Plan
from runbook_app.engine.client import SessionClient

from .world import PLAN, World, until


class Driven:
    """A world whose engine runs beside the test, and a client to it."""

    def __init__(self, world: World, client: SessionClient) -> None:
        self.world = world
        self.client = client

    @property
    def state(self):
        return self.client.state

    async def send(self, kind: type[cmd.Command], **fields: object) -> str | None:
        """Send a command and wait for its answer: empty, or why it was turned down."""
        return await self.client.settled(await self.client.send(kind, **fields))

    async def until(self, holds_now) -> None:
        await until(self.client, holds_now)

    async def confirm(self, answer: str = "yes") -> None:
        await self.until(lambda: self.state.question is not None)
        assert self.state.question is not None
        await self.send(cmd.AnswerQuestion, question=self.state.question.id, answer=answer)

    async def run(self, *, auto: bool = True, **fields: object) -> None:
        assert await self.send(cmd.Run, auto=auto, **fields) == ""

    async def idle(self) -> None:
        await self.until(
            lambda: (
                not self.state.intent.active
                and self.state.running_step is None
                and self.state.question is None
            )
        )


@pytest.fixture
def driven(tmp_path: Path):
    """Start an engine on a plan; it is stopped when the test leaves."""

    @asynccontextmanager
    async def start(plan: Plan = PLAN, *, world: World | None = None, epoch: int = 1):
        if world is None:
            world = World(tmp_path, plan).make()
            await world.begin()
        client = world.client()
        engine = asyncio.create_task(world.drive(epoch))
        try:
            await until(client, lambda: client.state.epoch == epoch)
            yield Driven(world, client)
        finally:
            if not engine.done():
                await client.send(cmd.Stop)
            await engine
            client.refresh()
            client.close()

    return start
