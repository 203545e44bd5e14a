"""The target's own migrations: ours at the end of its chain, brought up and taken down."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from actions import _database_chain as chain
from actions import _database_sql as sql
from actions import _radius
from actions._database_access import SECRETS, access
from actions._database_alembic import revision as revision_of
from actions._database_downgrade import take_back
from actions._database_names import AUDIT_SCHEMA, COLUMN_KEY, SETTING, Names
from actions._database_upgrade import door, may_sign_in, rehearse, shut_out, switch, upgrade
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, effect

VERSIONS = "alembic/versions"
PGCRYPTO, PGAUDIT = "enable_pgcrypto", "enable_pgaudit"
_SEALED_IN = re.compile(r"CREATE TABLE (\w+)\.encrypted_data")


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
async def _(run: Run, *, directory: str = VERSIONS, **_: Any) -> Finding:
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
async def _(run: Run, *, directory: str = VERSIONS, **_: Any) -> Finding:
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
        created=f"{now:%Y-%m-%d}",
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


@effect
async def migrate(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
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

    Not restored: schema, extensions and rows of the database.
    """
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    head = chain.read(run, directory).head()
    before = await revision_of(run)
    if before != head:
        await rehearse(run, given)
        await door(run, given.names, opened=False)
        try:
            await upgrade(run, given, before)
        except BaseException:
            await door(run, given.names, opened=True)
            raise
    await run.compose.edit(given.give)
    await switch(run, given, timeout)
    run.output("revision", head)


@migrate.check
async def _(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
    **_: Any,
) -> Finding:
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    head, now = chain.read(run, directory).head(), await revision_of(run)
    # Each part says itself whether it is to be done, so that running it again is always right.
    if now != head:
        return run.not_done(f"the database is at {now or 'nothing'}, the newest is {head}")
    if not given.given(run.compose.document()):
        return run.not_done(f"{given.service} has no access to what the migrations made")
    if not await may_sign_in(run, given.names.application):
        return run.not_done(f"{given.names.application} may not sign in")
    if differences := await run.compose.settled():
        return run.not_done("; ".join(differences))
    return run.done(f"at {now}, the newest, and {given.service} runs on it")


@migrate.blast_radius
async def _(
    run: Run,
    *,
    service: str = "",
    directory: str = VERSIONS,
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
    timeout: timedelta = timedelta(minutes=3),
) -> list[Affected]:
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    found: list[Affected] = []
    migrations = chain.read(run, directory)
    now = await revision_of(run)
    if now != migrations.head():
        role = given.names.application
        inside = [s for s in await run.database.sessions() if s.user == role]
        how = "is kept out until the schema has moved"
        found += [*_radius.connections(inside), Affected(kind="role", name=role, how=how)]
        found += await _moved(run, migrations.pending(now))
    anew = [] if given.given(run.compose.document()) else [given.service]
    return found + await _radius.stack(run, timeout, anew)


async def _moved(run: Run, migrations: list[chain.Migration]) -> list[Affected]:
    """Each migration to come, and the tables that ours encrypt columns of; what others do to
    tables nobody can tell without running them."""
    found = []
    for migration in migrations:
        found.append(Affected(kind="migration", name=migration.revision, how="is run"))
        if not migration.path.endswith(f"{PGCRYPTO}.py"):
            continue
        source = run.files.read(migration.path).decode()
        schema = _SEALED_IN.search(source)
        columns = chain.assigned(source, "COLUMNS").get("COLUMNS", {})
        found += await _radius.tables(
            run, schema[1] if schema else "public", columns, "is written anew, encrypted"
        )
    return found


@effect
async def downgrade(
    run: Run,
    *,
    revision: str = "checkpoint",
    service: str = "",
    directory: str = VERSIONS,
    secrets: str = "secrets/api",
    certificates: str = "database/certs",
    script: str = "pg_audit.sql",
    root: str = "/app",
) -> None:
    """Take the schema back to a revision: `checkpoint` is the one recorded there.

    Encrypted values come back in their columns. The audit trail is exported to the session
    before it goes. What can't be decrypted is lost only after the operator's word.
    """
    given = access(
        run, service=service, secrets=secrets, certificates=certificates, script=script, root=root
    )
    goal, now = _goal(run, revision), await revision_of(run)
    if now == goal:
        run.log(f"the database is at {goal or 'nothing'} already")
        if await may_sign_in(run, given.names.owner):
            await shut_out(run, given.names.owner)
        return
    if now not in chain.read(run, directory).migrations:
        raise ActionError(
            f"The database is at {now}, which is no migration in {directory}.",
            hint="Put the migration's file back, then roll back again.",
        )
    await take_back(run, given, goal)


@downgrade.check
async def _(run: Run, *, revision: str = "checkpoint", **_: Any) -> Finding:
    goal, now = _goal(run, revision), await revision_of(run)
    if now != goal:
        return run.not_done(f"at {now}, not {goal}")
    owner = Names.of(run).owner
    if await may_sign_in(run, owner):
        return run.not_done(f"at {goal or 'nothing'}, and {owner} may still bring it up again")
    return run.done(f"at {goal or 'nothing'}")


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
