"""The audit trail: its script, its lines in the server's log, its rows, and that they stay."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from actions import _compose_parts as parts
from actions import _database_sql as sql
from actions._database_log import log_so_far
from actions._database_names import AUDIT_SCHEMA, Names
from actions._database_server import INIT
from actions._database_trail import attached, probe_operations, tag
from actions.database_roles import COMMENT, superuser_script
from runbook_app.domain.errors import DatabaseRefused, NotMeasured
from runbook_app.domain.measure import Finding
from runbook_app.ports.action import Run, effect, probe

TRAIL = f"{AUDIT_SCHEMA}.audit_log"
SECRETS = "secrets/api"


@effect
async def init_script(
    run: Run,
    *,
    path: str = "pg_audit.sql",
    folder: str = "database",
    schema: str = "public",
) -> None:
    """Write the scripts of a fresh volume, and mount them into the database's container."""
    names = Names.of(run)
    for script, content in (await _scripts(run, names, path, folder, schema)).items():
        await run.files.write(script, content.encode(), mode=0o644)

    def mount(document: Any) -> None:
        service = parts.service(document, names.service)
        for source, place in _places(path, folder).items():
            parts.mount(service, source, place)

    await run.compose.edit(mount)


@init_script.check
async def _(
    run: Run, *, path: str = "pg_audit.sql", folder: str = "database", schema: str = "public"
) -> Finding:
    names = Names.of(run)
    wanted = await _scripts(run, names, path, folder, schema)
    written = [
        script
        for script, content in wanted.items()
        if run.files.exists(script) and run.files.read(script) == content.encode()
    ]
    service = parts.service(run.compose.document(), names.service)
    places = _places(path, folder)
    mounted = [source for source, place in places.items() if parts.mounted(service, source, place)]
    if len(written) == len(wanted) and len(mounted) == len(places):
        return run.done(f"{', '.join(wanted)} written and mounted")
    if not written and not mounted:
        return run.not_done(f"there is no {path}")
    return run.partly(f"written: {', '.join(written)}; mounted: {', '.join(mounted)}")


def _places(path: str, folder: str) -> Mapping[str, str]:
    return {
        path: f"{INIT}/10-pg_audit.sql",
        f"{folder}/superuser.sql": f"{INIT}/20-superuser.sql",
    }


async def _scripts(run: Run, names: Names, path: str, folder: str, schema: str) -> dict[str, str]:
    rows = await run.database.query("SELECT rolname FROM pg_roles WHERE oid = 10", superuser=True)
    return {
        path: sql.render(
            "pg_audit.sql",
            owner=names.owner,
            reader=names.reader,
            audit_schema=AUDIT_SCHEMA,
            comment=COMMENT,
        ),
        f"{folder}/superuser.sql": superuser_script(
            names, schema=schema, bootstrap=str(rows[0][0])
        ),
    }


@effect
async def remove(run: Run) -> None:
    """Take away what no migration takes away: pgaudit, and the trail's empty schema."""
    if not await _left(run):
        run.log("nothing of it is there")
        return
    before = _before(run)
    gone = "" if "pgaudit" in before else "DROP EXTENSION IF EXISTS pgaudit;\n"
    schema = f"""DO $$ BEGIN
        IF obj_description(to_regnamespace('{AUDIT_SCHEMA}')::oid, 'pg_namespace')
            = {sql.text(COMMENT)} THEN
            DROP FUNCTION IF EXISTS {AUDIT_SCHEMA}.record(), {AUDIT_SCHEMA}.refuse_change();
            DROP SCHEMA {AUDIT_SCHEMA};
        END IF; END $$;
        """
    await run.database.superuser("SET client_min_messages = warning;\n" + schema + gone)
    if gone:
        await run.database.superuser(gone, database="template1")


@remove.check
async def _(run: Run) -> Finding:
    left = await _left(run)
    return run.partly("; ".join(left)) if left else run.done("pgaudit and the trail are gone")


async def _left(run: Run) -> list[str]:
    left = []
    for database in ("", "template1"):
        rows = await run.database.query(
            "SELECT extname FROM pg_extension WHERE extname = 'pgaudit'",
            database=database,
            superuser=True,
        )
        if rows and "pgaudit" not in _before(run):
            left.append(f"pgaudit in {database or 'the database'}")
    rows = await run.database.query(
        f"SELECT obj_description(to_regnamespace('{AUDIT_SCHEMA}')::oid, 'pg_namespace') AS said",
        superuser=True,
    )
    if rows[0][0] == COMMENT:
        left.append(f"the schema {AUDIT_SCHEMA}")
    return left


def _before(run: Run) -> list[str]:
    """Extensions that were there at the checkpoint."""
    stated = run.previous("extensions before")
    return str(stated[-1][1].value).split(",") if stated else []


@probe
async def server_log(run: Run) -> None:
    """Find pgaudit's lines in the server's log for a definition and a write."""
    names = Names.of(run)
    table = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    async with run.database.transaction(login=await names.as_owner(run, SECRETS)) as t:
        await t.execute("SELECT set_config('application_name', %s, true)", [tag(run)])
        await t.execute(f"CREATE TABLE {table} (a int)")
        await t.execute(f"INSERT INTO {table} VALUES (1)")
        await t.execute(f"DROP TABLE {table}")
    log = await log_so_far(run)
    lines = [line for line in log.splitlines() if "AUDIT:" in line and table in line]
    for kind in ("DDL,CREATE TABLE", "WRITE,INSERT", "DDL,DROP TABLE"):
        line = next((line for line in lines if f",{kind}," in line), "")
        run.require(f"server log has {kind}", bool(line), line or "no such line")
    prefix = f"user={names.owner},db={names.database},"
    run.require("the line says who, where and from", all(prefix in line for line in lines), prefix)


@probe
async def log_written(run: Run, *, audited: dict[str, list[str]], schema: str = "public") -> None:
    """Find a row in the trail for each operation, and triggers that nothing switches off."""
    names = Names.of(run)
    for table in audited:
        lacks = await attached(run, schema, table)
        run.require(f"{table} is audited, always", not lacks, lacks or "rows and truncation")
    table = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    rows = await probe_operations(run, names, table, SECRETS)
    seen = {operation: (actor, before, after) for operation, actor, before, after, _ in rows}
    for operation in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
        run.require(
            f"audit_log has {operation}", operation in seen, str(seen.get(operation, "no row"))
        )
    run.equals("rows of the probe", len(rows), 4)
    run.require(
        "the actor is who signed in", all(row[1] == names.owner for row in rows), names.owner
    )
    run.require(
        "its rows say that they are a probe's", all(row[4] == tag(run) for row in rows), tag(run)
    )
    text = json.dumps(rows, default=str)
    run.require("secret columns are left out", "hidden" not in text, "absent")
    run.require("other columns are kept", '"shown"' in text or "shown" in text, "present")
    count = await run.database.query(f"SELECT count(*) AS n FROM {TRAIL}", superuser=True)
    run.measure("audit_log entries", count[0][0], at_least=1)
    for real, left_out in audited.items():
        await _by_the_application(run, names, schema, real, left_out)


async def _by_the_application(
    run: Run, names: Names, schema: str, table: str, left_out: Sequence[str]
) -> None:
    """Let the application's role touch a real row, in a transaction that is undone."""
    columns = await run.database.query(
        "SELECT attname FROM pg_attribute WHERE attrelid = "
        f"{sql.text(f'{schema}.{table}')}::regclass AND attnum > 0 AND NOT attisdropped "
        "AND attidentity = '' AND attgenerated = '' ORDER BY attnum LIMIT 1",
        superuser=True,
    )
    column = sql.name(str(columns[0][0]))
    said = await run.database.superuser(
        f"""BEGIN;
        SET LOCAL SESSION AUTHORIZATION {sql.name(names.application)};
        UPDATE {schema}.{table} SET {column} = {column}
            WHERE ctid = (SELECT ctid FROM {schema}.{table} LIMIT 1);
        RESET SESSION AUTHORIZATION;
        SELECT actor || ' ' || operation, (SELECT string_agg(key, ' ' ORDER BY key)
            FROM jsonb_object_keys(before || after) AS key)
            FROM {TRAIL}
            WHERE transaction = pg_current_xact_id() AND table_name = {sql.text(table)};
        ROLLBACK;""",
        transaction=False,
    )
    who, _, keys = said.strip().partition("\t")
    recorded = keys.split()
    holds = who == f"{names.application} UPDATE" and bool(recorded)
    run.require(
        f"the application's change of {table} is in the trail", holds, said.strip() or "no row"
    )
    if there := [name for name in left_out if name in recorded]:
        run.require(f"{table}: secret columns are left out", False, ", ".join(there))


_COLUMNS = "(actor, operation, table_schema, table_name) VALUES ('x', 'x', 'x', 'x')"
_TAMPERING = {
    "add to": f"INSERT INTO {{}} {_COLUMNS}",
    "change": "UPDATE {} SET actor = 'x'",
    "delete from": "DELETE FROM {}",
    "empty": "TRUNCATE {}",
}


@probe
async def tamper_refused(run: Run) -> None:
    """Find the application unable to change, remove or empty the trail, or to silence it."""
    names = Names.of(run)
    application = f"SET LOCAL SESSION AUTHORIZATION {sql.name(names.application)};\n"
    await _tamper_with_a_copy(run, application, sql.name(names.application))
    for verb, statement in _TAMPERING.items():
        name = f"the application can't {verb} the trail"
        await _refused(run, name, application + statement.format(TRAIL))
    silence = f"ALTER TABLE {TRAIL} DISABLE TRIGGER ALL"
    await _refused(run, "the application can't silence the trail", application + silence)
    owner = f"SET LOCAL ROLE {sql.name(names.owner)};\nINSERT INTO {TRAIL} {_COLUMNS};\n"
    for verb in ("change", "delete from", "empty"):
        name = f"not even its owner can {verb} the trail"
        await _refused(run, name, owner + _TAMPERING[verb].format(TRAIL))


async def _tamper_with_a_copy(run: Run, as_application: str, application: str) -> None:
    """Let each statement succeed on a trail that is open.

    Raises:
        NotMeasured: one does not, so that its refusal would mean nothing.
    """
    copy = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    statements = "".join(f"{statement.format(copy)};\n" for statement in _TAMPERING.values())
    script = f"""CREATE TABLE {copy} (LIKE {TRAIL} INCLUDING DEFAULTS INCLUDING IDENTITY);
        GRANT ALL ON {copy} TO {application};
        {as_application}{statements}"""
    try:
        await _undone(run, script)
    except DatabaseRefused as error:
        raise NotMeasured(
            f"Not even an open trail can be changed by this probe: {error.message}"
        ) from error
    run.measure("control", "the same statements change an open copy of the trail")


async def _refused(run: Run, name: str, script: str) -> None:
    try:
        await _undone(run, script)
    except DatabaseRefused as error:
        run.require(name, error.sqlstate == "42501", error.message)
    else:
        run.require(name, False, "it was let through")


async def _undone(run: Run, script: str) -> None:
    """Run statements as superuser, and undo them."""
    await run.database.superuser(f"BEGIN;\n{script};\nROLLBACK;\n", transaction=False)
