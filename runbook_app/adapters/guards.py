"""Guards and checks in processes of their own, and how a guard learns that it is on record."""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.engine_start import LOG, PATIENCE
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Finding

_READY = b"ready\n"


class DetachedGuards:
    """Implements `ports.guards.Guards`.

    `guard` is the command of a guard, `check` of a check, which gets the step's id beside it.
    """

    def __init__(
        self, folder: Path, children: Children, *, guard: Sequence[str], check: Sequence[str]
    ) -> None:
        self._folder = folder
        self._children = children
        self._guard = guard
        self._check = check

    async def start(self) -> Standby:
        try:
            return await in_thread(Standby, self._guard, self._folder / LOG)
        except OSError as error:
            raise ActionError(f"No guard could be started: {error.strerror}.") from error

    def alive(self, pid: int, pid_started: str) -> bool:
        return start_time(pid) == pid_started

    async def check(self, item: str, step: str, timeout: timedelta) -> Finding:
        try:
            here = Path.cwd()
        except OSError:  # it was removed since the engine began there
            here = self._folder
        ended = await self._children.run(
            [*self._check, step], cwd=here, timeout=timeout, item=item, step=step
        )
        try:
            return msgspec.json.decode(ended.stdout, type=Finding)
        except msgspec.MsgspecError:
            words = ended.stderr.decode("utf-8", "replace").strip()
            last = words.splitlines()[-1] if words else f"exit code {ended.exit_code}"
            raise ActionError(f"The check's process did not say what it found: {last}") from None


class Standby:
    """Implements `ports.guards.Standby`: the guard waits for the end of its standard input."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        with log.open("ab") as words:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words,
                start_new_session=True,
            )
        self.pid = process.pid
        self.pid_started = start_time(process.pid) or ""
        assert process.stdin  # noqa: S101 - for the type checker
        assert process.stdout  # noqa: S101 - for the type checker
        self._end = process.stdin
        ready = _said(process.stdout.fileno())
        process.stdout.close()
        if not ready:
            process.kill()
            process.wait()
            self.release()
            raise ActionError(
                "The guard that would revert the step did not come up; nothing was changed.",
                hint=f"Its last words are in {log}.",
            )
        process.returncode = process.poll() or 0  # it goes on without us: nobody waits for it

    def release(self) -> None:
        self._end.close()


def _said(descriptor: int) -> bool:
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        return bool(selector.select(PATIENCE)) and os.read(descriptor, len(_READY)) == _READY


def stand_by() -> None:
    """The guard's side: say that it has come up, and wait until it is on record, or never will."""
    sys.stdout.buffer.write(_READY)
    sys.stdout.buffer.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdin.buffer.read()
