"""psql and its siblings in the database's container: where the superuser signs in locally."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from runbook_app.adapters.docker import ProjectContainers
from runbook_app.adapters.docker_exec import Exec
from runbook_app.domain.errors import ActionError, DatabaseRefused
from runbook_app.domain.plan import Database as Settings
from runbook_app.ports.capabilities import ContainerInfo

_LIMIT = timedelta(minutes=10)
_ERROR = re.compile(r"(?:ERROR|FATAL):\s+(?:(\w{5}): )?(.*)")
_READ = {"default_transaction_read_only": "on", "statement_timeout": "120s"}
_WRITE = {"statement_timeout": "570s", "lock_timeout": "20s"}
_SECRET = {
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_min_duration_statement": "-1",
    "log_min_duration_sample": "-1",
    "pgaudit.log": "none",
    "track_activities": "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a client in the container signs in."""

    container: ContainerInfo
    user: str
    database: str
    account: str = ""
    """Of the operating system; empty: the container's own."""
    options: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    superuser: bool = False

    def command(
        self, containers: ProjectContainers, argv: Sequence[str], stdin: bytes | Iterable[bytes]
    ) -> Exec:
        """A client's command; the way's own options follow its name."""
        return containers.command(
            self.container.id,
            [argv[0], *self.options, f"--username={self.user}", *argv[1:]],
            user=self.account,
            environment={"PGAPPNAME": "runbook", "PGCONNECT_TIMEOUT": "10", **self.environment},
            stdin=stdin,
        )


class Psql:
    """Runs SQL as the cluster's superuser; by the socket if that admits it, else by TCP."""

    def __init__(
        self,
        settings: Settings,
        containers: ProjectContainers,
        container: ContainerInfo | None = None,
    ) -> None:
        self._settings = settings
        self.containers = containers
        self._container = container
        """None: the running one of the plan's service."""
        self._known: Way | None = None

    def of(self, container: ContainerInfo) -> Psql:
        """The same in another container."""
        return Psql(self._settings, self.containers, container)

    async def way(self) -> Way:
        """The first way in that the server admits.

        Raises:
            DatabaseRefused: it admits none; the message has the server's words on the first.
        """
        container = self._container or await self.containers.running(self._settings.service)
        if self._known is not None and self._known.container.id == container.id:
            return self._known
        refusals: list[str] = []
        for way in self._ways(container):
            try:
                said = await self._run(way, _IS_SUPERUSER, way.database, _READ)
            except ActionError as error:
                refusals.append(error.message)
                continue
            self._known = replace(way, superuser=said.strip() == "t")
            return self._known
        raise DatabaseRefused(
            f"No client in {container.name} is let into the database: {refusals[0]}",
            hint="Name the cluster's superuser as `target.database.superuser` in the plan.",
        )

    def _ways(self, container: ContainerInfo) -> list[Way]:
        settings, environment = self._settings, container.environment
        owner = environment.get("POSTGRES_USER", "postgres")
        user = settings.superuser or owner
        database = settings.name or environment.get("POSTGRES_DB", owner)
        by_socket = [
            Way(container=container, user=user, database=database, account=account)
            for account in dict.fromkeys(("", "postgres", user))
        ]
        login, password = settings.user or owner, environment.get("POSTGRES_PASSWORD", "")
        by_tcp = Way(
            container=container,
            user=login,
            database=database,
            options=("--host=127.0.0.1",),
            environment={"PGPASSWORD": password},
        )
        return [*by_socket, by_tcp]

    async def run(
        self,
        script: str,
        *,
        database: str = "",
        transaction: bool = True,
        secret: bool = False,
        read_only: bool = False,
    ) -> str:
        """Run a script to its end or its first error; its output.

        Raises:
            DatabaseRefused: a statement failed, with the server's words and SQLSTATE.
        """
        way = await self.way()
        settings = {**(_READ if read_only else _WRITE), **(_SECRET if secret else {})}
        more = ["--single-transaction"] if transaction else []
        return await self._run(way, script, database or way.database, settings, *more)

    async def rows(self, sql: str, *, database: str = "") -> list[tuple[Any, ...]]:
        """Rows of one SELECT in a read-only transaction, values as JSON has them."""
        script = f"SELECT row_to_json(__found) FROM (\n{sql}\n) AS __found;"  # noqa: S608 - psql runs what it is given
        said = await self.run(script, database=database, read_only=True)
        return [_values(line) for line in said.splitlines()]

    async def _run(
        self, way: Way, script: str, database: str, settings: Mapping[str, str], *more: str
    ) -> str:
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        way = replace(way, environment={**way.environment, "PGOPTIONS": options})
        command = way.command(
            self.containers, [*_PSQL, *more, f"--dbname={database}", "--file=-"], script.encode()
        )
        result = await self.containers.wait(command, command.run, "psql in the database", _LIMIT)
        if not result.ok:
            raise refusal(result.stderr)
        return result.text


def _values(line: str) -> tuple[Any, ...]:
    """A row's values, also where two columns have one name."""
    found: list[tuple[Any, ...]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found.append(tuple(value for _, value in pairs))
        return dict(pairs)

    json.loads(line, object_pairs_hook=keep)
    return found[-1]  # the outermost object is the last to end


_IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user;"
_NOT_NOW = re.compile(r"database system is (starting up|shutting down|in recovery mode|not yet)")
_PSQL = (
    "psql",
    *("--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--field-separator=\t"),
    *("--set=ON_ERROR_STOP=1", "--set=VERBOSITY=verbose", "--set=SHOW_CONTEXT=never"),
)


def refusal(stderr: bytes) -> DatabaseRefused:
    """What a client in the container said, the statement left out."""
    text = stderr.decode("utf-8", "replace").strip()
    found = _ERROR.search(text)
    if found:
        words = found[2].strip().rstrip(".")
        if _NOT_NOW.search(words):
            return DatabaseRefused(
                f"The database ended or was restarted in the middle of this: {words}.",
                sqlstate="57P03",
                hint="Its log says why. It undoes what had not been committed; then try again.",
            )
        return DatabaseRefused(f"The database refused: {words}.", sqlstate=found[1] or "")
    last = text.splitlines()[-1] if text else "it said nothing"
    return DatabaseRefused(f"The database's client failed: {last}")


def literal(text: str) -> str:
    """Quote a text for SQL."""
    escaped = text.replace("'", "''")
    return f"E'{escaped.replace(chr(92), chr(92) * 2)}'" if "\\" in text else f"'{escaped}'"


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'
