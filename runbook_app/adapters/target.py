"""A Docker Compose stack in a folder: all of its adapters, put together."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from runbook_app.adapters.children import Children
from runbook_app.adapters.compose import ComposeProject, ProjectRunner
from runbook_app.adapters.compose_engine import ComposeCommand
from runbook_app.adapters.container_logs import ContainerLogs
from runbook_app.adapters.database import PostgresDatabase
from runbook_app.adapters.database_backup import Backups, drop_scratch
from runbook_app.adapters.database_capture import DatabaseCapturable, VolumeCapturable
from runbook_app.adapters.database_copy import VolumeCopies
from runbook_app.adapters.docker import ProjectContainers
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.entrances import Entrance, entrances
from runbook_app.adapters.files import FileCapturable, TargetFiles
from runbook_app.adapters.fingerprint import Fingerprinter
from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.http import HttpClient
from runbook_app.adapters.output import Log
from runbook_app.adapters.project_capture import ProjectCapturable
from runbook_app.adapters.psql import Psql
from runbook_app.adapters.session_record import StoredRecord
from runbook_app.adapters.shell import HostShell
from runbook_app.adapters.threads import in_thread
from runbook_app.adapters.volume_files import VolumeFiles
from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.events import LogLost
from runbook_app.domain.fingerprint import Fingerprint
from runbook_app.domain.plan import Plan
from runbook_app.ports.action import Recorder, Run
from runbook_app.ports.capabilities import Git, Secrets
from runbook_app.ports.journal import Artefacts
from runbook_app.ports.target import Capturable, Capture


class StackTarget:
    """Implements `Target`."""

    def __init__(
        self,
        *,
        plan: Plan,
        root: Path,
        scratch: Path,
        session: str,
        children: Children,
        secrets: Secrets,
        artefacts: Artefacts,
    ) -> None:
        self._plan = plan
        self._root = root
        self._scratch = scratch
        self._session = session
        self._children = children
        self._secrets = secrets
        self._docker = DockerClient()
        self._http = HttpClient()
        self._git = GitRepository(root, children)
        self._command = ComposeCommand(root, plan.target.compose, children)
        self._own = self._stack(self._command, _say_nothing)
        self._project_capturable = ProjectCapturable(self._own.runner)
        self._backups = Backups(artefacts, _now)
        self._copies = VolumeCopies(artefacts, VolumeFiles(self._docker, session), _now)
        self._psql = Psql(plan.target.database, self._own.containers)
        self._database_capturable = DatabaseCapturable(
            plan.target.database, self._psql, self._backups, self._start_database
        )
        self._logs: ContainerLogs | None = None
        self._starting: asyncio.Task[None] | None = None

    @property
    def git(self) -> Git:
        return self._git

    @property
    def project(self) -> ProjectRunner:
        """For reading what another Compose file would come to."""
        return self._own.runner

    def capturables(self) -> Sequence[Capturable]:
        settings = self._plan.target.database
        found: list[Capturable] = [FileCapturable(self._root, self._git), self._project_capturable]
        if settings.service:
            volume = VolumeCapturable(settings, self._psql, self._copies, self._start_database)
            found += [volume, self._database_capturable]
        return found

    async def _start_database(self) -> None:
        """Bring the database's service up alone, as the Compose file says."""
        await self._own.runner.up(self._plan.target.database.service, more=["--no-deps"])

    def context(self, *, item: str, step: str, capture: Capture, recorder: Recorder) -> Run:
        log = recorder.output_bytes
        files = TargetFiles(self._root, capture, self._git)
        stack = self._stack(self._command.logging(log, item=item, step=step), log)
        self._scratch.mkdir(mode=0o700, exist_ok=True)
        return Run(
            session=self._session,
            item=item,
            step=step,
            plan=self._plan,
            folder=self._root,
            scratch=self._scratch,
            files=files,
            containers=stack.containers,
            compose=ComposeProject(stack.runner, files, self._project_capturable, capture),
            database=self._database(stack, capture),
            secrets=self._secrets,
            http=self._http,
            shell=HostShell(self._root, self._children, log, item=item, step=step),
            git=self._git,
            record=StoredRecord(self._scratch.parent),
            recorder=recorder,
        )

    async def fingerprint(self) -> Fingerprint:
        return await Fingerprinter(
            plan=self._plan,
            root=self._root,
            project=self._project_capturable.fields,
            containers=self._own.containers,
            psql=self._psql,
            now=_now,
        ).take()

    async def start_database(self) -> None:
        service = self._plan.target.database.service
        there = await self._own.containers.find(service) if service else None
        if there is not None and there.status != "running":
            await self._start_database()

    async def end_survivors(self, others: Iterable[str] = ()) -> Sequence[str]:
        """End what an older engine left in the target's containers; what was found."""
        found = [*await self._own.containers.end_survivors(others)]
        with contextlib.suppress(RunbookError):  # it does not run, so it holds nothing open
            found += await drop_scratch(self._psql)
        return found

    async def entrances(self) -> Sequence[Entrance]:
        """The ways in for somebody who works by hand."""
        return await entrances(
            self._plan.target.database, self._root, self._own.containers, self._psql
        )

    def follow_logs(self, write: Callable[[str, bytes], None]) -> None:
        self._logs = ContainerLogs(self._docker, write)
        self._starting = asyncio.get_running_loop().create_task(self._begin_logs(self._logs))

    async def _begin_logs(self, logs: ContainerLogs) -> None:
        with contextlib.suppress(RunbookError):  # no engine, no file: each step will say so
            await in_thread(logs.start, await self._own.runner.name())

    async def stop_logs(self) -> Sequence[LogLost]:
        if self._logs is None or self._starting is None:
            return []
        logs, self._logs = self._logs, None
        await asyncio.wait({self._starting})
        return await in_thread(logs.stop)

    async def close(self) -> None:
        await self.stop_logs()
        await in_thread(self._docker.close)

    def _stack(self, command: ComposeCommand, log: Log) -> _Stack:
        containers = ProjectContainers(
            self._docker, command.project, self._root, session=self._session, log=log
        )
        runner = ProjectRunner(command, self._docker, containers, self._plan.variables)
        return _Stack(containers=containers, runner=runner)

    def _database(self, stack: _Stack, capture: Capture) -> PostgresDatabase:
        settings = self._plan.target.database

        async def before_change() -> None:
            await capture(await self._database_capturable.prior(settings.service))

        return PostgresDatabase(
            settings,
            stack.containers,
            self._root,
            self._secrets,
            backups=self._backups,
            copies=self._copies,
            capture=before_change,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stack:
    """Containers and project with one log."""

    containers: ProjectContainers
    runner: ProjectRunner


def _now() -> str:
    return to_text(datetime.now(UTC))


def _say_nothing(_: bytes) -> None:
    """Log nothing."""
