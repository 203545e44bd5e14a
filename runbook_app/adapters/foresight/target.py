"""A target with its predictions, put together of the capabilities of this package."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from runbook_app.adapters.foresight.compose import ForeseenCompose, ProjectReader
from runbook_app.adapters.foresight.containers import ForeseenContainers
from runbook_app.adapters.foresight.database import ForeseenDatabase
from runbook_app.adapters.foresight.files import ForeseenFiles
from runbook_app.adapters.foresight.git import ForeseenGit
from runbook_app.adapters.foresight.http import ForeseenHttp
from runbook_app.adapters.foresight.record import NoRecord
from runbook_app.adapters.foresight.secrets import ForeseenSecrets
from runbook_app.adapters.foresight.shell import ForeseenShell
from runbook_app.adapters.foresight.world import World
from runbook_app.domain.forecast import Foreseen
from runbook_app.ports.action import Recorder, Run

_OF_THE_TARGET = (
    "files",
    "containers",
    "compose",
    "database",
    "secrets",
    "http",
    "shell",
    "git",
    "record",
)


class Real(Protocol):
    """Makes the context of an action at the target as it is."""

    def __call__(self, *, item: str, step: str, recorder: Recorder) -> Run: ...


class ForeseenTarget:
    """Implements `Foresight`.

    `real` makes contexts that are only read; `scratch` is a private folder.
    """

    def __init__(
        self,
        world: World,
        *,
        real: Real,
        reader: ProjectReader,
        secrets: ForeseenSecrets,
        scratch: Path,
    ) -> None:
        self._world = world
        self._real = real
        self._reader = reader
        self._secrets = secrets
        self._scratch = scratch
        self._files: ForeseenFiles

    def asking(self, *, item: str, step: str, called: str, recorder: Recorder) -> Run:
        self._world.begin(called, asking=True)
        return self._context(item, step, recorder)

    def trying(self, *, item: str, step: str, called: str, recorder: Recorder) -> Run:
        self._world.begin(called, asking=False)
        return self._context(item, step, recorder)

    def closed(self, *, item: str, step: str, called: str, recorder: Recorder, needed: str) -> Run:
        run = self.asking(item=item, step=step, called=called, recorder=recorder)
        shut: Any = _Closed(self._world, needed)
        return dataclasses.replace(run, **dict.fromkeys(_OF_THE_TARGET, shut))

    @property
    def looked(self) -> bool:
        return self._world.looked

    @property
    def untouched(self) -> bool:
        return self._world.untouched

    async def foreseen(self) -> Sequence[Foreseen]:
        changes = [
            self._files.difference(change) if isinstance(change, str) else change
            for change in self._world.changes()
        ]
        return [change for change in changes if change is not None]

    @property
    def assumed(self) -> Sequence[str]:
        return tuple(self._world.assumed)

    def lose_sight(self, called: str) -> None:
        self._world.lose_sight(called)

    def _context(self, item: str, step: str, recorder: Recorder) -> Run:
        world = self._world
        real = self._real(item=item, step=step, recorder=recorder)
        database = real.plan.target.database.service
        self._files = files = ForeseenFiles(world, real.files, self._scratch)
        return dataclasses.replace(
            real,
            scratch=self._scratch,
            files=files,
            containers=ForeseenContainers(world, real.containers, database),
            compose=ForeseenCompose(world, files, real.compose, self._reader, database),
            database=ForeseenDatabase(world, real.database, database),
            secrets=self._secrets,
            http=ForeseenHttp(world, real.http, real.containers),
            shell=ForeseenShell(world, real.shell),
            git=ForeseenGit(world, real.git, files, real.files),
            record=NoRecord(world),
            recorder=recorder,
            score=None,
        )


class _Closed:
    """Stands for every capability of a target that can't be looked at yet."""

    def __init__(self, world: World, needed: str) -> None:
        self._world = world
        self._needed = needed

    def __getattr__(self, name: str) -> Any:
        self._world.cannot(self._needed)
