"""Connections to PostgreSQL through psycopg, with deadlines, ended when cancelled."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError, DatabaseRefused
from runbook_app.ports.capabilities import ContainerInfo
from runbook_app.ports.database import Login

if TYPE_CHECKING:
    import psycopg

T = TypeVar("T")

APPLICATION = "runbook"
"""Name by which the server knows our connections."""

_PORT = 5432
_CONNECT_LIMIT = 10
_DEADLINES = {"lock_timeout": "10s", "idle_in_transaction_session_timeout": "120s"}
READ = {**_DEADLINES, "default_transaction_read_only": "on", "statement_timeout": "60s"}
WRITE = {**_DEADLINES, "statement_timeout": "570s"}
HOLD = {**READ, "idle_in_transaction_session_timeout": "0"}
"""For holding a snapshot while others use it."""
_NO_ANSWER = ("08", "53", "57", "58")
"""Classes of SQLSTATE about the server or the way to it; psycopg's exception has others too."""
_DEAD_PEER_LIMIT = 30_000
"""Milliseconds without an acknowledgement after which a connection counts as broken."""


class Connection:
    """One connection; its work is done in threads, one at a time, and another can cancel it."""

    def __init__(self, place: Mapping[str, Any], service: str, settings: Mapping[str, str]) -> None:
        self._place = place
        self._service = service
        self._options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        self._connection: psycopg.Connection[Any] | None = None

    async def use(self, work: Callable[[psycopg.Connection[Any]], T], *, last: bool = False) -> T:
        """Do blocking work with the connection, which is made for it at first.

        It is closed, and so rolled back, when that fails; and after the `last` work.

        Raises:
            DatabaseRefused: the server did, or it does not answer.
        """
        return await in_thread(self._use, work, last, abandon=self._cancel)

    async def close(self) -> None:
        await in_thread(self._close)

    def _use(self, work: Callable[[psycopg.Connection[Any]], T], last: bool) -> T:
        done = False
        try:
            with _translated(self._service):
                found = work(self._connection or self._open())
            done = not last
            return found
        finally:
            if not done:
                self._close()

    def _open(self) -> psycopg.Connection[Any]:
        import psycopg

        self._connection = psycopg.connect(
            **self._place,
            connect_timeout=_CONNECT_LIMIT,
            application_name=APPLICATION,
            options=self._options,
            keepalives_idle=10,
            tcp_user_timeout=_DEAD_PEER_LIMIT,
        )
        return self._connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _cancel(self) -> None:
        """Have the server end the running statement; the deadlines do it if this can't."""
        import psycopg

        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.cancel_safe(timeout=_CONNECT_LIMIT)


def place_of(container: ContainerInfo, login: Login) -> dict[str, Any]:
    """Where a server is reached: by its published port, else by its container's address."""
    host, port = _address(container)
    place: dict[str, Any] = {"hostaddr": host, "host": container.service, "port": port}
    if login.tls:
        place["sslmode"] = login.tls
    if login.ca is not None:
        place["sslrootcert"] = str(login.ca)
    return place


def _address(container: ContainerInfo) -> tuple[str, int]:
    for port in container.ports:
        if port.container_port == _PORT:
            anywhere = port.host_ip in ("", "0.0.0.0", "::")  # noqa: S104 - read, not bound
            return ("127.0.0.1" if anywhere else port.host_ip), port.host_port
    for address in container.addresses.values():
        if address:
            return address, _PORT
    container.must_be_attached()
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
        raise DatabaseRefused(
            f"A query on the database was ended: {_reason(error)}.",
            sqlstate=error.sqlstate or "",
            hint="It took too long, or the step was cancelled.",
        ) from error
    except psycopg.OperationalError as error:
        if error.sqlstate and not error.sqlstate.startswith(_NO_ANSWER):
            raise _refused(error) from error
        raise DatabaseRefused(
            f"The database of the service {service} does not answer: {_reason(error)}.",
            sqlstate=error.sqlstate or "",
            hint="See whether it is healthy, and its log.",
        ) from error
    except psycopg.Error as error:
        raise _refused(error) from error


def _refused(error: psycopg.Error) -> DatabaseRefused:
    return DatabaseRefused(
        f"The database refused a query: {_reason(error)}.", sqlstate=error.sqlstate or ""
    )


def _reason(error: psycopg.Error) -> str:
    """The server's own words, without the statement's parameters."""
    words = error.diag.message_primary or " ".join(str(error).split())
    return words.rstrip(".")
