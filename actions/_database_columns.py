"""Whether columns can be encrypted and tables audited: what would stand in the way."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from collections.abc import Mapping, Sequence

from actions import _database_sql as sql
from runbook_app.ports.action import Run

SHORTEST = 16
"""Characters that a token may have: `enc:` and a number."""

_COLUMN = """
SELECT format_type(a.atttypid, a.atttypmod) AS type,
       a.atttypid IN ('text'::regtype, 'varchar'::regtype) AS is_text,
       CASE WHEN a.atttypmod > 0 THEN a.atttypmod - 4 END AS length,
       coalesce((SELECT string_agg(i.indexrelid::regclass::text, ', ') FROM pg_index i
                 WHERE i.indrelid = a.attrelid
                   AND (a.attnum = ANY (i.indkey) OR pg_get_indexdef(i.indexrelid)
                        ~ ('\\m' || a.attname || '\\M'))), '') AS indexes,
       coalesce((SELECT string_agg(c.conname, ', ') FROM pg_constraint c
                 WHERE c.conrelid = a.attrelid AND a.attnum = ANY (c.conkey)), '') AS constraints,
       coalesce((SELECT string_agg(DISTINCT r.ev_class::regclass::text, ', ') FROM pg_depend d
                 JOIN pg_rewrite r ON r.oid = d.objid AND d.classid = 'pg_rewrite'::regclass
                 WHERE d.refobjid = a.attrelid AND d.refobjsubid = a.attnum), '') AS views,
       a.attgenerated <> '' AS generated
FROM pg_attribute a WHERE a.attrelid = to_regclass({table}) AND a.attname = {column}
  AND NOT a.attisdropped"""


async def examine(
    run: Run,
    *,
    columns: Mapping[str, Sequence[str]],
    audited: Mapping[str, Sequence[str]],
    schema: str,
) -> list[str]:
    """Say what is in the way, one line each."""
    sql.plain("schema", schema)
    found = []
    for table, names in columns.items():
        sql.plain("table", table)
        sql.plain("column", *names)
        for name in names:
            found += await _column(run, schema, table, name)
    for table, names in audited.items():
        sql.plain("table", table)
        sql.plain("column", *names)
        for name in ["", *names]:
            found += await _exists(run, schema, table, name)
    return found


async def _column(run: Run, schema: str, table: str, column: str) -> list[str]:
    question = _COLUMN.format(table=sql.text(f"{schema}.{table}"), column=sql.text(column))
    rows = await run.database.query(question, superuser=True)
    where = f"{schema}.{table}.{column}"
    if not rows:
        return [f"{where} does not exist"]
    kind, is_text, length, indexes, constraints, views, generated = rows[0]
    problems = []
    if not is_text or (length is not None and length < SHORTEST):
        problems.append(f"{where} is {kind}; a token needs text of {SHORTEST} characters")
    if indexes:
        problems.append(f"{where} is in the index {indexes}, which would hold tokens")
    if constraints:
        problems.append(f"{where} is in the constraint {constraints}, which would see tokens")
    if views:
        problems.append(f"{where} is read by the view {views}, which would show tokens")
    if generated:
        problems.append(f"{where} is computed from others")
    return problems


async def _exists(run: Run, schema: str, table: str, column: str) -> list[str]:
    has = f"a.attname = {sql.text(column)}" if column else "true"
    rows = await run.database.query(
        "SELECT count(*) AS found FROM pg_attribute a "
        f"WHERE a.attrelid = to_regclass({sql.text(f'{schema}.{table}')}) AND {has}",
        superuser=True,
    )
    name = f"{schema}.{table}.{column}".rstrip(".")
    return [] if rows[0][0] else [f"{name} does not exist"]
