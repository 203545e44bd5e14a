"""Child processes: journaled before they act, ended with the engine, never left behind.

A child starts as a small launcher that waits for a line on its standard input. Only when its
start is in the journal does it get that line and become the command. The kernel kills it when
the engine dies (parent-death signal). It leads a process group of its own, and has ended only
when no process of that group is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.adapters.output import Log, Output
from runbook_app.adapters.threads import in_thread, settle
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.domain.events import ChildEnded, ChildStarted

if TYPE_CHECKING:
    from runbook_app.ports.capabilities import ExecResult

Record = Callable[[ChildStarted | ChildEnded], Awaitable[None]]

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_MARK = "RUNBOOK_CHILD"
_GO = b"go\n"
_WAIT_AND_BECOME = f'read -r go || exit 125; export {_MARK}=$$; exec "$@"'
_WITHOUT_SETPRIV = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, int(sys.argv[1]));"
    " os.execvp(sys.argv[2], sys.argv[2:])"
)


def start_time(pid: int) -> str | None:
    """Start time of a process in the kernel's ticks since boot; None when there is none."""
    fields = _stat(pid)
    return fields[19] if fields else None


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat from the third on; empty for a process gone or a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    fields = text.rpartition(")")[2].split()
    return [] if fields[0] in "ZX" else fields


def _members(group: int) -> list[int]:
    """Living processes of a process group."""
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and (fields := _stat(entry.name)) and int(fields[2]) == group
    ]


def _is_ours(pid: int, leader: int) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return f"{_MARK}={leader}".encode() in environment


def _launcher(at_death: signal.Signals) -> list[str]:
    become = ["sh", "-c", _WAIT_AND_BECOME, "sh"]
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", at_death.name.removeprefix("SIG"), "--", *become]
    number = str(at_death.value)
    return [sys.executable, "-I", "-S", "-c", _WITHOUT_SETPRIV, number, *become]


class Children:
    """Runs commands of this machine as children of the engine.

    `record` makes the start and the end of a child durable. `environment` is given to each of
    them; None takes a variable away. `run` must be called on the thread that lives as long as the
    engine: the kernel ties the parent-death signal to the thread.
    """

    def __init__(self, record: Record, environment: Mapping[str, str | None] | None = None) -> None:
        self._record = record
        self._environment = environment or {}

    async def run(
        self,
        argv: Sequence[str],
        *,
        cwd: Path,
        environment: Mapping[str, str | None] | None = None,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: Log | None = None,
        item: str = "",
        step: str = "",
        journaled: bool = True,
        at_death: signal.Signals = signal.SIGKILL,
    ) -> ExecResult:
        """Run a command to its end, or to its time limit.

        Variables of `environment` are added to this process's own; None removes one. `log`
        gets whole lines of both streams as they come. `journaled=False` is for quick commands
        that only read. `at_death` is what the kernel sends when the engine dies: SIGTERM lets a
        command take away its own locks.

        Raises:
            EnvironmentLacks: there is no such program.
            ActionError: the time is over; the whole process group has been ended.
        """
        program = shutil.which(cwd / argv[0] if "/" in argv[0] else argv[0])
        if program is None:
            raise EnvironmentLacks(
                f"There is no program '{argv[0]}' on this machine.",
                hint=f"Install {Path(argv[0]).name} and try again.",
            )
        end_now = asyncio.Event()
        life = asyncio.create_task(
            self._live(
                _Order(
                    [str(program), *argv[1:]],
                    cwd,
                    {**self._environment, **(environment or {})},
                    stdin,
                    log,
                    at_death,
                ),
                end_now,
                self._record if journaled else forget,
                (item, step),
            )
        )
        try:
            await asyncio.wait({life}, timeout=timeout.total_seconds())
        except asyncio.CancelledError:
            end_now.set()
            await settle(life)
            raise
        if not life.done():
            end_now.set()
            await settle(life)
            life.result()
            raise ActionError(
                f"'{_short(argv)}' did not end within {format_duration(timeout)} and was ended.",
                hint="See its last log lines; give it more time if it was only slow.",
            )
        return life.result()

    async def _live(
        self, order: _Order, end_now: asyncio.Event, record: Record, where: tuple[str, str]
    ) -> ExecResult:
        child = await order.spawn()
        started = start_time(child.pid) or ""
        try:
            await record(
                ChildStarted(
                    pid=child.pid,
                    pid_started=started,
                    argv=order.argv,
                    item=where[0],
                    step=where[1],
                )
            )
        except BaseException:
            await child.end()
            raise
        try:
            child.go(order.stdin)
            await child.until_ended(end_now)
        finally:
            await record(ChildEnded(pid=child.pid, pid_started=started, exit_code=child.exit_code))
        return child.result()

    async def end_survivor(self, pid: int, pid_started: str) -> bool:
        """End what is left of a child of an older engine, and wait for it.

        True when something was left. A process that only has the same number is not touched.
        """
        return await in_thread(_end_survivor, pid, pid_started)


class _Order:
    """What to run, and how."""

    def __init__(
        self,
        argv: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str | None],
        stdin: bytes,
        log: Log | None,
        at_death: signal.Signals,
    ) -> None:
        self.argv = tuple(argv)
        self.stdin = stdin
        self.log = log
        self._cwd = cwd
        self._at_death = at_death
        merged = {**os.environ, **environment}
        self._environment = {k: v for k, v in merged.items() if v is not None}

    async def spawn(self) -> _Child:
        """Start the launcher; it waits for `go`."""
        _, child = await asyncio.get_running_loop().subprocess_exec(
            lambda: _Child(self.log),
            *_launcher(self._at_death),
            *self.argv,
            cwd=self._cwd,
            env=self._environment,
            start_new_session=True,
        )
        return child


async def forget(_: ChildStarted | ChildEnded) -> None:
    """Record nothing: for quick commands that only read."""


class _Child(asyncio.SubprocessProtocol):
    """A running child, with what it writes.

    asyncio's own streams are not used: they take a child for running while any process holds
    its output open.
    """

    def __init__(self, log: Log | None) -> None:
        self._outputs = {1: Output(log), 2: Output(log)}
        self._open = {1, 2}
        self._exited = asyncio.Event()
        self._drained = asyncio.Event()
        self._failure: Exception | None = None
        self._transport: asyncio.SubprocessTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - for the type checker
        self._transport = transport
        self.pid = transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        try:
            self._outputs[fd].add(data)
        except Exception as error:  # noqa: BLE001 - the log's failure is raised by `result`
            self._failure = self._failure or error

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:  # noqa: ARG002
        self._open.discard(fd)
        if not self._open:
            self._drained.set()

    def process_exited(self) -> None:
        self._exited.set()

    @property
    def exit_code(self) -> int | None:
        return self._transport.get_returncode()

    def go(self, data: bytes) -> None:
        """Let the launcher become the command, and give that its standard input."""
        pipe = self._transport.get_pipe_transport(0)
        assert isinstance(pipe, asyncio.WriteTransport)  # noqa: S101 - for the type checker
        pipe.write(_GO + data)
        pipe.close()

    async def until_ended(self, end_now: asyncio.Event) -> None:
        exited, ordered = (asyncio.create_task(event.wait()) for event in (self._exited, end_now))
        await asyncio.wait({exited, ordered}, return_when=asyncio.FIRST_COMPLETED)
        if exited.done():
            await self._drain()  # a child of the child may still write
        await self.end()
        await asyncio.gather(exited, return_exceptions=True)
        ordered.cancel()

    async def end(self) -> None:
        """End the child with its whole group: SIGTERM, then SIGKILL."""
        if _signal_group(self.pid, signal.SIGTERM):
            deadline = time.monotonic() + GRACE
            while _members(self.pid):
                if time.monotonic() > deadline:
                    _signal_group(self.pid, signal.SIGKILL)
                await asyncio.sleep(0.02)
        await self._exited.wait()
        await self._drain()
        self._transport.close()  # a process that left the group (a daemon) may hold the pipes

    async def _drain(self) -> None:
        """Wait for the end of the output, for a while."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._drained.wait(), GRACE)

    def result(self) -> ExecResult:
        from runbook_app.ports.capabilities import ExecResult

        for output in self._outputs.values():
            output.finish()
        if self._failure:
            raise self._failure
        code = self.exit_code
        assert code is not None  # noqa: S101 - for the type checker
        return ExecResult(
            exit_code=code, stdout=self._outputs[1].bytes(), stderr=self._outputs[2].bytes()
        )


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _end_survivor(pid: int, pid_started: str) -> bool:
    """See `Children.end_survivor`.

    The kernel gives the number of a process group to nobody else while the group has members,
    but a group that died out may be followed by another: its members carry our mark.
    """
    if start_time(pid) != pid_started and not any(_is_ours(m, pid) for m in _members(pid)):
        return False
    found = _signal_group(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE
    while _members(pid):
        if time.monotonic() > deadline:
            _signal_group(pid, signal.SIGKILL)
        time.sleep(0.02)
    return found


def _short(argv: Sequence[str]) -> str:
    text = " ".join((Path(argv[0]).name, *argv[1:]))
    return text if len(text) <= 100 else text[:97] + "..."
