"""What is in a database's tables, at one moment: row counts, checksums and primary keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runbook_app.adapters.psql import Psql
from runbook_app.ports.database import TableSum

KEYS = 50_000
"""Rows of a table up to which each primary key is remembered."""

FORMAT = (
    # What the text of a row depends on.
    "SET LOCAL TimeZone = 'UTC'",
    "SET LOCAL DateStyle = 'ISO, YMD'",
    "SET LOCAL IntervalStyle = 'iso_8601'",
    "SET LOCAL extra_float_digits = 1",
    "SET LOCAL bytea_output = 'hex'",
    "SET LOCAL search_path = pg_catalog",
    "SET LOCAL row_security = off",
)

CHECKSUM = "coalesce(sum(('x' || left(md5((__row.*)::text), 15))::bit(60)::bigint), 0)::text"

_TABLES = """
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p'
      AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'
      AND (c.relkind <> 'm' OR c.relispopulated)"""
_SUMS = f"""
SELECT format($query$SELECT json_build_array(%L, count(*), {CHECKSUM}) FROM %s%I.%I AS __row$query$,
              n.nspname || '.' || c.relname, CASE c.relkind WHEN 'r' THEN 'ONLY ' END,
              n.nspname, c.relname)
{_TABLES} ORDER BY n.nspname, c.relname \\gexec
"""  # noqa: S608 - constants of ours
_KEYS = f"""
SELECT format($query$SELECT json_build_array(%L, json_build_array(%s)) FROM ONLY %I.%I
              LIMIT {KEYS + 1}$query$,
              n.nspname || '.' || c.relname,
              (SELECT string_agg(format('%I::text', a.attname), ', ' ORDER BY k.place)
               FROM unnest(i.indkey) WITH ORDINALITY AS k (number, place)
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number),
              n.nspname, c.relname)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisprimary AND c.relkind = 'r' AND c.relpersistence = 'p'
  AND n.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY n.nspname, c.relname \\gexec
"""  # noqa: S608 - constants of ours

Keys = dict[str, list[tuple[str, ...]]]


def moment(body: str, snapshot: str = "") -> str:
    """A read-only script in which all statements see one moment."""
    lines = ["BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"]
    if snapshot:
        lines.append(f"SET TRANSACTION SNAPSHOT '{snapshot}';")
    lines += [f"{statement};" for statement in FORMAT]
    return "\n".join([*lines, body, "COMMIT;"])


async def sums(psql: Psql, *, database: str = "", snapshot: str = "") -> dict[str, TableSum]:
    """Rows and checksum of every table of one database, by `schema.table`."""
    said = await _read(psql, moment(_SUMS, snapshot), database)
    return {name: TableSum(rows=rows, checksum=checksum) for name, rows, checksum in said}


async def cluster_sums(psql: Psql) -> dict[str, TableSum]:
    """The same of all databases, by `database.schema.table`."""
    found: dict[str, TableSum] = {}
    for database in await databases(psql):
        for name, table in (await sums(psql, database=database)).items():
            found[f"{database}.{name}"] = table
    return found


async def keys(psql: Psql) -> Keys:
    """Primary keys of the plan's database, by `schema.table`; large tables are left out."""
    found: Keys = {}
    for name, key in await _read(psql, moment(_KEYS), ""):
        found.setdefault(name, []).append(tuple(key))
    return {name: rows for name, rows in found.items() if len(rows) <= KEYS}


async def databases(psql: Psql) -> list[str]:
    rows = await psql.rows("SELECT datname FROM pg_database WHERE datallowconn ORDER BY 1")
    return [str(name) for (name,) in rows]


async def _read(psql: Psql, script: str, database: str) -> list[list[Any]]:
    said = await psql.run(script, database=database, transaction=False, read_only=True)
    return [json.loads(line) for line in said.splitlines()]


def differences(before: Mapping[str, TableSum], after: Mapping[str, TableSum]) -> Iterator[str]:
    """One line each."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old is None:
            yield f"{name}: was not there before"
        elif new is None:
            yield f"{name}: is missing"
        elif old.rows != new.rows:
            yield f"{name}: {new.rows} rows instead of {old.rows}"
        elif old != new:
            yield f"{name}: other content in its {new.rows} rows"
