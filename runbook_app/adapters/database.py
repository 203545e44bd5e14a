"""The target's PostgreSQL, through psycopg: read only, with deadlines, ended when cancelled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Database as Settings
from runbook_app.ports.capabilities import ContainerInfo, Secrets

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

_PORT = 5432
_CONNECT_LIMIT = 10
_SESSION = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "120s",
}
_DEAD_PEER_LIMIT = 30_000
"""Milliseconds without an acknowledgement after which a connection counts as broken."""


class Finder(Protocol):
    """What is needed of `Containers`."""

    async def find(self, service: str) -> ContainerInfo | None: ...


class PostgresDatabase:
    """Implements `Database`.

    The server is reached by its published port, else by its container's address. `settings` name
    where user, database and password stand; the container's own variables are the default.
    """

    def __init__(
        self, settings: Settings, containers: Finder, root: Path, secrets: Secrets
    ) -> None:
        self._settings = settings
        self._containers = containers
        self._root = root
        self._secrets = secrets

    @property
    def service(self) -> str:
        return self._settings.service

    async def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        database: str = "",
    ) -> Sequence[tuple[Any, ...]]:
        def read(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
            # Without parameters a percent sign is one.
            return connection.execute(sql.encode(), parameters or None).fetchall()

        return await self.snapshot(read, database=database)

    async def snapshot(
        self, read: Callable[[psycopg.Connection[Any]], T], *, database: str = ""
    ) -> T:
        """Run blocking reads in one read-only transaction that sees one moment.

        Raises:
            ActionError: the database does not answer, or refuses; the reason is in the message.
        """
        place = await self._place(database)
        work = _Reading(place, read, self._settings.service)
        return await in_thread(work.run, abandon=work.cancel)

    async def login(self) -> tuple[str, str, str]:
        """User, database and password, for a client inside the container."""
        place = await self._place("")
        return str(place["user"]), str(place["dbname"]), str(place.get("password", ""))

    async def _place(self, database: str) -> dict[str, Any]:
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
        user = self._settings.user or container.environment.get("POSTGRES_USER", "postgres")
        name = database or self._settings.name or container.environment.get("POSTGRES_DB", user)
        host, port = _address(container)
        place: dict[str, Any] = {"host": host, "port": port, "user": user, "dbname": name}
        if password := self._password(container):
            self._secrets.register("database password", password)
            place["password"] = password
        return place

    def _password(self, container: ContainerInfo) -> str:
        kind, _, name = self._settings.password_from.partition(":")
        if kind == "environment":
            return container.environment.get(name, "")
        if kind == "file":
            try:
                return (self._root / name).read_text(encoding="utf-8").strip()
            except OSError as error:
                raise ActionError(
                    f"The database's password can't be read from {name}: {error.strerror}.",
                    hint="Check `password_from` in the plan and the file's permissions.",
                ) from error
        return container.environment.get("POSTGRES_PASSWORD", "")


class _Reading:
    """One transaction, which another thread can cancel."""

    def __init__(
        self,
        place: Mapping[str, Any],
        read: Callable[[psycopg.Connection[Any]], T],
        service: str,
    ) -> None:
        self._place = place
        self._read = read
        self._service = service
        self._connection: psycopg.Connection[Any] | None = None

    def run(self) -> Any:
        import psycopg

        with (
            _translated(self._service),
            psycopg.connect(
                **self._place,
                connect_timeout=_CONNECT_LIMIT,
                application_name="runbook",
                options=" ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
                keepalives_idle=10,
                tcp_user_timeout=_DEAD_PEER_LIMIT,
            ) as connection,
        ):
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            self._connection = connection
            try:
                return self._read(connection)
            finally:
                self._connection = None

    def cancel(self) -> None:
        """Have the server end the running statement; the deadlines do it if this can't."""
        import psycopg

        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=_CONNECT_LIMIT)


def _address(container: ContainerInfo) -> tuple[str, int]:
    for port in container.ports:
        if port.container_port == _PORT:
            anywhere = port.host_ip in ("", "0.0.0.0", "::")  # noqa: S104 - read, not bound
            return ("127.0.0.1" if anywhere else port.host_ip), port.host_port
    for address in container.addresses.values():
        if address:
            return address, _PORT
    raise ActionError(
        f"The database can't be reached: {container.service} publishes no port and has no address.",
        hint="Attach it to a network.",
    )


@contextlib.contextmanager
def _translated(service: str) -> Iterator[None]:
    import psycopg

    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise ActionError(
            f"A query on the database was ended: {_reason(error)}.",
            hint="It took too long, or the step was cancelled.",
        ) from error
    except psycopg.OperationalError as error:
        raise ActionError(
            f"The database of the service {service} does not answer: {_reason(error)}.",
            hint="See whether it is healthy, and its log.",
        ) from error
    except psycopg.Error as error:
        raise ActionError(f"The database refused a query: {_reason(error)}.") from error


def _reason(error: psycopg.Error) -> str:
    """The server's own words, without the statement's parameters."""
    words = error.diag.message_primary or " ".join(str(error).split())
    return words.rstrip(".")
