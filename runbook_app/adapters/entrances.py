"""The ways into a target for somebody who works by hand: programs that need a terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runbook_app.adapters.database_password import Passwords
from runbook_app.adapters.docker import ProjectContainers
from runbook_app.adapters.psql import Psql
from runbook_app.domain.errors import RunbookError
from runbook_app.domain.plan import Database as Settings
from runbook_app.ports.capabilities import ContainerInfo

_SHELL = "command -v bash >/dev/null && exec bash; exec sh"
_NO_CLIENT = "docker's command-line client is not installed: only the folder is open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """A way in, with what it runs."""

    name: str
    what: str
    remark: str = ""
    argv: tuple[str, ...] = field(repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Secrets are handed over here: arguments can be read by every account."""


async def entrances(
    settings: Settings, root: Path, containers: ProjectContainers, psql: Psql
) -> Sequence[Entrance]:
    """psql in the database's container, a shell in each container, a shell in the folder.

    Where the containers can't be reached, the folder's remark says why.
    """
    if shutil.which("docker") is None:
        return [_folder(root, _NO_CLIENT)]
    try:
        running = [c for c in await containers.list() if c.status == "running"]
    except RunbookError as error:
        return [_folder(root, f"the containers can't be reached: {error.message}")]
    found: list[Entrance] = []
    database = next((c for c in running if c.service == settings.service), None)
    if settings.service and database is not None:
        found += await _superuser(psql)
        found += await _account(settings, root, containers, database)
    found += [_container(container) for container in running]
    return [*found, _folder(root)]


async def _superuser(psql: Psql) -> list[Entrance]:
    try:
        way = await psql.way()
    except RunbookError:
        return []
    client = ["psql", *way.options, f"--username={way.user}", f"--dbname={way.database}"]
    return [
        Entrance(
            name="psql",
            what=f"psql as {way.user} in {way.container.service}",
            remark=f"database {way.database}" + (", superuser" if way.superuser else ""),
            argv=_execute(way.container, client, account=way.account, names=way.environment),
            environment=way.environment,
        )
    ]


async def _account(
    settings: Settings, root: Path, containers: ProjectContainers, database: ContainerInfo
) -> list[Entrance]:
    if not (settings.user and settings.name):
        return []
    places = Passwords(
        settings.password_from,
        root,
        lambda service, argv: containers.execute(service, argv, log=False),
    )
    try:
        password = await places.find(database)
    except RunbookError:
        password = ""
    secret = {"PGPASSWORD": password} if password else {}
    client = [
        "psql",
        "--host=127.0.0.1",
        f"--username={settings.user}",
        f"--dbname={settings.name}",
    ]
    return [
        Entrance(
            name="psql-app",
            what=f"psql as {settings.user} in {settings.service}",
            remark=f"database {settings.name}, the application's account",
            argv=_execute(database, client, names=secret),
            environment=secret,
        )
    ]


def _container(container: ContainerInfo) -> Entrance:
    return Entrance(
        name=f"container:{container.name}",
        what=f"a shell in {container.service}",
        remark=f"container {container.name}",
        argv=_execute(container, ["sh", "-c", _SHELL]),
    )


def _folder(root: Path, remark: str = "") -> Entrance:
    shell = os.environ.get("SHELL") or "/bin/sh"
    return Entrance(name="shell", what=f"a shell in {root}", remark=remark, argv=(shell,))


def _execute(
    container: ContainerInfo,
    command: Sequence[str],
    *,
    account: str = "",
    names: Mapping[str, str] | None = None,
) -> tuple[str, ...]:
    """`docker exec` with a terminal; variables are passed on by name alone."""
    options = ["--user", account] if account else []
    for name in names or {}:
        options += ["--env", name]
    return ("docker", "exec", "--interactive", "--tty", *options, container.id, *command)
