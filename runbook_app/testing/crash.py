"""Crash points: a test names one, and the process is killed there by SIGKILL."""

from __future__ import annotations

import os
import signal
from pathlib import Path

VARIABLE = "RUNBOOK_CRASH_AT"
PASSED = "RUNBOOK_CRASH_POINTS"
"""Names a file that gets each point that is passed, as `point#N`."""


def crash_at(name: str) -> None:
    """End this process if the environment names this point, as `point` or `point#N`.

    With `#N` the N-th pass through the point counts; the first is 1.
    """
    _passes[name] = _passes.get(name, 0) + 1
    if PASSED in os.environ:
        with Path(os.environ[PASSED]).open("a", encoding="utf-8") as file:
            file.write(f"{name}#{_passes[name]}\n")
    wanted, _, number = os.environ.get(VARIABLE, "").partition("#")
    if wanted == name and _passes[name] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)


_passes: dict[str, int] = {}
