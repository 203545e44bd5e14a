"""The target's database server: queries that only read are asked, all else is written down."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, NoReturn

from runbook_app.adapters.foresight.later import LaterRows, LaterText
from runbook_app.adapters.foresight.sql import (
    asks_whether_they_read,
    begun,
    settings_in,
    unknown_calls,
    why_not_certain,
    without_texts,
)
from runbook_app.adapters.foresight.world import (
    ANSWERS,
    CONTAINERS,
    DATABASE,
    World,
    container,
)
from runbook_app.ports.database import (
    Backup,
    Database,
    DatabaseSession,
    Login,
    RestoreProof,
    VolumeCopy,
)

Parameters = Sequence[object] | Mapping[str, object]
Rows = Sequence[tuple[Any, ...]]


class ForeseenDatabase:
    """Implements `Database`; `service` is the server's."""

    def __init__(self, world: World, real: Database, service: str) -> None:
        self._world = world
        self._real = real
        self._service = service

    async def query(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        database: str = "",
        superuser: bool = False,
        login: Login | None = None,
    ) -> Rows:
        self._must_be_as_it_was(f"what the database answers to '{begun(sql)}'")
        place: dict[str, Any] = {"database": database, "superuser": superuser, "login": login}
        why = why_not_certain(sql)
        if why and not await self._reads(sql, place):
            self._world.cannot(
                f"the answer to '{begun(sql)}': it {why}, and so is not certain to read alone"
            )
        return await self._real.query(sql, parameters, **place)

    async def _reads(self, sql: str, place: Mapping[str, Any]) -> bool:
        """Whether all that makes a statement uncertain is functions that the server declares to
        be stable or immutable."""
        names = unknown_calls(sql)
        if why_not_certain(sql, reading=names) or not all(name.isidentifier() for name in names):
            return False
        rows = await self._real.query(asks_whether_they_read(names), **place)
        return [*rows] == [(len(names), 0)]

    async def execute(
        self,
        sql: str,
        parameters: Parameters = (),
        *,
        database: str = "",
        login: Login | None = None,
        role: str = "",
        autocommit: bool = False,  # noqa: ARG002 - the port's signature
    ) -> Rows:
        self._write_down(sql, _who(database, login, role), parameters)
        return LaterRows(self._world, begun(sql))

    async def capture(self) -> None:
        """Capture nothing: what is about to change it is not run here."""
        self._world.hold()

    @contextlib.asynccontextmanager
    async def transaction(
        self, *, database: str = "", login: Login | None = None, role: str = ""
    ) -> AsyncIterator[_Transaction]:
        self._world.may_change("a transaction on the database")
        yield _Transaction(self, f"{_who(database, login, role)}, in one transaction")

    async def superuser(
        self,
        script: str,
        *,
        database: str = "",
        transaction: bool = True,
        secret: bool = False,
    ) -> str:
        who = f"as superuser{f' in {database}' if database else ''}"
        who = f"{who}, in one transaction" if transaction else who
        shown = without_texts(script) if secret else script
        self._write_down(shown, who)
        return LaterText(self._world, f"what the database says to '{begun(shown)}'")

    def write_down(self, sql: str, who: str, parameters: Parameters) -> Rows:
        self._write_down(sql, who, parameters)
        return LaterRows(self._world, begun(sql))

    def _write_down(self, sql: str, who: str, parameters: Parameters = ()) -> None:
        bound = f", with {len(parameters)} bound values" if parameters else ""
        self._world.change("sql", who, f"is run{bound}", sql.strip())
        for name, how in settings_in(sql):
            self._world.change("setting", name, how)
        self._world.age(DATABASE, ANSWERS, by="has run its SQL")

    async def sessions(self) -> Sequence[DatabaseSession]:
        self._must_be_as_it_was("who is connected to the database")
        return await self._real.sessions()

    async def backup(self, name: str) -> Backup:
        self._not_here(f"a backup {name}, which is not taken here")

    async def find_backup(self, name: str) -> Backup | None:
        self._not_here(f"the backup {name}, which a session takes")

    async def verify_backup(self, backup: Backup) -> RestoreProof:
        self._not_here(f"what the backup {backup.name} is when it is restored")

    async def copy_volume(self, name: str) -> VolumeCopy:
        self._not_here(f"a copy {name} of the volume, which is not taken here")

    async def find_volume_copy(self, name: str) -> VolumeCopy | None:
        self._not_here(f"the copy {name} of the volume, which a session takes")

    def _not_here(self, what: str) -> NoReturn:
        self._world.hold()
        self._world.cannot(what)

    def _must_be_as_it_was(self, what: str) -> None:
        self._world.must_be_as_it_was(what, DATABASE, container(self._service), CONTAINERS)


class _Transaction:
    """Implements `DatabaseTransaction`."""

    def __init__(self, database: ForeseenDatabase, who: str) -> None:
        self._database = database
        self._who = who

    async def execute(self, sql: str, parameters: Parameters = ()) -> Rows:
        return self._database.write_down(sql, self._who, parameters)


def _who(database: str, login: Login | None, role: str) -> str:
    user = login.user if login and login.user else "the plan's account"
    place = f" in {database}" if database else ""
    return f"as {user}{place}{f' with the role {role}' if role else ''}"
