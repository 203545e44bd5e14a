"""Ending the process that holds a target's lock, so that another may take it over."""

from __future__ import annotations

import os
import select
import signal

from runbook_app.adapters.children import start_time
from runbook_app.domain.errors import LockedError

PATIENCE = 30.0
"""Seconds an engine that shows life may take to reach a safe point."""
LAST = 10.0
"""Seconds in which a killed process must have ended."""


def end_holder(pid: int, pid_started: str, *, ask: bool) -> str:
    """End a process of this machine, and wait until it has ended: never two actors.

    With `ask` it is told to stop first, and given `PATIENCE`. Returns `ended` when it had ended
    before, `stopped` when it did as it was told, else `killed`.

    Raises:
        LockedError: it can't be ended.
    """
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return "ended"
    try:
        # Compared after the handle is had: whatever gets the number later is not signalled.
        if start_time(pid) != pid_started:
            return "ended"
        return _end(handle, pid, ask=ask)
    except PermissionError as error:
        raise LockedError(
            f"Process {pid}, which holds the target, may not be ended: {error.strerror}.",
            hint="Have its own account end it.",
        ) from error
    finally:
        os.close(handle)


def _end(handle: int, pid: int, *, ask: bool) -> str:
    if ask and _signalled(handle, signal.SIGTERM, PATIENCE):
        return "stopped"
    if _signalled(handle, signal.SIGKILL, LAST):
        return "killed"
    raise LockedError(
        f"Process {pid}, which holds the target, was killed and has not ended within {LAST:g}s.",
        hint="It waits in the kernel, as for a disk that does not answer; try again later.",
    )


def _signalled(handle: int, number: signal.Signals, seconds: float) -> bool:
    """Whether the process has ended, at most `seconds` after the signal."""
    try:
        signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return True
    return bool(select.select([handle], [], [], seconds)[0])
