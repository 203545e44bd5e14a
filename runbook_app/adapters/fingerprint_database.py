"""The database's part of a fingerprint: structure, roles, settings, and the rows of one moment."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from datetime import timedelta
from itertools import zip_longest

from runbook_app.adapters.database_sums import CHECKSUM, databases, moment
from runbook_app.adapters.docker import PROBE_PREFIX
from runbook_app.adapters.project_state import digest, value
from runbook_app.adapters.psql import Psql, refusal
from runbook_app.domain.fingerprint import Exclusion, Table

_DUMP_LIMIT = timedelta(minutes=5)

ROWS = 50_000
"""Rows of a table up to which each is compared; a larger one is a count and a checksum."""

EXCLUSIONS = (
    Exclusion(field="sequence positions", reason="advance with every insert, also an undone one"),
    Exclusion(field="rows of other databases of the server", reason="not named by the plan"),
    Exclusion(field="statistics, physical order, dead rows", reason="change by themselves"),
    Exclusion(
        field=f"single rows of tables above {ROWS:,} rows",
        reason="compared as a count and one checksum: a row written since is a difference",
    ),
)

EVERYBODY = {
    "role": """
        SELECT rolname, row_to_json(r)::jsonb - 'oid' - 'rolpassword' - 'rolname' - 'rolconfig'
        FROM pg_roles r WHERE rolname !~ '^pg_'""",
    "membership": """
        SELECT m.rolname || ' in ' || g.rolname,
               row_to_json(a)::jsonb - 'oid' - 'roleid' - 'member' - 'grantor'
        FROM pg_auth_members a
        JOIN pg_roles m ON m.oid = a.member JOIN pg_roles g ON g.oid = a.roleid
        WHERE m.rolname !~ '^pg_'""",
    "role setting": """
        SELECT coalesce(r.rolname, 'all roles') || ' in ' || coalesce(d.datname, 'all databases'),
               setconfig
        FROM pg_db_role_setting s
        LEFT JOIN pg_roles r ON r.oid = s.setrole
        LEFT JOIN pg_database d ON d.oid = s.setdatabase""",
    "database": """
        SELECT d.datname, jsonb_build_array(r.rolname, pg_encoding_to_char(d.encoding),
               d.datcollate, d.datctype, d.datallowconn, d.datconnlimit,
               (SELECT jsonb_agg(acl::text ORDER BY acl::text)
                FROM unnest(coalesce(d.datacl, acldefault('d', d.datdba))) acl))
        FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba""",
    "extension": """
        SELECT extname, extversion || ' in ' || nspname
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace""",
    "setting": """
        SELECT name, coalesce(setting, '') || coalesce(' ' || unit, '') || ' from ' || source
               || CASE WHEN pending_restart THEN ', waits for a restart' ELSE '' END
        FROM pg_settings WHERE source NOT IN ('default', 'override', 'client', 'session')""",
    "large objects": "SELECT 'count', count(*)::text FROM pg_largeobject_metadata",
}

SUPERUSER = {
    "password": """
        SELECT rolname, coalesce(rolpassword, 'none') FROM pg_authid WHERE rolname !~ '^pg_'""",
    "setting in file": """
        SELECT name, string_agg(coalesce(setting, '') || coalesce(' ' || error, ''), '; '
                                ORDER BY seqno)
        FROM pg_file_settings WHERE name IS NOT NULL GROUP BY name""",
    "access rule": """
        SELECT row_number() OVER (ORDER BY line_number)::text,
               row_to_json(h)::jsonb - 'line_number' - 'rule_number' - 'file_name'
        FROM pg_hba_file_rules h""",
    "file in the cluster": """
        SELECT f.name, encode(sha256(pg_read_binary_file(f.name)), 'hex')
        FROM pg_ls_dir('.') f (name) WHERE f.name ~ '[.](conf|crt|key|pem)$'""",
}
_NEVER_SHOWN = re.compile(r"^password:|conninfo|passphrase|password", re.IGNORECASE)

_TABLES = """
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
      AND (c.relkind <> 'm' OR c.relispopulated)"""
_SOURCE = "CASE c.relkind WHEN 'r' THEN 'ONLY ' ELSE '' END, n.nspname, c.relname"
_UNREADABLE = f"""
SELECT json_build_array('unreadable', n.nspname || '.' || c.relname, null)
{_TABLES} AND NOT has_table_privilege(c.oid, 'SELECT') ORDER BY n.nspname, c.relname;
"""
_REVISION = f"""
SELECT format($query$SELECT json_build_array('field', 'alembic revision',
    coalesce(string_agg(version_num, ' ' ORDER BY version_num), '')) FROM %s%I.%I$query$, {_SOURCE})
{_TABLES} AND c.relname = 'alembic_version' AND has_table_privilege(c.oid, 'SELECT') \\gexec
"""  # noqa: S608 - constants of ours


def _rows() -> str:
    """A query that writes the query of each table, and has it run."""
    return f"""
SELECT format($query$
    WITH few AS (SELECT md5((__row.*)::text) AS digest FROM %2$s%3$I.%4$I AS __row LIMIT {ROWS + 1})
    SELECT json_build_array('table', %1$L, null)
    UNION ALL SELECT json_build_array('row', %1$L, digest) FROM few
              WHERE (SELECT count(*) FROM few) <= {ROWS}
    UNION ALL SELECT json_build_array('field', 'rows:' || %1$L,
                  (SELECT count(*) || ' rows, checksum ' || {CHECKSUM} FROM %2$s%3$I.%4$I AS __row))
              WHERE (SELECT count(*) FROM few) > {ROWS}
    $query$, n.nspname || '.' || c.relname, {_SOURCE})
{_TABLES} AND has_table_privilege(c.oid, 'SELECT') ORDER BY n.nspname, c.relname \\gexec
"""  # noqa: S608 - constants of ours


class DatabaseState:
    """What one transaction saw."""

    def __init__(self, kept: Collection[str] = ()) -> None:
        self.fields: dict[str, str] = {}
        self.tables: dict[str, Table] = {}
        self.exclusions: list[Exclusion] = list(EXCLUSIONS)
        self._kept = {f"password:{role}" for role in kept}
        for field in sorted(self._kept):
            reason = "the plan keeps this credential in a rollback (on_rollback: keep)"
            self.exclusions.append(Exclusion(field=field, reason=reason))

    async def read(self, psql: Psql) -> DatabaseState:
        """Read everything but the structure, in one transaction."""
        superuser = (await psql.way()).superuser
        parts = [_field_query(kind, sql) for kind, sql in EVERYBODY.items()]
        for kind, sql in SUPERUSER.items():
            if superuser:
                parts.append(_field_query(kind, sql))
            else:
                self._leave_out(f"{kind} of the database server")
        await self._collect(psql, [*parts, _UNREADABLE, _rows(), _REVISION])
        return self

    async def read_settled(self, psql: Psql) -> DatabaseState:
        """Read what a rollback of the database itself brings back: no rows, and no settings that
        come from elsewhere."""
        queries = {**EVERYBODY, **SUPERUSER}
        await self._collect(psql, [_field_query(kind, queries[kind]) for kind in _SETTLED])
        await self._collect(psql, [_REVISION])
        self.fields |= await structure(psql)
        return self

    async def _collect(self, psql: Psql, parts: Sequence[str]) -> None:
        said = await psql.run(moment("\n".join(parts)), transaction=False, read_only=True)
        rows: dict[str, list[str]] = {}
        for kind, name, found in map(json.loads, said.splitlines()):
            match kind:
                case "field":
                    self._add(name, found)
                case "table":
                    rows[name] = []
                case "row":
                    rows[name].append(found)
                case _:
                    self._leave_out(f"rows of {name}")
        for name, digests in rows.items():
            if f"rows:{name}" not in self.fields:
                self.tables[name] = Table(rows=tuple(sorted(digests)))

    def _add(self, field: str, found: object) -> None:
        if field not in self._kept:
            hidden = _NEVER_SHOWN.search(field) is not None
            self.fields[field] = digest(value(found)) if hidden else value(found)

    def _leave_out(self, field: str) -> None:
        reason = "the plan's database account may not read it"
        self.exclusions.append(Exclusion(field=field, reason=reason))


_SETTLED = (
    *("role", "membership", "role setting", "database", "extension"),
    *("password", "access rule", "file in the cluster"),
)


def _field_query(kind: str, sql: str) -> str:
    return (
        f"SELECT json_build_array('field', '{kind}:' || __f.name, __f.found)"  # noqa: S608 - ours
        f" FROM ({sql}) AS __f (name, found);"
    )


async def structure(psql: Psql) -> dict[str, str]:
    """The schema of the plan's database object by object, that of every other one as a whole."""
    way = await psql.way()
    fields: dict[str, str] = {}
    for database in await databases(psql):
        if database == way.database:
            fields |= dict(schema_fields(await schema_dump(psql, database)))
        elif not database.startswith(PROBE_PREFIX):
            dump = await schema_dump(psql, database)
            fields[f"schema of database {database}"] = digest(_comparable(dump))
    return fields


async def schema_dump(psql: Psql, database: str) -> str:
    way = await psql.way()
    # Newer minor versions put a random token into each dump unless they are given one.
    for more in (["--restrict-key=fixed"], []):
        argv = ["pg_dump", "--schema-only", f"--dbname={database}", *more]
        command = way.command(psql.containers, argv, b"")
        dump = await psql.containers.wait(command, command.run, "pg_dump", _DUMP_LIMIT)
        if dump.ok:
            return dump.text
    raise refusal(dump.stderr)


def _comparable(dump: str) -> str:
    return "\n".join(
        line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )


_HEAD = re.compile(
    r"^-- (?:Data for )?Name: (?P<name>.*); Type: (?P<type>.*); Schema: (?P<schema>.*); Owner: .*$",
    re.MULTILINE,
)


def schema_fields(dump: str) -> Iterator[tuple[str, str]]:
    """One field for each object of a schema dump, in the dump's own words as a digest."""
    text = _comparable(dump)
    heads = list(_HEAD.finditer(text))
    yield "schema:preamble", digest(text[: heads[0].start()] if heads else text)
    seen: dict[str, int] = {}
    for head, following in zip_longest(heads, heads[1:]):
        field = f"schema:{head['type']} {head['schema']}.{head['name']}".replace(" -.", " ")
        seen[field] = seen.get(field, 0) + 1
        end = following.start() if following else len(text)
        number = f" ({seen[field]})" if seen[field] > 1 else ""
        yield field + number, digest(text[head.start() : end].strip())
