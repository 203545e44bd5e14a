"""The database's container: whose account its server is, and commands as that account."""

from __future__ import annotations

from collections.abc import Sequence

from actions._database_names import Names
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run
from runbook_app.ports.capabilities import ExecResult

_GREP = 'cd "$1" && shift && grep -rlaF -f - "$@"'


async def directory(run: Run) -> str:
    rows = await run.database.query(
        "SELECT current_setting('data_directory') AS folder", superuser=True
    )
    return str(rows[0][0])


async def account(run: Run) -> str:
    """Name of the operating system's account that the server runs as."""
    found = await run.containers.execute(
        Names.of(run).service, ["stat", "-c", "%U", await directory(run)], log=False
    )
    if not found.ok:
        words = found.stderr.decode("utf-8", "replace").strip()
        raise ActionError(f"The owner of the database's files can't be told: {words}")
    return found.text.strip()


async def execute(run: Run, argv: Sequence[str], *, stdin: bytes = b"") -> ExecResult:
    return await run.containers.execute(
        Names.of(run).service, argv, user=await account(run), stdin=stdin, log=False
    )


async def files_with(run: Run, *values: str) -> list[str]:
    """Files of the cluster that hold any of these texts, its write-ahead log included."""
    folder = await directory(run)
    found = await execute(
        run,
        ["sh", "-c", _GREP, "sh", folder, "base", "global", "pg_wal"],
        stdin="\n".join(values).encode(),
    )
    if found.exit_code not in (0, 1):
        words = found.stderr.decode("utf-8", "replace").strip()
        raise ActionError(f"The database's files can't be searched: {words}")
    return found.text.split()


async def schema_dump(run: Run, database: str) -> str:
    """The structure of a database as SQL, comparable with another."""
    names = Names.of(run)
    for more in (["--restrict-key=fixed"], []):
        argv = ["pg_dump", "--schema-only", f"--username={names.superuser}", *more, database]
        dump = await execute(run, argv)
        if dump.ok:
            lines = dump.text.splitlines()
            return "\n".join(line for line in lines if not line.startswith(("\\restrict", "\\unr")))
    words = dump.stderr.decode("utf-8", "replace").strip()
    raise ActionError(f"The structure of {database} can't be dumped: {words}")
