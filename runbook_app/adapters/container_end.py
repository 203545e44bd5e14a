"""How a container came to its end, in words that name the cause."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any

_MIB = 1 << 20
_KILLED = 128


def how_it_ended(raw: Mapping[str, Any]) -> str:
    """Put the state of a container that does not run into words, from its inspection.

    The engine says "out of memory" also where the kernel killed but one process in the container.
    """
    state = raw["State"]
    status, code = str(state["Status"]), int(state["ExitCode"])
    if state.get("OOMKilled"):
        limit = raw["HostConfig"].get("Memory") or 0
        room = f"its limit of {limit // _MIB} MiB" if limit else "the machine's limit"
        return f"ran out of memory: the kernel killed it at {room}"
    if status == "created":
        return "was never started"
    said = f"is {status}, exit code {code}"
    if code - _KILLED in set(signal.Signals):
        said += f": ended by {signal.Signals(code - _KILLED).name}"
    return said
