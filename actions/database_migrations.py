"""The target's own migrations: ours added to its chain, brought up, taken down, and held to be clean."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from actions import _database_chain as chain
from actions import _database_cluster as cluster
from actions import _database_sql as sql
from actions._database_access import SECRETS, Access
from actions._database_alembic import alembic, must, revision
from actions._database_names import AUDIT_SCHEMA, COLUMN_KEY, SETTING, Names
from runbook_app.domain.errors import ActionError, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect, probe

VERSIONS = "alembic/versions"
POLL = 0.2
"""Seconds."""
PGCRYPTO, PGAUDIT = "enable_pgcrypto", "enable_pgaudit"


@effect
async def pgcrypto(
    run: Run,
    *,
    columns: dict[str, list[str]],
    directory: str = VERSIONS,
    ini: str = "alembic.ini",
    schema: str = "public",
) -> None:
    """Write the migration that moves columns into encrypted_data, at the end of the chain."""
    await _write(run, PGCRYPTO, directory, ini, _pgcrypto(run, columns, schema))


@pgcrypto.check
async def _(
    run: Run, *, columns: dict[str, list[str]], directory: str = VERSIONS, **_: Any
) -> Finding:
    return _written(run, PGCRYPTO, directory)


def _pgcrypto(run: Run, columns: dict[str, list[str]], schema: str) -> dict[str, Any]:
    for table, names in columns.items():
        sql.plain("table", table)
        sql.plain("column", *names)
    return {
        "columns": columns,
        "columns_text": ", ".join(
            f"{table}.{c}" for table, names in columns.items() for c in names
        ),
        "application": Names.of(run).application,
        "schema": schema,
        "setting": SETTING,
        "key_file": f"{SECRETS}/{COLUMN_KEY}",
    }


@effect
async def pgaudit(
    run: Run,
    *,
    audited: dict[str, list[str]],
    directory: str = VERSIONS,
    ini: str = "alembic.ini",
    script: str = "pg_audit.sql",
    schema: str = "public",
) -> None:
    """Write the migration that makes the audit trail, at the end of the chain.

    `audited` names the tables, each with the columns that the trail leaves out.
    """
    names = Names.of(run)
    for table, left_out in audited.items():
        sql.plain("table", table)
        sql.plain("column", *left_out)
    values = {
        "audited": audited,
        "application": names.application,
        "reader": names.reader,
        "schema": schema,
        "audit_schema": AUDIT_SCHEMA,
        "script": script,
        "script_parent": len(directory.split("/")),
    }
    await _write(run, PGAUDIT, directory, ini, values)


@pgaudit.check
async def _(
    run: Run, *, audited: dict[str, list[str]], directory: str = VERSIONS, **_: Any
) -> Finding:
    return _written(run, PGAUDIT, directory)


async def _write(run: Run, slug: str, directory: str, ini: str, values: dict[str, Any]) -> None:
    found = chain.read(run, directory)
    if there := found.named(slug):
        run.log(f"{there.path} is already there")
        return
    head = found.head()
    now = datetime.now(UTC)
    new = chain.revision_of(slug, head)
    name = chain.file_name(run.files.read(ini).decode(), slug=slug, revision=new, now=now)
    text = sql.render(
        f"{slug}.py",
        revision=new,
        follows=head or "nothing",
        down_revision=json.dumps(head) if head else "None",
        created=f"{now:%Y-%m-%d %H:%M:%S}+00:00",
        **values,
    )
    await run.files.write(f"{directory}/{name}", text.encode(), mode=0o644)
    run.output("revision", new)
    run.log(f"{directory}/{name}: {new}, after {head or 'nothing'}")


def _written(run: Run, slug: str, directory: str) -> Finding:
    found = chain.read(run, directory)
    there = found.named(slug)
    if there is None:
        return run.not_done(f"no migration {slug} in {directory}")
    if len(found.heads()) != 1:
        return run.partly(f"the chain has {len(found.heads())} heads")
    return run.done(f"{there.path}, revision {there.revision}")


def _access(
    run: Run, *, service: str, secrets: str, certificates: str, script: str, root: str
) -> Access:
    return Access(
        names=Names.of(run),
        service=service or run.plan.target.api_service,
        secrets=secrets,
        certificates=certificates,
        script=script,
        root=root,
    )


@effect
async def migrate(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    schema: str = "public",
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
    timeout: timedelta = timedelta(minutes=3),
) -> None:
    """Bring the schema to the newest migration, and the application to its new code and account.

    A rehearsal on an empty database comes first. While the schema moves nobody of the
    application is let in: its old code would take tokens for values. A migration that fails
    leaves chain and application as they were.
    """
    access = _access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    head = chain.read(run, directory).head()
    before = await revision(run, schema)
    if before != head:
        await _rehearse(run, access)
        await _door(run, access.names, opened=False)
        try:
            await _upgrade(run, access, before, schema)
        except BaseException:
            await _door(run, access.names, opened=True)
            raise
    await run.compose.edit(access.give)
    await _switch(run, access, timeout)
    run.output("revision", head)


@migrate.check
async def _(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    schema: str = "public",
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
    **_: Any,
) -> Finding:
    access = _access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    head, now = chain.read(run, directory).head(), await revision(run, schema)
    # Each part says itself whether it is to be done, so that running it again is always right.
    if now != head:
        return run.not_done(f"the database is at {now or 'nothing'}, the newest is {head}")
    if not access.given(run.compose.document()):
        return run.not_done(f"{access.service} has no access to what the migrations made")
    if not await _may_sign_in(run, access.names):
        return run.not_done(f"{access.names.application} may not sign in")
    if differences := await run.compose.settled():
        return run.not_done("; ".join(differences))
    return run.done(f"at {now}, the newest, and {access.service} runs on it")


async def _upgrade(run: Run, access: Access, before: str, schema: str) -> None:
    result = await alembic(run, access, "upgrade", revision="head")
    if result.ok:
        return
    reached = await revision(run, schema)
    if reached != before:
        back = await alembic(
            run, access, "downgrade", revision=before or "base", lose=["audit_log"]
        )
        await must(run, back, f"Taking {reached} back", "Roll the item back.")
    await must(run, result, "alembic upgrade head", f"The chain is at {before}, as before.")


async def _door(run: Run, names: Names, *, opened: bool) -> None:
    """Let the application's role in, or nobody of it, whoever is in included."""
    role = sql.name(names.application)
    if opened:
        await run.database.superuser(f"ALTER ROLE {role} LOGIN;")
        return
    await run.database.superuser(
        f"""ALTER ROLE {role} NOLOGIN;
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE usename = {sql.text(names.application)};""",
        transaction=False,
    )
    run.log(f"{names.application} is kept out until the schema has moved")


async def _switch(run: Run, access: Access, timeout: timedelta) -> None:
    """Bring the application up anew, and let it in only once its old container is gone."""
    before = await run.containers.find(access.service)
    up = asyncio.ensure_future(run.compose.up(timeout=timeout))
    try:
        while not up.done():
            await asyncio.wait({up}, timeout=POLL)
            now = await run.containers.find(access.service)
            if before is None or now is None or now.id != before.id:
                break
        await _door(run, access.names, opened=True)
        await up
    except BaseException:
        up.cancel()
        await asyncio.wait({up})
        await _door(run, access.names, opened=True)
        raise


async def _may_sign_in(run: Run, names: Names) -> bool:
    rows = await run.database.query(
        f"SELECT rolcanlogin FROM pg_roles WHERE rolname = {sql.text(names.application)}",
        superuser=True,
    )
    return bool(rows and rows[0][0])


async def _rehearse(run: Run, access: Access) -> None:
    """Run the whole chain on an empty database; nothing real is touched when it fails."""
    scratch = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    try:
        await _create(run, access.names, scratch)
        result = await alembic(run, access, "upgrade", revision="head", database=scratch)
    finally:
        await _drop(run, scratch)
    await must(
        run, result, "The chain on an empty database", "Nothing was changed. Mend the migrations."
    )


async def _create(run: Run, names: Names, database: str) -> None:
    await run.database.superuser(
        f"CREATE DATABASE {sql.name(database)} OWNER {sql.name(names.owner)};", transaction=False
    )


async def _drop(run: Run, database: str) -> None:
    await run.database.superuser(
        f"DROP DATABASE IF EXISTS {sql.name(database)} WITH (FORCE);", transaction=False
    )


@effect
async def downgrade(
    run: Run,
    *,
    revision: str = "checkpoint",
    service: str = "",
    directory: str = VERSIONS,
    schema: str = "public",
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
) -> None:
    """Take the schema back to a revision: `checkpoint` is the one recorded there.

    Encrypted values come back in their columns. The audit trail is exported to the session
    before it goes. What can't be decrypted is lost only after the operator's word.
    """
    access = _access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    goal, now = _goal(run, revision), await _now(run, schema)
    if now == goal:
        run.log(f"the database is at {goal or 'nothing'} already")
        return
    if now not in chain.read(run, directory).migrations:
        raise ActionError(
            f"The database is at {now}, which is no migration in {directory}.",
            hint="Put the migration's file back, then roll back again.",
        )
    await _export_trail(run)
    lose = ["audit_log"]
    result = await alembic(run, access, "downgrade", revision=goal or "base", lose=lose)
    if not result.ok:
        await _ask_to_lose(run, result.stderr.decode("utf-8", "replace").strip())
        lose.append("encrypted_data")
        result = await alembic(run, access, "downgrade", revision=goal or "base", lose=lose)
    await must(run, result, f"alembic downgrade {goal}", "Mend the cause, then roll back again.")


@downgrade.check
async def _(run: Run, *, revision: str = "checkpoint", schema: str = "public", **_: Any) -> Finding:
    goal, now = _goal(run, revision), await _now(run, schema)
    if now == goal:
        return run.done(f"at {goal or 'nothing'}")
    return run.not_done(f"at {now}, not {goal}")


async def _now(run: Run, schema: str) -> str:
    return await revision(run, schema)


def _goal(run: Run, given: str) -> str:
    if given != "checkpoint":
        return given
    stated = run.previous("alembic revision")
    if not stated:
        raise ActionError(
            "No revision was recorded at the checkpoint, so there is none to go back to.",
            hint="Name one in the step's parameters.",
        )
    return str(stated[-1][1].value)


async def _export_trail(run: Run) -> None:
    there = await run.database.query(
        f"SELECT to_regclass('{AUDIT_SCHEMA}.audit_log') IS NOT NULL AS has", superuser=True
    )
    if not there[0][0]:
        return
    rows = await run.database.query(
        f"SELECT row_to_json(a)::text AS line FROM {AUDIT_SCHEMA}.audit_log a ORDER BY id",
        superuser=True,
    )
    path = run.scratch / f"audit_log-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}.jsonl"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.writelines(f"{line}\n" for (line,) in rows)
        stream.flush()
        os.fsync(descriptor)
    run.measure("rows of the audit trail, exported", len(rows))
    run.log(f"the audit trail is kept as {path}")


async def _ask_to_lose(run: Run, words: str) -> None:
    """Let a person decide about values that nothing can decrypt.

    Raises:
        ActionError: they are not to be lost, or the downgrade failed for another reason.
    """
    about_values = ("Wrong key", "can't be read from", "no token of a stored value")
    if not any(part in words for part in about_values):
        raise ActionError(
            f"The downgrade failed, and changed nothing: {words}",
            hint="Mend the cause, then roll back again.",
        )
    answer = await run.ask(
        "Encrypted values can't be decrypted with the key that is there; going on would lose them "
        f"for good, their columns would be empty. {words}",
        choices=("keep them", "lose them"),
        person_required=True,
    )
    if answer != "lose them":
        raise ActionError(
            f"The downgrade would lose encrypted values, and changed nothing: {words}",
            hint="Put the key's file back as it was, then roll back again.",
        )


@probe
async def clean(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    schema: str = "public",
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
) -> None:
    """Run the chain on an empty database up, down and up again, and compare with the real one."""
    access = _access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    found = chain.read(run, directory)
    run.equals("heads of the chain of migrations", len(found.heads()), 1)
    run.equals("the database is at the head", await revision(run, schema), found.head())
    first = found.named(PGCRYPTO) or found.named(PGAUDIT)
    below = first.follows[0] if first and first.follows else "base"
    scratch = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    try:
        await _create(run, access.names, scratch)
        dumps = [
            await _moved(run, access, scratch, do, to)
            for do, to in (("upgrade", below), ("upgrade", "head"), ("downgrade", below),
                           ("upgrade", "head"))
        ]  # fmt: skip
    finally:
        await _drop(run, scratch)
    run.require("up and down again is as it was", dumps[0] == dumps[2], _differ(dumps[0], dumps[2]))
    run.require("up again is as it was", dumps[1] == dumps[3], _differ(dumps[1], dumps[3]))
    real = await cluster.schema_dump(run, access.names.database)
    run.require("an empty database ends as the real one", dumps[1] == real, _differ(dumps[1], real))


async def _moved(run: Run, access: Access, database: str, do: str, to: str) -> str:
    result = await alembic(run, access, do, revision=to, database=database, log=False)
    if not result.ok:
        words = result.stderr.decode("utf-8", "replace").strip()
        raise ActionError(f"alembic {do} {to} on an empty database failed: {words}")
    return await cluster.schema_dump(run, database)


def _differ(first: str, second: str) -> str:
    import difflib

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
    access = _access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    result = await alembic(run, access, "check")
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
