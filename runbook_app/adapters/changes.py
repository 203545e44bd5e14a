"""Asks a process of its own what an item changed: screens stay light, and outlive its faults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec

from runbook_app.domain.errors import ActionError
from runbook_app.ports.session import Change

LIMIT = 120.0
"""Seconds."""


def changes_of(folder: Path, item: str) -> list[Change]:
    """Compare what an item captured with what is there now; blocks.

    Raises:
        ActionError: the process could not tell, with its own words.
    """
    argv = [sys.executable, "-m", "runbook_app.processes.changes", str(folder), item]
    try:
        done = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=LIMIT
        )
    except subprocess.TimeoutExpired:
        raise ActionError(
            f"The comparison did not end within {LIMIT:.0f} s.",
            hint="See whether the Docker engine and the database answer, then try again.",
        ) from None
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ActionError(f"It can't be compared: {' '.join(said[-2:]) or 'no word why'}")
    return msgspec.json.decode(done.stdout, type=list[Change])
