"""Whole processes: how long they take, to their end or to their first picture."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.metric import Lacking

ROWS, COLUMNS = 40, 120
PATIENCE = 120.0
RUNBOOK = [sys.executable, "-m", "runbook_app.cli"]
"""The program without the installed script, so that each side starts the same way."""


def wall(command: Sequence[str], **environment: str) -> float:
    """Milliseconds from the start of a process to its end.

    Raises:
        Lacking: it ended with an error.
    """
    began = time.perf_counter()
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env=os.environ | environment,
        timeout=1_800,
    )
    took = (time.perf_counter() - began) * 1e3
    if done.returncode:
        words = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise Lacking(f"{Path(command[0]).name} ended with {done.returncode}: {words[-200:]}")
    return took


def output(command: Sequence[str], **environment: str) -> str:
    """What a process of this bench printed.

    Raises:
        Lacking: it ended with an error.
    """
    done = subprocess.run(
        command, capture_output=True, check=False, env=os.environ | environment, timeout=3_600
    )
    if done.returncode:
        raise Lacking(f"{' '.join(command[1:4])}: {done.stderr.decode()[-300:]}")
    return done.stdout.decode()


def child(module: str, *arguments: object) -> list[str]:
    """A module of `bench.children` as a process of its own."""
    words = [str(argument) for argument in arguments]
    return [sys.executable, "-m", f"bench.children.{module}", *words]


class Terminal:
    """A program in a terminal of its own, with somebody who presses keys.

    `rate`: bytes a second that it takes, as behind a slow line; 0: as fast as they come.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        rate: int = 0,
    ) -> None:
        self._rate = rate
        self._free = 0.0
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            names = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execvpe(command[0], list(command), os.environ | names | dict(environment or {}))  # noqa: S606 - made by us
        size = struct.pack("HHHH", ROWS, COLUMNS, 0, 0)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, size)

    def until(self, text: bytes) -> None:
        """Read until a text was written that had not been read before.

        Raises:
            Lacking: it never came.
        """
        shown, end = b"", time.monotonic() + PATIENCE
        while text not in shown:
            if not select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))[0]:
                raise Lacking(f"{text!r} was never shown: {shown[-300:]!r}")
            try:
                shown += self._read()
            except OSError as error:  # EIO: the program has ended
                raise Lacking(f"{text!r} was never shown: {shown[-300:]!r}") from error

    def rest(self, seconds: float) -> None:
        """Read what comes meanwhile, so that the program never waits for its terminal."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            if select.select([self._terminal], [], [], left)[0]:
                self._read()

    def _read(self) -> bytes:
        if not self._rate:
            return os.read(self._terminal, 65_536)
        time.sleep(max(0.0, self._free - time.perf_counter()))
        data = os.read(self._terminal, 1_024)
        self._free = max(self._free, time.perf_counter()) + len(data) / self._rate
        return data

    def press(self, key: bytes, text: bytes = b"") -> float:
        """Milliseconds from a key until the terminal has got a text, none: no time at all."""
        began = time.perf_counter()
        os.write(self._terminal, key)
        if text:
            self.until(text)
        return (time.perf_counter() - began) * 1e3

    def close(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._terminal)


def first_paint(
    command: Sequence[str], text: bytes, environment: Mapping[str, str] | None = None
) -> float:
    """Milliseconds from the start of a program in a terminal until a text is on it.

    Raises:
        Lacking: it never came.
    """
    began = time.perf_counter()
    terminal = Terminal(command, environment)
    try:
        terminal.until(text)
        return (time.perf_counter() - began) * 1e3
    finally:
        terminal.close()
