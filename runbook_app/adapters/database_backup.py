"""Logical backups: taken from one snapshot, stored encrypted, proved by restoring them."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from runbook_app.adapters.database_connection import Connection
from runbook_app.adapters.database_sums import differences, sums
from runbook_app.adapters.docker import PROBE_PREFIX
from runbook_app.adapters.docker_exec import Exec
from runbook_app.adapters.psql import Psql, Way, identifier, refusal
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.ports.database import Backup, RestoreProof
from runbook_app.ports.journal import Artefacts

if TYPE_CHECKING:
    import psycopg

_LIMIT = timedelta(minutes=60)
_SCRATCH = """
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L',
              '{name}', pg_encoding_to_char(encoding), datcollate, datctype)
FROM pg_database WHERE datname = current_database() \\gexec
"""
_FILTERED = """\
"$@" --use-list=/dev/fd/3 3<<END
$RUNBOOK_LIST
END
"""


class Measured:
    """Counts and digests what passes."""

    def __init__(self) -> None:
        self.size = 0
        self._digest = hashlib.sha256()

    def through(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            self.size += len(piece)
            self._digest.update(piece)
            yield piece

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()


class Backups:
    """The session's backups; `now` gives the time as ISO 8601."""

    def __init__(self, artefacts: Artefacts, now: Callable[[], str]) -> None:
        self._artefacts = artefacts
        self._now = now

    async def take(self, psql: Psql, name: str, holder: Connection) -> Backup:
        """Take one; `holder` keeps the snapshot that dump and checksums are taken from."""
        way, taken_at = await psql.way(), self._now()
        stem = f"backup-{name}-{uuid.uuid4().hex[:8]}"
        try:
            snapshot = await holder.use(_export_snapshot)
            dump, dumped = await self._store(
                psql,
                f"{stem}-dump",
                way.command(
                    psql.containers,
                    [*_DUMP, f"--snapshot={snapshot}", f"--dbname={way.database}"],
                    b"",
                ),
            )
            tables = await sums(psql, snapshot=snapshot)
        finally:
            await holder.close()
        globals_, told = await self._store(
            psql,
            f"{stem}-globals",
            way.command(
                psql.containers,
                ["pg_dumpall", "--globals-only", f"--database={way.database}"],
                b"",
            ),
        )
        backup = Backup(
            name=name,
            database=way.database,
            taken_at=taken_at,
            dump=dump,
            dump_size=dumped.size,
            dump_sha256=dumped.sha256,
            globals=globals_,
            globals_size=told.size,
            globals_sha256=told.sha256,
            tables=tables,
        )
        await in_thread(self._artefacts.put_sealed, f"backup-{name}", msgspec.json.encode(backup))
        return backup

    async def find(self, name: str) -> Backup | None:
        return await in_thread(self.known, name)

    def known(self, name: str) -> Backup | None:
        """`find`, blocking."""
        path = f"captures/backup-{name}.sealed"
        if not self._artefacts.exists(path):
            return None
        return msgspec.json.decode(self._artefacts.get_sealed(path), type=Backup)

    def names(self) -> tuple[str, ...]:
        """Of the backups that were completed; blocks."""
        files = (self._artefacts.folder() / "captures").glob("backup-*.sealed")
        names = (file.stem.removeprefix("backup-") for file in files)
        return tuple(sorted(name for name in names if not name.endswith(("-dump", "-globals"))))

    async def _store(self, psql: Psql, name: str, command: Exec) -> tuple[str, Measured]:
        measured = Measured()

        def store() -> str:
            return self._artefacts.put_sealed_stream(name, measured.through(output(command)))

        return await psql.containers.wait(command, store, "The dump", _LIMIT), measured

    async def verify(self, psql: Psql, backup: Backup) -> RestoreProof:
        began, scratch = time.monotonic(), f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}"
        await self._check(backup.globals, backup.globals_sha256)
        try:
            await psql.run(_SCRATCH.format(name=scratch), transaction=False)
            await self._restore(psql, backup, scratch)
            restored = await sums(psql, database=scratch)
            ((size,),) = await psql.rows(
                "SELECT pg_database_size(current_database())", database=scratch
            )
        finally:
            await psql.run(
                f"DROP DATABASE IF EXISTS {identifier(scratch)} WITH (FORCE);", transaction=False
            )
        return RestoreProof(
            tables=len(restored),
            rows=sum(table.rows for table in restored.values()),
            differences=tuple(differences(backup.tables, restored)),
            size=size,
            seconds=time.monotonic() - began,
        )

    async def _restore(self, psql: Psql, backup: Backup, scratch: str) -> None:
        way = await psql.way()
        argv = ["pg_restore", "--exit-on-error", f"--dbname={scratch}"]
        command = way.command(psql.containers, argv, self._checked(backup.dump, backup.dump_sha256))
        if left_out := await self._not_restorable(psql, way, backup):
            inner = [argv[0], *way.options, f"--username={way.user}", *argv[1:]]
            command = psql.containers.command(
                way.container.id,
                ["sh", "-c", _FILTERED, "sh", *inner],
                user=way.account,
                environment={**way.environment, "RUNBOOK_LIST": left_out},
                stdin=self._checked(backup.dump, backup.dump_sha256),
            )
        result = await psql.containers.wait(command, command.run, "pg_restore", _LIMIT)
        if not result.ok:
            raise ActionError(
                f"The backup {backup.name} can't be restored: {refusal(result.stderr).message}",
                hint="Without a backup that restores, change nothing. See the server's log.",
            )

    async def _not_restorable(self, psql: Psql, way: Way, backup: Backup) -> str:
        """The dump's table of contents without pgaudit, where the server has not loaded that:
        then the extension can't be created, and only then. Empty: the dump is restored whole."""
        loaded = await psql.rows("SELECT current_setting('shared_preload_libraries')")
        if "pgaudit" in loaded[0][0]:
            return ""
        pieces = self._artefacts.get_sealed_stream(backup.dump)
        listing = psql.containers.command(
            way.container.id, ["pg_restore", "--list"], user=way.account, stdin=pieces
        )
        contents = await psql.containers.wait(listing, listing.run, "pg_restore", _LIMIT)
        lines = contents.text.splitlines()
        kept = [line for line in lines if " EXTENSION " not in line or "pgaudit" not in line]
        return "\n".join(kept) if len(kept) < len(lines) else ""

    async def _check(self, path: str, sha256: str) -> None:
        def read() -> None:
            for _ in self._checked(path, sha256):
                pass

        await in_thread(read)

    def _checked(self, path: str, sha256: str) -> Iterator[bytes]:
        """A stored file's bytes, held against what was written."""
        measured = Measured()
        yield from measured.through(self._artefacts.get_sealed_stream(path))
        if measured.sha256 != sha256:
            raise ActionError(
                f"{path} is not what was backed up.", hint="Take the backup again before you go on."
            )


_DUMP = ("pg_dump", "--format=custom", "--compress=1", "--lock-wait-timeout=30s")


def output(command: Exec) -> Iterator[bytes]:
    """A command's output as it comes; blocks.

    Raises:
        DatabaseRefused: it failed, so that what is made of the output is not kept.
    """
    yield from command.pieces()
    if command.exit_code != 0:
        raise refusal(command.stderr)


async def drop_scratch(psql: Psql) -> list[str]:
    """Drop scratch databases that a killed engine left; what was found."""
    rows = await psql.rows("SELECT datname FROM pg_database ORDER BY 1")
    left = [name for (name,) in rows if name.startswith(PROBE_PREFIX)]
    for name in left:
        await psql.run(f"DROP DATABASE {identifier(name)} WITH (FORCE);", transaction=False)
    return [f"scratch database {name}" for name in left]


def _export_snapshot(connection: psycopg.Connection[Any]) -> str:
    import psycopg

    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    row = connection.execute("SELECT pg_export_snapshot()").fetchone()
    return str(row[0]) if row else ""
