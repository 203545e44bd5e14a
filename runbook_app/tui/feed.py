"""Keeps reading the session's journal, whatever happens to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from runbook_app.domain.errors import RunbookError
from runbook_app.ports.session import Session

PATIENCE = 2.0
"""Seconds between two tries when the journal can't be read."""


async def follow(
    session: Session, changed: Callable[[], None], fault: Callable[[str], None]
) -> None:
    """Call `changed` after new entries, and `fault` with a text that is empty when all is well."""
    while True:
        try:
            entries = await session.changes(1.0)
        except RunbookError as error:
            fault(str(error))
            await asyncio.sleep(PATIENCE)
            continue
        fault("")
        if entries:
            changed()
