"""Moving a schema: rehearsed first, the application kept out, and taken back when it fails."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from actions import _database_sql as sql
from actions._database_access import Access
from actions._database_alembic import alembic, must, revision
from actions._database_names import Names
from runbook_app.ports.action import Run

POLL = 0.2
"""Seconds."""


async def rehearse(run: Run, access: Access) -> None:
    """Run the whole chain on an empty database; nothing real is touched when it fails."""
    scratch = f"runbook_probe_{uuid.uuid4().hex[:12]}"
    try:
        await create(run, access.names, scratch)
        result = await alembic(run, access, "upgrade", revision="head", database=scratch)
    finally:
        await drop(run, scratch)
    must(result, "The chain on an empty database", "Nothing was changed. Mend the migrations.")


async def create(run: Run, names: Names, database: str) -> None:
    """Make an empty database, as the migrations' role would make one."""
    await run.database.superuser(
        f"CREATE DATABASE {sql.name(database)} OWNER {sql.name(names.owner)};", transaction=False
    )


async def drop(run: Run, database: str) -> None:
    await run.database.superuser(
        f"DROP DATABASE IF EXISTS {sql.name(database)} WITH (FORCE);", transaction=False
    )


async def upgrade(run: Run, access: Access, before: str) -> None:
    """Bring the schema to the newest migration, or leave it at `before`."""
    result = await alembic(run, access, "upgrade", revision="head")
    if result.ok:
        return
    reached = await revision(run)
    if reached != before:
        goal = before or "base"
        back = await alembic(run, access, "downgrade", revision=goal, lose=["audit_log"])
        must(back, f"Taking {reached} back", "Roll the item back.")
    must(result, "alembic upgrade head", f"The chain is at {before}, as before.")


async def door(run: Run, names: Names, *, opened: bool) -> None:
    """Let the application's role in, or nobody of it, whoever is in included."""
    if opened:
        await run.database.superuser(f"ALTER ROLE {sql.name(names.application)} LOGIN;")
        return
    await shut_out(run, names.application)
    run.log(f"{names.application} is kept out until the schema has moved")


async def shut_out(run: Run, role: str) -> None:
    await run.database.superuser(
        f"""ALTER ROLE {sql.name(role)} NOLOGIN;
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE usename = {sql.text(role)};""",
        transaction=False,
    )


async def may_sign_in(run: Run, role: str) -> bool:
    rows = await run.database.query(
        f"SELECT rolcanlogin FROM pg_roles WHERE rolname = {sql.text(role)}", superuser=True
    )
    return bool(rows and rows[0][0])


async def switch(run: Run, access: Access, timeout: timedelta) -> None:
    """Bring the application up anew, and let it in only once its old container is gone."""
    before = await run.containers.find(access.service)
    up = asyncio.ensure_future(run.compose.up(timeout=timeout))
    try:
        while not up.done():
            await asyncio.wait({up}, timeout=POLL)
            now = await run.containers.find(access.service)
            if before is None or now is None or now.id != before.id:
                break
        await door(run, access.names, opened=True)
        await up
    except BaseException:
        up.cancel()
        await asyncio.wait({up})
        await door(run, access.names, opened=True)
        raise
