"""A whole run in one process, for a trace of its system calls.

`python -m tests.engine.traced FOLDER [BREAK]`: BREAK takes one guarantee away, to show that the
trace would tell.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from runbook_app.adapters import artefacts, durable, sqlite_journal
from runbook_app.adapters.files import TargetFiles
from runbook_app.adapters.sqlite_file import connect
from runbook_app.domain import commands as cmd
from tests.engine.world import World

patch = pytest.MonkeyPatch()


def capture_unsynced() -> None:
    patch.setattr(artefacts, "write_durably", lambda path, data: path.write_bytes(data))


def folder_unsynced() -> None:
    patch.setattr(durable, "sync_folder", lambda folder: None)


def journal_unsynced() -> None:
    patch.setattr(sqlite_journal, "connect", lambda path, **_: connect(path, synchronous="NORMAL"))


def effect_first() -> None:
    async def write(self, relative, data, **_) -> bool:
        prior = await self._prior.prior(relative)
        self._write(relative, data, 0o644, -1, -1)
        await self._capture(prior)
        return True

    patch.setattr(TargetFiles, "write", write)


BREAKS = (capture_unsynced, folder_unsynced, journal_unsynced, effect_first)


async def run(world: World) -> None:
    world.make()
    await world.begin()
    client = world.client()
    engine = asyncio.create_task(world.drive())
    while client.state.epoch == 0:
        await client.changes(0.1)
    await client.send(cmd.Run, auto=True)
    while not client.state.nothing_left:
        await client.changes(0.1)
        if asked := client.state.question:
            sent = await client.send(cmd.AnswerQuestion, question=asked.id, answer="yes")
            await client.settled(sent)
    await client.send(cmd.Stop)
    await engine
    client.close()


if __name__ == "__main__":
    for broken in BREAKS:
        if broken.__name__ in sys.argv[2:]:
            broken()
    asyncio.run(run(World(Path(sys.argv[1]))))
