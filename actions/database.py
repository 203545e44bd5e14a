"""The target's database: backups, what is recorded before it is changed, and its extensions."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from actions import _database_chain as chain
from actions import _database_sql as sql
from actions._database_alembic import revision
from actions._database_columns import examine
from actions._database_names import AUDIT_SCHEMA, Names
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run, check

BACKUP = "checkpoint"


@check
async def backup(run: Run, *, name: str = BACKUP) -> None:
    """Take a logical backup, and count it as one only when its restored copy is the same."""
    taken = await run.database.backup(name)
    run.measure("backup", taken.dump)
    run.measure("backup size", taken.dump_size, "bytes", at_least=1)
    run.measure("backup sha256", taken.dump_sha256)
    run.measure("globals sha256", taken.globals_sha256)
    await _restore(run, name)


@check
async def backup_restorable(run: Run, *, name: str = BACKUP) -> None:
    """Restore the backup once more into a scratch database, and compare."""
    await _restore(run, name)


async def _restore(run: Run, name: str) -> None:
    taken = await run.database.find_backup(name)
    if taken is None:
        raise NotMeasured(
            f"There is no backup {name!r} in this session.", hint="Pass the item's checkpoint."
        )
    proof = await run.database.verify_backup(taken)
    run.equals("tables restored", proof.tables, len(taken.tables))
    run.equals("rows restored", proof.rows, taken.rows)
    run.measure("size restored", proof.size, "bytes", at_least=1)
    run.measure("restore took", round(proof.seconds, 2), "s")
    different = "; ".join(proof.differences[:5])
    run.require("restored as it was backed up", not proof.differences, different or "no difference")
    # What was restored is in the write-ahead log: in plain text, if the backup is older than
    # encryption. Where old log is removed and not recycled, it is gone after this.
    away = "SELECT pg_switch_wal();\nCHECKPOINT;\n"
    await run.database.superuser(away + away, transaction=False)


@check
async def recorded(
    run: Run,
    *,
    columns: dict[str, list[str]],
    audited: dict[str, list[str]],
    directory: str = "alembic/versions",
    schema: str = "public",
) -> None:
    """Record what a rollback goes back to, and hold the database to what the item needs of it."""
    names = Names.of(run)
    found = chain.read(run, directory)
    heads = found.heads()
    run.equals("heads of the chain of migrations", len(heads), 1)
    at = await revision(run)
    run.measure("alembic revision", at)
    head = heads[0] if len(heads) == 1 else ""
    run.require("the database is at the newest migration", at == head, f"at {at}, newest {head}")
    rows = await run.database.query("SELECT extname FROM pg_extension ORDER BY 1", superuser=True)
    run.measure("extensions before", ",".join(name for (name,) in rows))
    await _nothing_in_the_way(run, names, schema)
    for problem in await examine(run, columns=columns, audited=audited, schema=schema):
        run.require("columns can be encrypted", False, problem)


async def _nothing_in_the_way(run: Run, names: Names, schema: str) -> None:
    taken = await run.database.query(
        f"""SELECT 'schema {AUDIT_SCHEMA}' AS taken
            WHERE to_regnamespace('{AUDIT_SCHEMA}') IS NOT NULL
            UNION ALL SELECT 'table encrypted_data'
            WHERE to_regclass({sql.text(f"{schema}.encrypted_data")}) IS NOT NULL
            UNION ALL SELECT 'role ' || rolname FROM pg_roles
            WHERE rolname IN ({sql.text(names.owner)}, {sql.text(names.reader)})""",
        superuser=True,
    )
    there = ", ".join(name for (name,) in taken)
    run.require("nothing of the item is there yet", not taken, there or "nothing")


@check
async def extensions(run: Run, *, names: list[str]) -> None:
    """Find extensions in the database, and those that need it loaded at the server's start."""
    rows = await run.database.query(
        "SELECT extname, extversion FROM pg_extension ORDER BY 1", superuser=True
    )
    versions = dict(rows)
    run.measure("pg_extension", ", ".join(f"{name} {version}" for name, version in rows))
    for name in names:
        run.require(f"{name} installed", name in versions, versions.get(name, "absent"))
    loaded = await run.database.query(
        "SELECT current_setting('shared_preload_libraries') AS loaded", superuser=True
    )
    libraries = [part.strip() for part in str(loaded[0][0]).split(",")]
    if "pgaudit" in names:
        run.require("pgaudit loaded at start", "pgaudit" in libraries, ", ".join(libraries))


@check
async def sessions(run: Run) -> None:
    """Say who is connected, by application and user: whom a restart would drop."""
    connected = await run.database.sessions()
    run.measure("sessions", len(connected))
    for line in told(connected):
        run.log(line)


def told(connected: object) -> list[str]:
    """Sessions as lines, one for each user, application and address."""
    counted: dict[tuple[str, str, str, str], int] = {}
    for session in connected:  # type: ignore[attr-defined]
        key = (session.user, session.application or "unnamed", session.client, session.database)
        counted[key] = counted.get(key, 0) + 1
    return [
        f"{count} of {application} as {user} from {client}, database {database}"
        for (user, application, client, database), count in sorted(counted.items())
    ]
