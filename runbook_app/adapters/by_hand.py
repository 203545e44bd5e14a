"""Work by hand: the screen's side, which has a process of its own do it, and the engine's."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec

from runbook_app.adapters.children import start_time
from runbook_app.domain.errors import ActionError
from runbook_app.ports.hands import WayIn

LIMIT = 60.0
"""Seconds in which the ways in have to be found."""
MOST = 16 << 20
"""Bytes of one transcript; the rest is shown and not recorded."""


class ProcessByHand:
    """Implements `ports.hands.ByHand`."""

    def __init__(self, folder: Path) -> None:
        self._argv = [sys.executable, "-m", "runbook_app.processes.hands", str(folder)]

    def ways(self) -> list[WayIn]:
        try:
            done = subprocess.run(
                self._argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            raise ActionError(
                f"The ways in were not found within {LIMIT:.0f} s.",
                hint="See whether the Docker engine and the database answer, then try again.",
            ) from None
        if done.returncode != 0:
            raise ActionError(f"The ways in can't be found: {_last(done.stderr)}")
        return msgspec.json.decode(done.stdout, type=list[WayIn])

    def go_in(self, way: str, hands: str) -> int:
        # Standard error is ours: what the program writes there goes to its own terminal.
        done = subprocess.run([*self._argv, way, hands], stderr=subprocess.PIPE, check=False)
        if done.stderr:
            raise ActionError(f"It did not begin: {_last(done.stderr)}")
        return done.returncode

    def process(self) -> tuple[int, str]:
        pid = os.getpid()
        return pid, start_time(pid) or ""


def _last(said: bytes) -> str:
    lines = said.decode("utf-8", "replace").strip().splitlines()
    return " ".join(lines[-2:]) or "no word why"


class SpooledTranscripts:
    """Implements `ports.hands.Transcripts`: one file each, until the log has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "hands"

    def recorded(self, hands: str) -> bytes:
        try:
            return self._path(hands).read_bytes()
        except OSError:
            return b""

    def drop(self, hands: str) -> None:
        with contextlib.suppress(OSError):
            self._path(hands).unlink()

    def lives(self, pid: int, pid_started: str) -> bool:
        return start_time(pid) == pid_started

    def create(self, hands: str) -> Path:
        """An empty file that only its owner can read."""
        self._folder.mkdir(mode=0o700, exist_ok=True)
        path = self._path(hands)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return path

    def _path(self, hands: str) -> Path:
        return self._folder / f"{hands}.log"
