"""Running a target's Alembic, in a throwaway container of the application's image."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from actions import _database_sql as sql
from actions._database_access import SECRETS, Access, container_of
from actions._database_names import OWNER_PASSWORD
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ExecResult

LIMIT = timedelta(minutes=8)
_LOST = re.compile(
    r"connection (is lost|has been closed)|closed the connection|terminating connection"
    r"|consuming input failed|could not receive data|connection timed out",
    re.IGNORECASE,
)
"""What psycopg and psycopg2 say of a connection that ended under them."""
_START = 'cd "$1" && shift && exec "$@"'
_REVISION = """
SELECT coalesce(string_agg(version_num, ' ' ORDER BY version_num), '') AS at
FROM {}"""


async def alembic(
    run: Run,
    access: Access,
    do: str,
    *,
    revision: str = "",
    database: str = "",
    lose: Sequence[str] = (),
    ini: str = "alembic.ini",
    log: bool = True,
) -> ExecResult:
    """Do `upgrade`, `downgrade` or `check` as the migrations' role.

    In a container of its own, so that it does not matter whether the application runs.

    Raises:
        NotMeasured: it failed, and a container that it needs is attached to no network.
    """
    container = await container_of(run, access.service)
    environment, mounts = access.as_run(run, container)
    order = {
        "do": do,
        "revision": revision,
        "ini": ini,
        "x": [f"lose={','.join(lose)}"] if lose else [],
        "user": access.names.owner,
        "password_file": f"{SECRETS}/{OWNER_PASSWORD}",
        "host": access.names.service,
        "port": 5432,
        "database": database or access.names.database,
    }
    config = container.raw.get("Config", {})
    folder = str(config.get("WorkingDir") or access.root)
    result = await run.containers.run_once(
        container.image,
        [folder, "python3", "-c", _program(), json.dumps(order)],
        entrypoint=["sh", "-c", _START, "sh"],
        network=next(iter(container.addresses), "") or _network(container.raw),
        mounts=mounts,
        environment=environment,
        user=str(config.get("User", "")),
        timeout=LIMIT,
        log=log,
    )
    if not result.ok:
        for service in (access.service, access.names.service):
            (await container_of(run, service)).must_be_attached()
    return result


def must(result: ExecResult, what: str, hint: str) -> None:
    """Go on only when Alembic did it.

    Raises:
        ActionError: it did not; with its last line.
    """
    if not result.ok:
        said = (result.stderr or result.stdout).decode("utf-8", "replace").strip()
        last = said.splitlines()[-1] if said else "no output"
        if _LOST.search(last):
            raise ActionError(
                f"The connection to the database was lost in the middle of this: {what}: {last}",
                hint="The server ended or was restarted, and its log says why; or the way to it"
                " broke. It undoes what had not been committed; then try again.",
            )
        raise ActionError(f"{what} failed: {last}", hint=hint)


async def revision(run: Run) -> str:
    """Return the revision that the database is at, whichever schema says so; empty without."""
    told = await run.database.query(
        "SELECT c.oid::regclass::text AS place FROM pg_class c WHERE c.relname = 'alembic_version' "
        "AND c.relkind = 'r' ORDER BY 1",
        superuser=True,
    )
    found: list[tuple[object, ...]] = []
    for (place,) in told:
        found += await run.database.query(_REVISION.format(place), superuser=True)
    return " ".join(sorted({str(at) for (at,) in found if at}))


def _program() -> str:
    return (Path(sql.TEMPLATES) / "alembic_runner.py.j2").read_text(encoding="utf-8")


def _network(raw: object) -> str:
    networks = raw.get("NetworkSettings", {}).get("Networks", {}) if isinstance(raw, dict) else {}
    return next(iter(networks), "")
