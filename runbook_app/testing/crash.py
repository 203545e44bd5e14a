"""Crash points: a test names one, and the process is killed there by SIGKILL."""

from __future__ import annotations

import os
import signal

VARIABLE = "RUNBOOK_CRASH_AT"


def crash_at(name: str) -> None:
    """End this process if the environment names this point, as `point` or `point#N`.

    With `#N` the N-th pass through the point counts; the first is 1.
    """
    wanted, _, number = os.environ.get(VARIABLE, "").partition("#")
    if wanted != name:
        return
    _passes[name] = _passes.get(name, 0) + 1
    if _passes[name] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)


_passes: dict[str, int] = {}
