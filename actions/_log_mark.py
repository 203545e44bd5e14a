"""A container's log with what was written last in it.

The engine stores a line a moment after the container wrote it, later still on a busy machine. What
is asked of a log too early is not there yet: a line that has to be there is missed, and a secret
that must not be there as well.
"""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

from runbook_app.ports.action import Run

MARK_HEADER = "X-Request-ID"
"""The application logs what a request has there."""
LOOKS, PAUSE = 50, 0.2
"""How often a log is looked at, and seconds between."""


async def log_until(run: Run, service: str, mark: str, *, tail: int = 500) -> str:
    """Read a log's last lines until they have `mark`, and with it all that came before.

    A log that never has it is returned as it is in the end.
    """
    for _ in range(LOOKS):
        log = (await run.containers.logs(service, tail=tail)).decode("utf-8", "replace")
        if mark in log:
            break
        await asyncio.sleep(PAUSE)
    return log


async def request_is_logged(run: Run, service: str, url: str, ca: Path | None) -> bool:
    """Ask for `url`, and wait for that request in the service's log."""
    mark = f"runbook-probe-{uuid.uuid4().hex}"
    await run.http.request("GET", url, ca=ca, headers={MARK_HEADER: mark})
    return mark in await log_until(run, service, mark)
