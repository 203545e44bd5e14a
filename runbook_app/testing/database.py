"""The database and secrets of an action's context, faked."""

# ruff: noqa: ARG002 - a fake takes all that its port gives, and looks at some of it
from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_app.domain.errors import NeedsRecipient
from runbook_app.ports.database import (
    Backup,
    DatabaseSession,
    Login,
    RestoreProof,
    TableSum,
    VolumeCopy,
)
from runbook_app.testing.capabilities import History

Parameters = Sequence[object] | Mapping[str, object]
Rows = Sequence[tuple[Any, ...]]


@dataclass(slots=True, kw_only=True)
class FakeSecrets:
    registered: dict[str, str] = field(default_factory=dict)
    history: list[tuple[str, str]] = field(default_factory=list)
    """Name and value, in the order of registering."""
    seals_to: str = "a key"
    sealed: dict[str, bytes] = field(default_factory=dict)

    def register(self, name: str, value: str) -> None:
        self.registered[name] = value
        if (name, value) not in self.history:
            self.history.append((name, value))

    def generate(self, name: str, length: int = 32) -> bytes:
        value = bytes(range(length))
        self.register(name, value.hex())
        return value

    def known(self, name: str) -> Sequence[str]:
        return [value for given, value in self.history if given == name]

    def recipient(self) -> str:
        return self.seals_to

    def seal(self, name: str, value: bytes) -> str:
        if not self.seals_to:
            raise NeedsRecipient(f"{name}: there is no key or passphrase to seal it to.")
        self.sealed[name] = value
        return f"sealed/{name}.json"


@dataclass(slots=True, kw_only=True)
class FakeDatabase:
    """Answers queries as the test says; what would change is entered in the history."""

    history: History = field(default_factory=History)
    on_query: Callable[[str], Rows] = lambda _: []
    on_execute: Callable[[str], Rows] = lambda _: []
    """Raises `DatabaseRefused` where the server would."""
    logins: list[Login | None] = field(default_factory=list)
    parameters: list[Parameters] = field(default_factory=list)
    """Of each statement, in order."""
    present: list[DatabaseSession] = field(default_factory=list)
    tables: dict[str, TableSum] = field(default_factory=dict)
    differences: list[str] = field(default_factory=list)
    """What restoring a backup finds."""
    backups: dict[str, Backup] = field(default_factory=dict)
    copies: dict[str, VolumeCopy] = field(default_factory=dict)

    async def query(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        database: str = "",
        superuser: bool = False,
        login: Login | None = None,
    ) -> Rows:
        self.logins.append(login)
        return self.on_query(sql)

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
        self.logins.append(login)
        return self._change(sql, parameters)

    async def capture(self) -> None:
        self.history.capture("database", "db")

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, database: str = "", login: Login | None = None, role: str = ""
    ) -> AsyncIterator[FakeTransaction]:
        self.logins.append(login)
        self.history.capture("database", "db")
        self.history.change("begin", of="database db")
        try:
            yield FakeTransaction(change=self._change)
        except BaseException:
            self.history.change("roll back")
            raise
        self.history.change("commit")

    async def superuser(
        self, script: str, *, database: str = "", transaction: bool = True, secret: bool = False
    ) -> str:
        rows = self._change(script, ())
        return "".join("\t".join(str(value) for value in row) + "\n" for row in rows)

    async def sessions(self) -> Sequence[DatabaseSession]:
        return [*self.present]

    async def backup(self, name: str) -> Backup:
        self.backups[name] = Backup(
            name=name,
            database="fake",
            taken_at="2025-10-24T08:00:00Z",
            dump=f"captures/backup-{name}-dump.sealed",
            dump_size=1,
            dump_sha256="0" * 64,
            globals=f"captures/backup-{name}-globals.sealed",
            globals_size=1,
            globals_sha256="0" * 64,
            tables=dict(self.tables),
        )
        return self.backups[name]

    async def find_backup(self, name: str) -> Backup | None:
        return self.backups.get(name)

    async def verify_backup(self, backup: Backup) -> RestoreProof:
        return RestoreProof(
            tables=len(backup.tables),
            rows=backup.rows,
            differences=tuple(self.differences),
            size=1,
            seconds=0.0,
        )

    async def copy_volume(self, name: str) -> VolumeCopy:
        self.copies[name] = VolumeCopy(
            name=name,
            taken_at="2025-10-24T08:00:00Z",
            volume="fake_db-data",
            path=f"captures/volume-{name}-data.sealed",
            size=1,
            stored=1,
            sha256="0" * 64,
            tables={f"fake.{table}": found for table, found in self.tables.items()},
            moved=(),
        )
        return self.copies[name]

    async def find_volume_copy(self, name: str) -> VolumeCopy | None:
        return self.copies.get(name)

    def _change(self, sql: str, parameters: Parameters) -> Rows:
        self.history.capture("database", "db")
        self.parameters.append(parameters)
        rows = self.on_execute(sql)
        self.history.change(f"sql {' '.join(sql.split())}", of="database db")
        return rows


@dataclass(slots=True, kw_only=True)
class FakeTransaction:
    change: Callable[[str, Parameters], Rows]

    async def execute(self, sql: str, parameters: Parameters = ()) -> Rows:
        return self.change(sql, parameters)
