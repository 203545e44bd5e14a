"""A program that has a terminal of its own, and somebody who types there."""

from __future__ import annotations

import os
import select
import struct
import subprocess
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

PATIENCE = 60.0


class Terminal:
    """Runs Python code with a pseudo-terminal as its controlling one; standard output is apart."""

    def __init__(self, code: str, *, output: Path) -> None:
        self._ours, theirs = os.openpty()
        begin = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        with output.open("wb") as stdout:
            self._process = subprocess.Popen(
                [sys.executable, "-c", begin + code],
                stdin=theirs,
                stdout=stdout,
                stderr=theirs,
                start_new_session=True,
            )
        os.close(theirs)
        self.shown = ""
        """All that the terminal has shown so far."""
        self._read = 0

    def answer(self, prompt: str, text: str) -> None:
        """Wait for a prompt that was not answered yet, and type a line."""
        while (found := self.shown.find(prompt, self._read)) < 0:
            if not self._more():
                raise AssertionError(f"never asked {prompt!r}: {self.shown}")
        self._read = found + len(prompt)
        os.write(self._ours, f"{text}\n".encode())

    def end(self) -> int:
        """Read what is still shown, and return the exit code."""
        while self._more():
            pass
        os.close(self._ours)
        return self._process.wait(PATIENCE)

    def _more(self) -> bool:
        if not select.select([self._ours], [], [], PATIENCE)[0]:
            raise AssertionError(f"nothing happens any more: {self.shown}")
        try:
            data = os.read(self._ours, 4096)
        except OSError:  # EIO: the program has closed its end
            return False
        self.shown += data.decode("utf-8", "replace")
        return bool(data)


class Screen:
    """`runbook attach` with a terminal of its own. Python code `first` is run before it."""

    def __init__(self, target: Path, first: str = "") -> None:
        self._ours, theirs = os.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        begin = "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
        begin += f"{first}\nfrom runbook_app.cli import main\nsys.argv[0] = 'runbook'\nmain()"
        self._process = subprocess.Popen(
            [sys.executable, "-c", begin, "attach", "--target", str(target)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=os.environ | {"TERM": "xterm-256color", "SHELL": "/bin/sh"},
        )
        os.close(theirs)
        self.shown = ""

    def until(self, words: str) -> None:
        """Wait until something is shown that was not shown before the last key.

        The screen draws its clocks each second: that something happens says nothing.
        """
        deadline = time.monotonic() + PATIENCE
        while words not in self.shown:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([self._ours], [], [], left)[0]:
                raise AssertionError(f"{words!r} never came: {self.shown[-2000:]}")
            self.shown += os.read(self._ours, 65536).decode("utf-8", "replace")

    def type(self, keys: str) -> None:
        self.shown = ""
        os.write(self._ours, keys.encode())

    def hang_up(self) -> int:
        """Take the terminal away, and return the exit code of the program that had it."""
        os.close(self._ours)
        try:
            return self._process.wait(PATIENCE)
        finally:
            self._process.kill()

    def close(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            os.close(self._ours)
