"""What steps touch beside what they are for: containers, connections, tables; told, not changed."""

# ruff: noqa: S608 - names are plain identifiers or quoted, values are bound or quoted
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from actions import _database_sql as sql
from runbook_app.domain.blast import Affected
from runbook_app.ports.action import Run
from runbook_app.ports.database import DatabaseSession

MADE = "is made"
"""The one change that takes nothing from anybody."""


async def stack(run: Run, timeout: timedelta, anew: Iterable[str] = ()) -> list[Affected]:
    """Whom bringing the project up touches: containers, clients of the database, time away.

    `anew` are services whose part of the Compose file the step changes before that; `timeout` is
    what bounds the time away.
    """
    pending = await run.compose.pending(*anew)
    found = [Affected(kind="container", name=c.name, how=c.change) for c in pending]
    away = list(dict.fromkeys(c.service for c in pending if c.change != MADE))
    if run.plan.target.database.service in away:
        found += connections(await clients(run))
    return found + [
        Affected(
            kind="downtime",
            name=f"of {service}",
            how="until it is healthy again, at most",
            amount=round(timeout.total_seconds()),
            unit="s",
        )
        for service in away
    ]


async def clients(run: Run) -> Sequence[DatabaseSession]:
    """Who is connected; nobody, where the database does not run."""
    there = await runs(run, run.plan.target.database.service)
    return await run.database.sessions() if there else []


async def runs(run: Run, service: str) -> bool:
    """Whether a service has a container that runs, as none does that is being made anew."""
    container = await run.containers.find(service)
    return container is not None and container.status == "running"


def connections(sessions: Iterable[DatabaseSession]) -> list[Affected]:
    """Clients that will be dropped, counted by account, application and database."""
    counted = Counter((s.user, s.application, s.database) for s in sessions)
    return [
        Affected(
            kind="connections",
            name=f"of {user or 'nobody'}"
            + (f" ({application})" if application else "")
            + (f" to {database}" if database else ""),
            how="are dropped",
            amount=number,
            passing=True,
        )
        for (user, application, database), number in sorted(counted.items())
    ]


async def tables(run: Run, schema: str, names: Iterable[str], how: str) -> list[Affected]:
    """These tables with their rows, counted now."""
    found = []
    for name in names:
        rows = await run.database.query(
            f"SELECT count(*) AS rows FROM {sql.name(schema)}.{sql.name(name)}", superuser=True
        )
        found.append(
            Affected(
                kind="table",
                name=f"{schema}.{name}",
                how=how,
                amount=int(rows[0][0]),
                unit="rows",
            )
        )
    return found
