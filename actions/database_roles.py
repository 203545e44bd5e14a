"""Who may do what in the database: superuser, migrations, application."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from typing import Any

from actions import _database_sql as sql
from actions._database_names import AUDIT_SCHEMA, VERIFIER, Names
from actions._database_secrets import SecretFiles
from actions._database_server import SECRETS
from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, check, effect

COMMENT = "Audit trail, made by the runbook"
APPLICATION_UID = 10001
SERVER_UID = 999


@effect
async def secrets(
    run: Run,
    *,
    application: str = "secrets/api",
    server: str = "secrets/database",
    application_uid: int = APPLICATION_UID,
    server_uid: int = SERVER_UID,
) -> None:
    """Make the key of encrypted columns and the migrations' password, each for one container."""
    files = SecretFiles(
        run=run,
        application=application,
        server=server,
        application_uid=application_uid,
        server_uid=server_uid,
    )
    if files.problems():
        await files.make()
    else:
        files.register()
        run.log("the secrets are already there")


@secrets.check
async def _(
    run: Run,
    *,
    application: str = "secrets/api",
    server: str = "secrets/database",
    application_uid: int = APPLICATION_UID,
    server_uid: int = SERVER_UID,
) -> Finding:
    files = SecretFiles(
        run=run,
        application=application,
        server=server,
        application_uid=application_uid,
        server_uid=server_uid,
    )
    problems = files.problems()
    if not problems:
        files.register()
        return run.done(f"{', '.join(files.wanted)}: 0600, each its container's")
    if not files.any():
        return run.not_done("there are no secrets yet")
    # What is missing is made, and what is there is kept: running it again is always right.
    return run.not_done("; ".join(problems))


@effect
async def separate(run: Run, *, script: str = "pg_audit.sql", folder: str = "database") -> None:
    """Part superuser, migrations and application in the running database, by the init scripts."""
    names = Names.of(run)
    await run.database.superuser(
        "SET client_min_messages = warning;\n" + run.files.read(script).decode(), secret=True
    )
    await run.database.superuser(
        "SET client_min_messages = warning;\n" + run.files.read(f"{folder}/superuser.sql").decode(),
        transaction=False,
        secret=True,
    )
    run.log(f"{names.owner} owns the schema, {names.application} reads and writes rows")


@separate.check
async def _(run: Run, **_: Any) -> Finding:
    names = Names.of(run)
    problems = await _problems(run, names)
    if not problems:
        return run.done(f"{names.owner} owns, {names.application} uses")
    # The scripts end the same from any state in between.
    return run.not_done("; ".join(problems))


@separate.blast_radius
async def _(run: Run, **_: Any) -> list[Affected]:
    names = Names.of(run)
    owner, reader, application = (
        sql.text(role) for role in (names.owner, names.reader, names.application)
    )
    rows = await run.database.query(
        f"""SELECT wanted AS role, 'is made' AS how
            FROM unnest(ARRAY[{owner}, {reader}]) wanted
            WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
            UNION ALL
            SELECT {owner}, 'gets a password' WHERE NOT EXISTS (
                SELECT FROM pg_authid WHERE rolname = {owner}
                AND left(rolpassword, 14) = 'SCRAM-SHA-256$')
            UNION ALL
            SELECT rolname, 'loses ' || what FROM pg_roles, LATERAL (VALUES
                (rolsuper, 'SUPERUSER'), (rolcreaterole, 'CREATEROLE'), (rolcreatedb, 'CREATEDB'),
                (rolreplication, 'REPLICATION'), (rolbypassrls, 'BYPASSRLS')) AS flags (set, what)
            WHERE rolname = {application} AND set""",
        superuser=True,
    )
    owned = await run.database.query(
        f"""SELECT count(*) AS owned FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
            WHERE r.rolname = {application} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')""",
        superuser=True,
    )
    found = [Affected(kind="role", name=str(role), how=str(how)) for role, how in rows]
    if number := int(owned[0][0]):
        how = f"are {names.owner}'s from then on"
        found.append(
            Affected(kind="objects", name=f"of {names.application}", how=how, amount=number)
        )
    return found


async def _problems(run: Run, names: Names) -> list[str]:
    application, owner = sql.text(names.application), sql.text(names.owner)
    rows = await run.database.query(
        f"""SELECT 'role ' || wanted || ' is missing' AS problem
            FROM unnest(ARRAY[{owner}, {sql.text(names.reader)}, {application}]) wanted
            WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)
            UNION ALL
            SELECT rolname || ' may ' || what FROM pg_roles, LATERAL (VALUES
                (rolsuper, 'everything'), (rolcreaterole, 'create roles'),
                (rolcreatedb, 'create databases'), (rolreplication, 'replicate'),
                (rolbypassrls, 'see every row')) AS flags (set, what)
            WHERE rolname = {application} AND set
            UNION ALL
            SELECT {owner} || ' has no password' FROM pg_authid
            WHERE rolname = {owner} AND coalesce(left(rolpassword, 14), '') <> 'SCRAM-SHA-256$'
            UNION ALL
            SELECT {application} || ' owns ' || c.oid::regclass FROM pg_class c
            JOIN pg_roles r ON r.oid = c.relowner
            WHERE r.rolname = {application} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
            UNION ALL
            SELECT {application} || ' owns the database ' || datname FROM pg_database
            JOIN pg_roles r ON r.oid = datdba WHERE r.rolname = {application}
            UNION ALL
            SELECT {application} || ' may create in ' || nspname FROM pg_namespace, pg_roles
            WHERE rolname = {application} AND nspname !~ '^pg_temp'
              AND has_schema_privilege(rolname, nspname, 'CREATE')
            UNION ALL
            SELECT {application} || ' is a member of ' || g.rolname FROM pg_auth_members a
            JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
            WHERE m.rolname = {application}
            UNION ALL
            SELECT 'pgaudit is missing in ' || current_database()
            WHERE NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pgaudit')""",
        superuser=True,
    )
    return [problem for (problem,) in rows]


@check
async def least_privilege(run: Run, *, schema: str = "public") -> None:
    """Find the application without any right beyond rows, and refused where it tries."""
    names = Names.of(run)
    problems = await _problems(run, names)
    run.require("the application owns and may no more than it needs", not problems,
                "; ".join(problems) or "rows only")  # fmt: skip
    for what, statement in {
        "read a file of the server": "SELECT pg_read_file('PG_VERSION')",
        "switch triggers off": "SET session_replication_role = replica",
        "make a table": f"CREATE TABLE {schema}.runbook_probe_t (a int)",
        "read the audit trail": f"SELECT count(*) FROM {AUDIT_SCHEMA}.audit_log",
        "read ciphertext": f"SELECT count(*) FROM {schema}.encrypted_data",
    }.items():
        try:
            await _control(run, what, statement)
        except NotMeasured as error:
            if not problems:
                raise
            run.log(error.message)  # it has failed already, and that is what counts
            continue
        await refused(run, f"the application can't {what}", statement)


class _Undone(Exception):
    """Ends a transaction without a trace."""


async def refused(run: Run, name: str, statement: str) -> None:
    """Find the plan's account refused for want of the right, and for nothing else.

    What it is not refused is undone.
    """
    try:
        async with run.database.transaction() as t:
            await t.execute(statement)
            raise _Undone
    except _Undone:
        run.require(name, False, "it was let through")
    except DatabaseRefused as error:
        if error.sqlstate != "42501":
            raise NotMeasured(f"{name}: refused for another reason: {error.message}") from error
        run.require(name, True, error.message)


async def _control(run: Run, what: str, statement: str) -> None:
    """Let the statement succeed as superuser, so that a refusal means the right."""
    script = f"BEGIN;\n{statement};\nROLLBACK;\n"
    try:
        await run.database.superuser(script, transaction=False)
    except DatabaseRefused as error:
        raise NotMeasured(f"Not even a superuser can {what}: {error.message}") from error


def superuser_script(names: Names, *, schema: str, bootstrap: str) -> str:
    """Render what only a superuser can do; `bootstrap` is the cluster's first superuser."""
    return sql.render(
        "superuser.sql",
        application=names.application,
        owner=names.owner,
        reader=names.reader,
        database=names.database,
        schema=schema,
        reassign=names.application != bootstrap,
        verifier_file=f"{SECRETS}/{VERIFIER}",
    )
