"""Starting a session's engine as a process of its own, and hearing whether it could begin."""

from __future__ import annotations

import contextlib
import os
import selectors
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import msgspec

from runbook_app.domain.errors import EnvironmentLacks, LockedError, RunbookError, UsageError

LOG = "engine.log"
PATIENCE = 60.0
"""Seconds an engine may take to say that it has begun."""
_NO_SPACE = 64 * 1024
"""Bytes; with less, a journal's next entry may find no room."""
_KINDS = {
    kind.exit_code: kind for kind in (RunbookError, UsageError, LockedError, EnvironmentLacks)
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine says of its start."""

    begun: bool = False
    code: int = 1
    message: str = ""
    hint: str = ""


def start_engine(folder: Path, take_over: str = "") -> None:
    """Start a detached engine (its own process session, output in `engine.log`).

    `take_over`, the reason to displace another driver, reaches it on its standard input: arguments
    and environment of a process that lives for hours can be read by others.

    Raises:
        LockedError: another driver holds the target.
        RunbookError: it could not begin; the message is the engine's own.
    """
    reading, writing = os.pipe()
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "runbook_app.processes.engine", str(folder), str(writing)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            start_new_session=True,
        )
    finally:
        os.close(log)
        os.close(writing)
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin:  # ended already: see below
            process.stdin.write(take_over.encode("utf-8", "replace"))
    with os.fdopen(reading, "rb") as pipe:
        answer = _read(pipe.fileno())
    process.returncode = process.poll() or 0  # it goes on without us: nobody waits for it here
    if answer is None:
        raise RunbookError(
            "The engine did not begin.", hint=f"Its last words are in {folder / LOG}."
        )
    if not answer.begun:
        raise _KINDS.get(answer.code, RunbookError)(answer.message, hint=answer.hint)


def _read(descriptor: int) -> Answer | None:
    """What the engine says before it closes its end; None when it says nothing in time."""
    data = b""
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while selector.select(PATIENCE):
            piece = os.read(descriptor, 4096)
            if not piece:
                break
            data += piece
    try:
        return msgspec.json.decode(data, type=Answer)
    except msgspec.MsgspecError:
        return None


def say_last(error: Exception, mask: Callable[[str], str]) -> RunbookError:
    """The engine's side: leave in `engine.log` why it ends, for `last_words`; secrets masked."""
    if isinstance(error, RunbookError):
        trace, ours = "", error
    else:
        trace = traceback.format_exc()
        ours = RunbookError(
            f"{type(error).__name__}: {error}", hint=f"{LOG} in the session's folder has more."
        )
    text = trace + "".join(f"{_sign(os.getpid())}{line}\n" for line in str(ours).splitlines())
    with contextlib.suppress(OSError):  # a full disk; `last_words` sees that too
        os.write(sys.stderr.fileno(), mask(text).encode("utf-8", "replace"))
    return ours


def _sign(pid: int) -> str:
    """What begins a line that `last_words` looks for: one log has the words of all engines."""
    return f"engine {pid}: "


def last_words(folder: Path, pid: int) -> str:
    """Why the engine with this pid ended, as far as it could say; empty when it was killed."""
    try:
        lines = (folder / LOG).read_text("utf-8", "replace").splitlines()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"{folder} can't be read: {error.strerror}."
    sign = _sign(pid)
    words = [line.removeprefix(sign) for line in lines if line.startswith(sign)]
    if not words and free < _NO_SPACE:
        return f"The disk that holds {folder} is full. Free space on it, then resume the session."
    return "\n".join(words)


def answer(descriptor: int, error: RunbookError | None) -> None:
    """The engine's side: say that it has begun, or why not, and close the pipe."""
    words = Answer(begun=True)
    if error is not None:
        words = Answer(code=error.exit_code, message=error.message, hint=error.hint)
    with contextlib.suppress(BrokenPipeError):  # the starter has gone; the engine goes on
        os.write(descriptor, msgspec.json.encode(words))
    os.close(descriptor)
