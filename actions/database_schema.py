"""The schema held against the models, the chain of migrations, and what it was before."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import difflib
import json
import uuid
from collections.abc import Sequence

from actions import _database_chain as chain
from actions import _database_cluster as cluster
from actions import _database_sql as sql
from actions._database_access import Access, access
from actions._database_alembic import alembic, revision
from actions._database_upgrade import create, drop
from actions.database_migrations import PGAUDIT, PGCRYPTO, VERSIONS
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.ports.action import Run, check, probe


@probe
async def clean(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
) -> None:
    """Run the chain on an empty database up, down and up again, and compare with the real one."""
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    found = chain.read(run, directory)
    run.equals("heads of the chain of migrations", len(found.heads()), 1)
    run.equals("the database is at the head", await revision(run), found.head())
    first = found.named(PGCRYPTO) or found.named(PGAUDIT)
    below = first.follows[0] if first and first.follows else "base"
    scratch = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    try:
        await create(run, given.names, scratch)
        dumps = [
            await _moved(run, given, scratch, do, to)
            for do, to in (("upgrade", below), ("upgrade", "head"), ("downgrade", below),
                           ("upgrade", "head"))
        ]  # fmt: skip
    finally:
        await drop(run, scratch)
    run.require("up and down again is as it was", dumps[0] == dumps[2], _differ(dumps[0], dumps[2]))
    run.require("up again is as it was", dumps[1] == dumps[3], _differ(dumps[1], dumps[3]))
    real = await cluster.schema_dump(run, given.names.database)
    run.require("an empty database ends as the real one", dumps[1] == real, _differ(dumps[1], real))


async def _moved(run: Run, given: Access, database: str, do: str, to: str) -> str:
    result = await alembic(run, given, do, revision=to, database=database, log=False)
    if not result.ok:
        words = result.stderr.decode("utf-8", "replace").strip()
        raise ActionError(f"alembic {do} {to} on an empty database failed: {words}")
    return await cluster.schema_dump(run, database)


def _differ(first: str, second: str) -> str:
    lines = difflib.unified_diff(first.splitlines(), second.splitlines(), "first", "second", n=0)
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    return "; ".join(changed[:5]) or "no difference"


@check
async def models_match(
    run: Run,
    *,
    service: str = "",
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
) -> None:
    """Find no difference between the application's models and the schema (alembic check)."""
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    result = await alembic(run, given, "check")
    words = (result.stdout + result.stderr).decode("utf-8", "replace").strip().splitlines()[-1:]
    if not result.ok and "upgrade operations detected" not in "".join(words):
        raise NotMeasured(f"alembic check could not be run: {''.join(words)}")
    run.require("alembic check", result.ok, "".join(words) or "no new upgrade operations")


@check
async def columns_kept(
    run: Run, *, name: str = "columns", schema: str = "public", baseline: bool = False
) -> None:
    """Find every table and column that was there at the baseline, with its type."""
    rows = await run.database.query(
        f"""SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
                   || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END AS line
            FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
            WHERE c.relnamespace = {sql.text(schema)}::regnamespace AND c.relkind IN ('r', 'p')
              AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1""",
        superuser=True,
    )
    now = [line for (line,) in rows]
    kept = run.scratch / f"{name}.json"
    if baseline:
        kept.write_text(json.dumps(now))
        run.measure("columns", len(now), at_least=1)
        return
    if not kept.exists():
        raise NotMeasured("No columns were kept at the checkpoint.", hint="Pass it anew.")
    before: Sequence[str] = json.loads(kept.read_text())
    gone = [line for line in before if line not in now]
    run.measure("columns before", len(before), at_least=1)
    run.require("no column is gone or another", not gone, "; ".join(gone) or "all there")
