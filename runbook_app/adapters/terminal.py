"""A program on this process's terminal, with what it shows passed on to a listener as well."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import subprocess
import termios
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from runbook_app.domain.errors import EnvironmentLacks

_PIECE = 1 << 16
_KILLED = 128


def run_on_terminal(
    argv: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    seen: Callable[[bytes], None],
) -> int:
    """Run a program on a pseudo-terminal between it and ours, to its end; its exit code.

    Ended by a signal it is 128 and the signal's number, as in a shell. What is typed and not
    echoed, such as a password, is not seen.

    Raises:
        EnvironmentLacks: there is no such program.
    """
    if shutil.which(argv[0]) is None:
        raise EnvironmentLacks(
            f"There is no program '{argv[0]}' on this machine.", hint=f"Install {argv[0]}."
        )
    ours, theirs = os.openpty()
    with os.fdopen(ours, "r+b", buffering=0), _raw(0):
        _follow_size(ours)
        # In a session of its own, whose terminal is the pseudo one: so job control works.
        program = subprocess.Popen(
            ["setsid", "--ctty", *argv],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            cwd=cwd,
            env={**os.environ, **environment},
        )
        os.close(theirs)
        signal.signal(signal.SIGWINCH, lambda *_: _follow_size(ours))
        _pass_on(program, ours, seen)
    code = program.wait()
    return code if code >= 0 else _KILLED - code


def _pass_on(program: subprocess.Popen[bytes], ours: int, seen: Callable[[bytes], None]) -> None:
    """Carry bytes both ways until the program has ended and all it wrote is shown."""
    ended = os.pidfd_open(program.pid)
    sources = [0, ours, ended]
    try:
        while True:
            ready = select.select(sources, [], [])[0]
            if 0 in ready:
                typed = _read(0)
                if typed:
                    _write(ours, typed)
                else:
                    sources.remove(0)
                    _write(ours, b"\x04")
            if ours in ready:
                shown = _read(ours)
                if not shown:
                    return
                seen(shown)
                _write(1, shown)
            elif ended in ready:
                return
    finally:
        os.close(ended)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, _PIECE)
    except OSError:  # EIO: nobody holds the other end any more
        return b""


def _write(descriptor: int, data: bytes) -> None:
    with contextlib.suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Pass each key on as it is; the program's own terminal makes lines and signals of them."""
    try:
        before = termios.tcgetattr(descriptor)
    except termios.error:  # a pipe, as in a test
        yield
        return
    try:
        tty.setraw(descriptor, termios.TCSADRAIN)  # keeps what was typed ahead
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def _follow_size(ours: int) -> None:
    with contextlib.suppress(OSError):
        size = fcntl.ioctl(0, termios.TIOCGWINSZ, b"\0" * 8)
        fcntl.ioctl(ours, termios.TIOCSWINSZ, size)
