from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.ports.action import Run, check

if TYPE_CHECKING:
    from datetime import timedelta


@check
async def wait(run: Run, *, time: timedelta) -> None:
    """Take a type that is not there at run time."""
