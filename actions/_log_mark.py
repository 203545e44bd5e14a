"""A container's log with what was written last in it.

The engine stores a line a moment after the container wrote it, later still on a busy machine. What
is asked of a log too early is not there yet: a line that has to be there is missed, and a secret
that must not be there as well.
"""

from __future__ import annotations

import asyncio

from runbook_app.ports.action import Run

LOOKS, PAUSE = 50, 0.2
"""How often a log is looked at, and seconds between."""


async def log_until(run: Run, service: str, mark: str, *, tail: int | None = None) -> str:
    """Read a log, or its last lines, until it has `mark`, and with it all that came before.

    A log that never has it is returned as it is in the end.
    """
    for _ in range(LOOKS):
        log = (await run.containers.logs(service, tail=tail)).decode("utf-8", "replace")
        if mark in log:
            break
        await asyncio.sleep(PAUSE)
    return log
