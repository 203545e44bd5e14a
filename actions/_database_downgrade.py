"""Taking a schema back: the trail exported first, and nothing lost without the operator's word."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import os
import time

from actions import _database_sql as sql
from actions._database_access import Access
from actions._database_alembic import alembic, must, revision
from actions._database_names import AUDIT_SCHEMA
from actions._database_upgrade import may_sign_in, shut_out
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run

_TRIES = 3
_ABOUT_VALUES = ("Wrong key", "can't be read from", "no token of a stored value")
"""Words of a downgrade that failed because of values, and not of anything else."""


async def take_back(run: Run, access: Access, goal: str) -> None:
    """Downgrade to a revision, and hold it there.

    An application that brings its schema up at each start would undo it if it started meanwhile:
    afterwards nobody migrates any more, until the captures are restored.

    Raises:
        ActionError: it can't be done, or something else keeps on migrating.
    """
    for _ in range(_TRIES):
        owner = access.names.owner
        if not await may_sign_in(run, owner):
            await run.database.superuser(f"ALTER ROLE {sql.name(owner)} LOGIN;")
        await _downgrade(run, access, goal)
        await shut_out(run, owner)
        if await revision(run) == goal:
            return
    raise ActionError(
        "Something brings the schema up again after each downgrade.",
        hint=f"Stop the service {access.service}, then roll back again.",
    )


async def _downgrade(run: Run, access: Access, goal: str) -> None:
    await export_trail(run)
    to, lose = goal or "base", ["audit_log"]
    result = await alembic(run, access, "downgrade", revision=to, lose=lose)
    if not result.ok:
        await _ask_to_lose(run, result.stderr.decode("utf-8", "replace").strip())
        lose.append("encrypted_data")
        result = await alembic(run, access, "downgrade", revision=to, lose=lose)
    must(result, f"alembic downgrade {to}", "Mend the cause, then roll back again.")


async def export_trail(run: Run) -> None:
    """Write the audit trail into the session's folder, one row a line."""
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
    run.log(f"the audit trail, which goes now, is kept as {path}")


async def _ask_to_lose(run: Run, words: str) -> None:
    """Let a person decide about values that nothing can decrypt.

    Raises:
        ActionError: they are not to be lost, or the downgrade failed for another reason.
    """
    if not any(part in words for part in _ABOUT_VALUES):
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
