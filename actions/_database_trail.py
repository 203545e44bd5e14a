"""What the audit trail records of a probe's table, and of which tables."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from typing import Any

from actions import _database_sql as sql
from actions._database_names import AUDIT_SCHEMA, Names
from runbook_app.ports.action import Run

_TRIGGERS = """
SELECT tgname, tgenabled, tgtype FROM pg_trigger
WHERE tgrelid = to_regclass({table}) AND NOT tgisinternal
  AND tgname IN ('audit_rows', 'audit_truncate')
ORDER BY 1"""


async def attached(run: Run, schema: str, table: str) -> str:
    """Say what a table's audit lacks; empty for nothing."""
    rows = await run.database.query(
        _TRIGGERS.format(table=sql.text(f"{schema}.{table}")), superuser=True
    )
    found = {name: (enabled, kind) for name, enabled, kind in rows}
    lacks = [name for name in ("audit_rows", "audit_truncate") if name not in found]
    lacks += [f"{name} is not always enabled" for name, (on, _) in found.items() if on != "A"]
    # 4, 8 and 16 are INSERT, DELETE and UPDATE in pg_trigger.tgtype.
    if "audit_rows" in found and found["audit_rows"][1] & 28 != 28:
        lacks.append("audit_rows misses an operation")
    return ", ".join(lacks)


async def probe_operations(
    run: Run, names: Names, table: str, secrets: str
) -> list[tuple[Any, ...]]:
    """Do each operation on a table that is gone at the end; return its rows in the trail.

    Those stay, as every row there does: they say which session they are of.
    """
    async with run.database.transaction(login=await names.as_owner(run, secrets)) as t:
        await t.execute("SELECT set_config('application_name', %s, true)", [tag(run)])
        await t.execute(f"CREATE TABLE {table} (id int, note text, secret text)")
        await t.execute(
            f"CREATE TRIGGER audit_rows AFTER INSERT OR UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {AUDIT_SCHEMA}.record('secret')"
        )
        await t.execute(
            f"CREATE TRIGGER audit_truncate AFTER TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {AUDIT_SCHEMA}.record()"
        )
        await t.execute(f"INSERT INTO {table} VALUES (1, 'shown', 'hidden')")
        await t.execute(f"UPDATE {table} SET note = 'shown too'")
        await t.execute(f"DELETE FROM {table}")
        await t.execute(f"TRUNCATE {table}")
        rows = await t.execute(
            "SELECT operation, actor::text, before, after, application "
            f"FROM {AUDIT_SCHEMA}.audit_log WHERE table_name = %s ORDER BY id",
            [table],
        )
        await t.execute(f"DROP TABLE {table}")
    return list(rows)


def tag(run: Run) -> str:
    """What a probe calls itself, in the trail and in the server's log; at most 63 letters count."""
    return f"runbook probe {run.session}"[:63]
