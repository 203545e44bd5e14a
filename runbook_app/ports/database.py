"""What an action may do to the target's database server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Another account than the plan's, or another way to connect; empty fields are the plan's."""

    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = ""
    """`disable`, `require`, `verify-ca` or `verify-full`; empty: TLS where the server has it."""
    ca: Path | None = None
    """With `verify-ca` and `verify-full`: the authority that must have signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSession:
    """One client connected to the server, of whatever database."""

    pid: int
    user: str
    application: str
    client: str
    """Address, or `local` for the socket."""
    database: str
    state: str
    """`active`, `idle`, `idle in transaction`, …"""
    since: str
    """When it connected, ISO 8601."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSum:
    rows: int
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A logical backup among the session's artefacts, encrypted."""

    name: str
    database: str
    taken_at: str
    dump: str
    """Path of the dump (custom format) in the session's folder; `verify_backup` proves it."""
    dump_size: int
    """Bytes before encryption."""
    dump_sha256: str
    globals: str
    """Path of roles and tablespaces as SQL."""
    globals_size: int
    globals_sha256: str
    tables: Mapping[str, TableSum]
    """By `schema.table`, seen by the same snapshot as the dump."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeCopy:
    """A physical copy of the database's cluster among the session's artefacts, encrypted."""

    name: str
    taken_at: str
    volume: str
    """Name of the volume, or the folder on this machine, that it is a copy of."""
    path: str
    """Path in the session's folder."""
    size: int
    """Bytes of the cluster's files."""
    stored: int
    """Bytes as compressed, before encryption."""
    sha256: str
    """Of the bytes as compressed."""
    tables: Mapping[str, TableSum]
    """What a throwaway server that was started from the copy found in it, by
    `database.schema.table`."""
    moved: Sequence[str]
    """Tables that were written while the copy was taken: read whole, but compared with nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreProof:
    """What a backup was when it was restored into a scratch database."""

    tables: int
    rows: int
    differences: Sequence[str]
    """Against what was backed up, one line each; empty: it is a backup."""
    size: int
    """Bytes of the restored database."""
    seconds: float


class DatabaseTransaction(Protocol):
    async def execute(
        self, sql: str, parameters: Sequence[object] | Mapping[str, object] = ()
    ) -> Sequence[tuple[Any, ...]]:
        """One statement; its rows, if it returns any."""


class Database(Protocol):
    """The target's database server.

    As the plan's account (or a `login`) through psycopg, where parameters are bound by the
    server and so never stand in SQL text; as the cluster's superuser through `psql` in the
    container, over its local socket. The server's refusals are `DatabaseRefused`, with SQLSTATE.

    Everything that changes captures the thing `database` first: roles with their password
    verifiers, memberships, owners and grants, settings, extensions, the access rules, schema and
    Alembic revision.
    """

    async def query(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        database: str = "",
        superuser: bool = False,
        login: Login | None = None,
    ) -> Sequence[tuple[Any, ...]]:
        """Read rows in a read-only transaction, server-side binding.

        With `superuser` one SELECT without parameters, its values as JSON has them (times and
        bytes are text).
        """

    async def execute(
        self,
        sql: str,
        parameters: Sequence[object] | Mapping[str, object] = (),
        *,
        database: str = "",
        login: Login | None = None,
        role: str = "",
        autocommit: bool = False,
    ) -> Sequence[tuple[Any, ...]]:
        """Capture, then run one statement in a transaction of its own; its rows, if any.

        `role` is what SET ROLE takes. `autocommit` is for what refuses a transaction: VACUUM,
        ALTER SYSTEM, CREATE DATABASE.
        """

    async def capture(self) -> None:
        """Capture what a command of the action's own is about to change."""

    def transaction(
        self, *, database: str = "", login: Login | None = None, role: str = ""
    ) -> AbstractAsyncContextManager[DatabaseTransaction]:
        """Capture, then run several statements that hold together or not at all.

        async with run.database.transaction() as t:
            await t.execute("INSERT INTO a VALUES (%s)", [1])
        """

    async def superuser(
        self,
        script: str,
        *,
        database: str = "",
        transaction: bool = True,
        secret: bool = False,
    ) -> str:
        """Capture, then run SQL as the superuser; ends at the first error. Returns psql's output,
        rows as lines, columns divided by tabs.

        The script goes by standard input, in one transaction unless told otherwise. psql's
        variables and backslash commands mean something in it. With `secret` neither the server
        nor pgaudit logs these statements; a password should be a SCRAM verifier all the same
        (`domain.scram.verifier`).
        """

    async def sessions(self) -> Sequence[DatabaseSession]:
        """Who is connected, our own connections left out: whom a restart would drop."""

    async def backup(self, name: str) -> Backup:
        """Take a logical backup: `pg_dump` in custom format, and the globals.

        A later one of the same name takes its place in `find_backup`; its files stay.
        """

    async def find_backup(self, name: str) -> Backup | None:
        """The session's newest backup of that name that was completed."""

    async def verify_backup(self, backup: Backup) -> RestoreProof:
        """Restore a backup into a scratch database `runbook_probe_…`, compare, and drop that.

        Raises:
            ActionError: it can't be restored, or is not the file that was written.
        """

    async def copy_volume(self, name: str) -> VolumeCopy:
        """Take a physical copy of the running cluster with `pg_basebackup`, without downtime,
        start it in a throwaway container without a network, and compare every table.

        Raises:
            ActionError: it could not be taken, or is not what runs; it is then removed.
        """

    async def find_volume_copy(self, name: str) -> VolumeCopy | None: ...
