"""The machine that a result comes from, without its name."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sqlite3
from pathlib import Path

import yaml


def describe() -> dict[str, str]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "memory": f"{memory / 2**30:.0f} GiB",
        "system": f"Linux {platform.release().partition('-')[0]}",
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "textual": importlib.metadata.version("textual"),
        "libyaml": "yes" if yaml.__with_libyaml__ else "no",
    }


def load() -> str:
    """Load averages of 1, 5 and 15 minutes: what else the machine had to do."""
    return " ".join(f"{value:.1f}" for value in os.getloadavg())


def memory(pid: int) -> float:
    """Resident set of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
