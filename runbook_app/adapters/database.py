"""The target's PostgreSQL: as the plan's account through psycopg, as superuser through psql."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_app.adapters.database_backup import Backups
from runbook_app.adapters.database_connection import (
    APPLICATION,
    HOLD,
    READ,
    WRITE,
    Connection,
    place_of,
)
from runbook_app.adapters.database_copy import VolumeCopies
from runbook_app.adapters.database_password import Passwords
from runbook_app.adapters.docker import ProjectContainers
from runbook_app.adapters.psql import Psql
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Database as Settings
from runbook_app.ports.capabilities import ContainerInfo, Secrets
from runbook_app.ports.database import Backup, DatabaseSession, Login, RestoreProof, VolumeCopy

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]
Rows = Sequence[tuple[Any, ...]]

_NOBODY = Login()


async def _nothing() -> None:
    """Capture nothing: what only reads has nothing to capture."""


class PostgresDatabase:
    """Implements `Database`.

    `settings` name where user, database and password stand; the container's own variables are
    the default. `capture` makes the state durable before the first change; it is asked once.
    """

    def __init__(
        self,
        settings: Settings,
        containers: ProjectContainers,
        root: Path,
        secrets: Secrets,
        *,
        backups: Backups,
        copies: VolumeCopies,
        capture: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        self._settings = settings
        self._containers = containers
        self._passwords = Passwords(
            settings.password_from,
            root,
            lambda service, argv: containers.execute(service, argv, log=False),
        )
        self._secrets = secrets
        self._psql = Psql(settings, containers)
        self._backups = backups
        self._copies = copies
        self._capture = capture
        self._captured = False

    async def query(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        database: str = "",
        superuser: bool = False,
        login: Login | None = None,
    ) -> Rows:
        if superuser:
            if parameters or login:
                raise ActionError("A query as superuser takes neither parameters nor a login.")
            return await self._psql.rows(sql, database=database)

        def read(connection: psycopg.Connection[Any]) -> Rows:
            import psycopg

            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            return _rows(connection, sql, parameters)

        connection = await self._connect(database, login, READ)
        return await connection.use(read, last=True)

    async def execute(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        database: str = "",
        login: Login | None = None,
        role: str = "",
        autocommit: bool = False,
    ) -> Rows:
        def change(connection: psycopg.Connection[Any]) -> Rows:
            connection.autocommit = autocommit
            _become(connection, role)
            found = _rows(connection, sql, parameters)
            if not autocommit:
                connection.commit()
            return found

        await self.capture()
        connection = await self._connect(database, login, WRITE)
        return await connection.use(change, last=True)

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, database: str = "", login: Login | None = None, role: str = ""
    ) -> AsyncIterator[Transaction]:
        await self.capture()
        connection = await self._connect(database, login, WRITE)
        try:
            await connection.use(lambda c: _become(c, role))
            yield Transaction(connection)
            await connection.use(lambda c: c.commit())
        finally:
            await connection.close()

    async def superuser(
        self,
        script: str,
        *,
        database: str = "",
        transaction: bool = True,
        secret: bool = False,
    ) -> str:
        await self.capture()
        return await self._psql.run(
            script, database=database, transaction=transaction, secret=secret
        )

    async def sessions(self) -> Sequence[DatabaseSession]:
        rows = await self._psql.rows(_SESSIONS)
        return [
            DatabaseSession(
                pid=pid,
                user=user,
                application=application,
                client=client,
                database=database,
                state=state,
                since=since,
            )
            for pid, user, application, client, database, state, since in rows
        ]

    async def backup(self, name: str) -> Backup:
        holder = await self._connect("", None, HOLD)
        return await self._backups.take(self._psql, name, holder)

    async def find_backup(self, name: str) -> Backup | None:
        return await self._backups.find(name)

    async def verify_backup(self, backup: Backup) -> RestoreProof:
        return await self._backups.verify(self._psql, backup)

    async def copy_volume(self, name: str) -> VolumeCopy:
        return (await self._copies.take(self._psql, name)).copy

    async def find_volume_copy(self, name: str) -> VolumeCopy | None:
        return await self._copies.find(name)

    async def capture(self) -> None:
        if not self._captured:
            await self._capture()
            self._captured = True

    async def _connect(
        self, database: str, login: Login | None, settings: Mapping[str, str]
    ) -> Connection:
        login = login or _NOBODY
        container = await self._container()
        owner = container.environment.get("POSTGRES_USER", "postgres")
        user = self._settings.user or owner
        password = login.password if login.user else await self._passwords.find(container)
        place = {
            **place_of(container, login),
            "user": login.user or user,
            "dbname": database
            or self._settings.name
            or container.environment.get("POSTGRES_DB", user),
        }
        if password:
            self._secrets.register("database password", password)
            place["password"] = password
        return Connection(place, self._settings.service, settings)

    async def _container(self) -> ContainerInfo:
        service = self._settings.service
        if not service:
            raise ActionError(
                "The plan names no database.", hint="Add `target: {database: {service: ...}}`."
            )
        container = await self._containers.find(service)
        if container is None or container.status != "running":
            state = f"is {container.status}" if container else "has no container"
            raise ActionError(
                f"The database does not answer: the service {service} {state}.",
                hint="Start the project, and see the service's log.",
            )
        return container


class Transaction:
    """Implements `DatabaseTransaction`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Parameters = ()) -> Rows:
        return await self._connection.use(lambda c: _rows(c, sql, parameters))


_SESSIONS = f"""
    SELECT pid, usename, application_name,
           coalesce(host(client_addr), 'local') AS client, datname,
           coalesce(state, '') AS state,
           backend_start::text AS since
    FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND application_name <> '{APPLICATION}'
      AND pid <> pg_backend_pid()
    ORDER BY usename, application_name, backend_start"""  # noqa: S608 - a constant of ours


def _rows(connection: psycopg.Connection[Any], sql: str, parameters: Parameters) -> Rows:
    # Without parameters a percent sign is one.
    cursor = connection.execute(sql.encode(), parameters or None)
    return cursor.fetchall() if cursor.description else []


def _become(connection: psycopg.Connection[Any], role: str) -> None:
    if role:
        from psycopg.sql import SQL, Identifier

        connection.execute(SQL("SET ROLE {}").format(Identifier(role)))
