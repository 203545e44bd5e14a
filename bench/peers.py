"""Other programs to stand beside, installed into environments of their own on first use."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from platformdirs import user_cache_path

from bench.metric import Lacking

RELEASES = {
    "ansible": ("ansible-core==2.19.14",),
    "pyinfra": ("pyinfra==3.10.0",),
    "dbos": ("dbos==3.4.0",),
    "prefect": ("prefect==3.8.8",),
    "toolong": ("toolong==1.5.0",),
}
"""What each environment has; the releases that the goals were set by."""

AGAINST_ITS_PIN = {"prefect": "fastapi==0.119.1"}
"""What is installed over what the peer asks for, without which it does not start."""


@cache
def program(peer: str, name: str) -> str:
    """Path of a program of a peer.

    Raises:
        Lacking: the peer can't be installed here.
    """
    found = _environment(peer) / "bin" / name
    if not found.exists():
        raise Lacking(f"{peer} has no program {name}")
    return str(found)


def _environment(peer: str) -> Path:
    base = Path(os.environ.get("RUNBOOK_BENCH_CACHE", user_cache_path("runbook-bench")))
    made = base / "-".join(RELEASES[peer]).replace("==", "-")
    if not (made / ".complete").exists():
        _run([sys.executable, "-m", "venv", str(made)], peer)
        install = [str(made / "bin/python"), "-m", "pip", "install", "-q"]
        _run([*install, *RELEASES[peer]], peer)
        if peer in AGAINST_ITS_PIN:
            _run([*install, AGAINST_ITS_PIN[peer]], peer)
        (made / ".complete").touch()
    return made


def _run(command: list[str], peer: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=600)
    except subprocess.TimeoutExpired as error:
        raise Lacking(f"{peer} was not installed within ten minutes") from error
    if done.returncode:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Lacking(f"{peer} can't be installed here: {words[-1] if words else 'no word'}")
