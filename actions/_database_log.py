"""The database server's log, up to now."""

from __future__ import annotations

import secrets

from actions import _database_sql as sql
from actions._database_names import Names
from actions._log_mark import log_until
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.action import Run

_LINES = 5000


async def log_so_far(run: Run) -> str:
    """Read its last lines, with all that has happened until now.

    A statement is logged for it, and waited for.

    Raises:
        NotMeasured: it is not logged, so that nothing else that is missing would mean anything.
    """
    mark = f"canary-{secrets.token_hex(12)}"
    await run.database.superuser(
        f"SET log_statement = 'all';\nSELECT {sql.text(mark)};", transaction=False
    )
    log = await log_until(run, Names.of(run).service, mark, tail=_LINES)
    if mark not in log:
        raise NotMeasured("A statement that the server was told to log is not in its log.")
    return log
