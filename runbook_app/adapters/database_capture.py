"""Capturing a database's roles, grants, settings and structure, and bringing back what can be.

Roles with their verifiers, memberships, owners, privileges and the cluster's own configuration
files are put back by their difference. Schema, extensions and rows are brought back by an item's
own rollback steps, such as a downgrade; the capture records them, and the proof compares them.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

import msgspec

from runbook_app.adapters.database_backup import Backups
from runbook_app.adapters.database_copy import VolumeCopies, decoded
from runbook_app.adapters.database_grants import (
    Objects,
    owners_back,
    privileges_back,
    read_objects,
)
from runbook_app.adapters.database_roles import Roles, added, let_go, read_roles, roles_back
from runbook_app.adapters.database_sums import cluster_sums, databases, differences
from runbook_app.adapters.docker import PROBE_PREFIX
from runbook_app.adapters.fields import changes
from runbook_app.adapters.fingerprint_database import DatabaseState, schema_dump
from runbook_app.adapters.psql import Psql, identifier
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import CaptureTaken
from runbook_app.domain.plan import Database as Settings
from runbook_app.ports.target import Prior

_UNREADABLE = "unreadable"
_LIMIT = timedelta(minutes=2)
_CONFIGURATION = """
    SELECT f.name, encode(pg_read_binary_file(f.name), 'base64') AS content
    FROM pg_ls_dir('.') f (name) WHERE f.name ~ '[.](conf|crt|key|pem)$' ORDER BY 1"""
_WRITE = """
set -eu
cd "$1"
umask 077
if [ -e "$2" ]; then cp -p "$2" "$2.runbook-new"; fi
cat > "$2.runbook-new"
mv "$2.runbook-new" "$2"
"""

Start = Callable[[], Awaitable[None]]
"""Starts the database's service as its Compose file says, and waits for it."""


class Captured(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a capture."""

    fields: dict[str, str]
    roles: Roles
    objects: Objects
    files: dict[str, str]
    """The cluster's own configuration files, in base64."""
    schema: str
    backups: tuple[str, ...] = ()
    """Names of the session's backups that were there."""


class DatabaseCapturable:
    """Implements `Capturable`; there is one database server, named by its service."""

    kind = "database"
    rank = 6
    """Before the project: a service that is brought up must be able to sign in."""

    def __init__(self, settings: Settings, psql: Psql, backups: Backups, start: Start) -> None:
        self._settings = settings
        self._psql = psql
        self._backups = backups
        self._start = start
        self.name = settings.service

    async def prior(self, name: str) -> Prior:  # noqa: ARG002 - there is only one
        taken = await self._take()
        return Prior(
            kind=self.kind,
            name=self.name,
            content=msgspec.json.encode(taken),
            summary=_summary(taken),
        )

    async def _take(self) -> Captured:
        way = await self._psql.way()
        if not way.superuser:
            raise ActionError(
                f"{way.user} is no superuser, so the database can't be captured as it is.",
                hint="Name the cluster's superuser as `target.database.superuser` in the plan.",
            )
        return Captured(
            fields=await self._fields(),
            roles=await read_roles(self._psql),
            objects=await read_objects(self._psql),
            files=dict(await self._psql.rows(_CONFIGURATION)),
            schema=await schema_dump(self._psql, way.database),
            backups=await in_thread(self._backups.names),
        )

    async def _fields(self) -> dict[str, str]:
        state = DatabaseState(self._settings.keep_credentials)
        return (await state.read_settled(self._psql)).fields

    async def state(self, name: str) -> str:  # noqa: ARG002 - as above
        try:
            text = json.dumps(await self._fields(), sort_keys=True)
        except ActionError:
            return _UNREADABLE  # a database that is down must not keep an item from being undone
        return hashlib.sha256(text.encode()).hexdigest()

    async def difference(self, taken: CaptureTaken, content: bytes, *, since: bool = False) -> str:  # noqa: ARG002
        before = msgspec.json.decode(content, type=Captured).fields
        try:
            now = await self._fields()
            return "\n".join(changes(before, now) if since else changes(now, before))
        except ActionError as error:
            return f"what it is now can't be read: {error.message}"

    async def restore(self, taken: CaptureTaken, content: bytes) -> bool:  # noqa: ARG002
        before = msgspec.json.decode(content, type=Captured)
        # Files that the server was started with, its access rules among them, may be gone by now.
        await self._start()
        if await self._fields() == before.fields:
            return False
        await self._files_back(before)
        await self._roles_back(before)
        return True

    async def _files_back(self, before: Captured) -> None:
        now = dict(await self._psql.rows(_CONFIGURATION))
        different = [name for name in before.files if before.files[name] != now.get(name)]
        gone = sorted(now.keys() - before.files.keys())
        for name in different:
            await self._in_cluster(_WRITE, name, base64.b64decode(before.files[name]))
        for name in gone:
            await self._in_cluster('cd "$1" && rm -f "$2"', name, b"")
        if different or gone:
            await self._psql.run("SELECT pg_reload_conf();", read_only=True)
            await self._restart_if_needed()

    async def _in_cluster(self, script: str, name: str, stdin: bytes) -> None:
        ((directory,),) = await self._psql.rows("SELECT current_setting('data_directory')")
        way, containers = await self._psql.way(), self._psql.containers
        # The account that owns the cluster is the one the server runs as.
        owner = await containers.execute(self.name, ["stat", "-c", "%u:%g", directory], log=False)
        command = containers.command(
            way.container.id,
            ["sh", "-c", script, "sh", directory, name],
            user=owner.text.strip(),
            stdin=stdin,
        )
        result = await containers.wait(command, command.run, f"Writing {name}", _LIMIT)
        if not result.ok:
            said = result.stderr.decode("utf-8", "replace").strip()
            raise ActionError(f"{name} of the database's cluster can't be put back: {said}")

    async def _restart_if_needed(self) -> None:
        waiting = await self._psql.rows("SELECT name FROM pg_settings WHERE pending_restart")
        if waiting:
            await self._psql.containers.restart(self.name)
            await self._start()

    async def _roles_back(self, before: Captured) -> None:
        psql, kept = self._psql, self._settings.keep_credentials
        now = await read_roles(psql)
        script = [
            *roles_back(before.roles, now, kept=kept),
            *owners_back(before.objects, await read_objects(psql)),
        ]
        await self._run(script)
        await self._added_gone(before, now)
        await self._run(list(privileges_back(before.objects, await read_objects(psql))))

    async def _added_gone(self, before: Captured, now: Roles) -> None:
        """Drop roles that were not there; what they own goes to the database's owner."""
        names = added(before.roles, now)
        if not names:
            return
        way = await self._psql.way()
        ((database,),) = await self._psql.rows("SELECT quote_ident(current_database())")
        owned = before.objects.get(f"DATABASE {database}")
        heir = owned.owner if owned else identifier(way.user)
        for database in await databases(self._psql):
            if not database.startswith(PROBE_PREFIX):
                script = "\n".join(let_go(name, heir) for name in names)
                await self._psql.run(script, database=database)
        await self._run([f"DROP ROLE {identifier(name)};" for name in names])

    async def _run(self, script: list[str]) -> None:
        if script:
            await self._psql.run("\n".join(script), secret=True)


class VolumeCapturable:
    """The physical copy of a database's volume: what a rollback falls back to, when it is told to.

    Implements `Capturable` and `Fallback`.
    """

    kind = "volume"
    rank = 5
    """After the files, before anything is brought up on the data."""

    def __init__(self, settings: Settings, psql: Psql, copies: VolumeCopies, start: Start) -> None:
        self._settings = settings
        self._psql = psql
        self._copies = copies
        self._start = start
        self.name = settings.service

    async def prior(self, name: str) -> Prior:  # noqa: ARG002 - there is only one
        stored = await self._copies.take(self._psql, self.name, await self._fields())
        copy = stored.copy
        rows = sum(table.rows for table in copy.tables.values())
        moved = f"; written meanwhile: {', '.join(copy.moved)}" if copy.moved else ""
        return Prior(
            kind=self.kind,
            name=self.name,
            content=msgspec.json.encode(stored),
            summary=f"copy of the volume {copy.volume}: {copy.size:,} bytes, "
            f"{copy.stored:,} as stored in {copy.path}; a server was started from it and found "
            f"{len(copy.tables)} tables with {rows:,} rows as they are{moved}",
        )

    async def state(self, name: str) -> str:  # noqa: ARG002
        """Nothing to notice: the copy is not restored unless somebody says so."""
        return ""

    async def difference(self, taken: CaptureTaken, content: bytes, *, since: bool = False) -> str:  # noqa: ARG002
        return ""

    async def losses(self, taken: CaptureTaken, content: bytes) -> list[str]:  # noqa: ARG002
        try:
            return await self._copies.losses(self._psql, decoded(content))
        except ActionError as error:
            return [f"all that was written since; it can't be listed: {error.message}"]

    async def restore(self, taken: CaptureTaken, content: bytes) -> bool:  # noqa: ARG002
        stored = decoded(content)
        if await self._is_as(stored.copy.tables, stored.fields):
            return False
        container = await self._psql.containers.find(self.name)
        await self._copies.put_back(stored, container)
        await self._start()
        return True

    async def _is_as(self, tables: Mapping[str, object], fields: Mapping[str, str]) -> bool:
        try:
            same = await self._fields() == fields
            return same and not list(differences(tables, await cluster_sums(self._psql)))  # type: ignore[arg-type]
        except ActionError:  # it does not run, or is not whole
            return False

    async def _fields(self) -> dict[str, str]:
        return (await DatabaseState().read_settled(self._psql)).fields


def _summary(taken: Captured) -> str:
    revision = taken.fields.get("alembic revision", "")
    extensions = sorted(f.partition(":")[2] for f in taken.fields if f.startswith("extension:"))
    return (
        f"database: revision {revision or 'none'}, {len(taken.roles.roles)} roles, "
        f"{len(taken.objects)} objects with owners and privileges, "
        f"extensions {', '.join(extensions) or 'none'}"
    )
