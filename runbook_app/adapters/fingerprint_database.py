"""The database's part of a fingerprint: structure, roles, settings, and the rows of one moment."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runbook_app.adapters.project_state import digest, value
from runbook_app.domain.fingerprint import Exclusion, Table

if TYPE_CHECKING:
    import psycopg

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

_FORMAT = (
    # What the text of a row depends on.
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL row_security = off",
)

_EVERYBODY = {
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
               d.datcollate, d.datctype, d.datallowconn, d.datconnlimit, d.datacl::text[])
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

_SUPERUSER = {
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
}
_NEVER_SHOWN = re.compile(r"^password:|conninfo|passphrase|password", re.IGNORECASE)

_TABLES = """
    SELECT n.nspname, c.relname, c.relkind, has_table_privilege(c.oid, 'SELECT')
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
      AND (c.relkind <> 'm' OR c.relispopulated)
    ORDER BY 1, 2"""


class DatabaseState:
    """What one transaction saw."""

    def __init__(self) -> None:
        self.fields: dict[str, str] = {}
        self.tables: dict[str, Table] = {}
        self.exclusions: list[Exclusion] = list(EXCLUSIONS)

    def read(self, connection: psycopg.Connection[Any]) -> DatabaseState:
        """Read everything in the connection's transaction; blocks."""
        for statement in _FORMAT:
            connection.execute(statement.encode())
        for kind, sql in _EVERYBODY.items():
            self._add(connection, kind, sql)
        self._add_superuser(connection)
        for schema, name, kind, readable in connection.execute(_TABLES).fetchall():
            full = f"{schema}.{name}"
            if readable:
                self._add_rows(connection, full, schema, name, only=kind == "r")
            else:
                self._leave_out(f"rows of {full}")
        return self

    def _add(self, connection: psycopg.Connection[Any], kind: str, sql: str) -> None:
        for name, found in connection.execute(sql.encode()).fetchall():
            field = f"{kind}:{name}"
            hidden = _NEVER_SHOWN.search(field) is not None
            self.fields[field] = digest(value(found)) if hidden else value(found)

    def _add_superuser(self, connection: psycopg.Connection[Any]) -> None:
        super_ = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        for kind, sql in _SUPERUSER.items():
            if super_ and super_[0]:
                self._add(connection, kind, sql)
            else:
                self._leave_out(f"{kind} of the database server")

    def _leave_out(self, field: str) -> None:
        reason = "the plan's database account may not read it"
        self.exclusions.append(Exclusion(field=field, reason=reason))

    def _add_rows(
        self, connection: psycopg.Connection[Any], full: str, schema: str, name: str, *, only: bool
    ) -> None:
        from psycopg.sql import SQL, Identifier

        source = SQL("FROM {}{} AS __row").format(
            SQL("ONLY " if only else ""), Identifier(schema, name)
        )
        few = connection.execute(
            SQL("SELECT md5((__row.*)::text) {} LIMIT %s").format(source), (ROWS + 1,)
        ).fetchall()
        if len(few) <= ROWS:
            self.tables[full] = Table(rows=tuple(sorted(row for (row,) in few)))
        else:
            many = connection.execute(
                SQL(
                    "SELECT count(*) || ' rows, checksum ' ||"
                    " sum(('x' || left(md5((__row.*)::text), 15))::bit(60)::bigint) {}"
                ).format(source)
            ).fetchone()
            self.fields[f"rows:{full}"] = str(many[0]) if many else ""
        if name == "alembic_version":
            found = connection.execute(SQL("SELECT version_num {} ORDER BY 1").format(source))
            self.fields["alembic revision"] = " ".join(row for (row,) in found.fetchall())


_HEAD = re.compile(
    r"^-- (?:Data for )?Name: (?P<name>.*); Type: (?P<type>.*); Schema: (?P<schema>.*); Owner: .*$",
    re.MULTILINE,
)


def schema_fields(dump: str) -> Iterator[tuple[str, str]]:
    """One field for each object of a schema dump, in the dump's own words as a digest."""
    text = "\n".join(
        line for line in dump.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))
    )
    heads = list(_HEAD.finditer(text))
    yield "schema:preamble", digest(text[: heads[0].start()] if heads else text)
    seen: dict[str, int] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        field = f"schema:{head['type']} {head['schema']}.{head['name']}".replace(" -.", " ")
        seen[field] = seen.get(field, 0) + 1
        end = following.start() if following else len(text)
        number = f" ({seen[field]})" if seen[field] > 1 else ""
        yield field + number, digest(text[head.start() : end].strip())
