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

from runbook_app.adapters.output import LINE_LIMIT, Log, Output
from runbook_app.adapters.threads import in_thread, settle
from runbook_app.domain.clock import format_duration
from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.domain.events import ChildEnded, ChildStarted
from runbook_app.ports.capabilities import ExecResult

Record = Callable[[ChildStarted | ChildEnded], Awaitable[None]]

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL."""

_MARK = "RUNBOOK_CHILD"
_GO = b"go\n"
_WAIT_AND_BECOME = f'read -r go || exit 125; export {_MARK}=$$; exec "$@"'
_WITHOUT_SETPRIV = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.execvp(sys.argv[1], sys.argv[1:])"
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


def _launcher() -> list[str]:
    become = ["sh", "-c", _WAIT_AND_BECOME, "sh"]
    if setpriv := shutil.which("setpriv"):
        return [setpriv, "--pdeathsig", "KILL", "--", *become]
    return [sys.executable, "-I", "-S", "-c", _WITHOUT_SETPRIV, *become]


class Children:
    """Runs commands of this machine as children of the engine.

    `record` makes the start and the end of a child durable. `run` must be called on the thread
    that lives as long as the engine: the kernel ties the parent-death signal to the thread.
    """

    def __init__(self, record: Record) -> None:
        self._record = record

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
    ) -> ExecResult:
        """Run a command to its end, or to its time limit.

        Variables of `environment` are added to this process's own; None removes one. `log`
        gets whole lines of both streams as they come. `journaled=False` is for quick commands
        that only read.

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
                _Order([str(program), *argv[1:]], cwd, environment, stdin, log),
                end_now,
                self._record if journaled else _forget,
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
        process = await order.spawn()
        pid, started = process.pid, start_time(process.pid) or ""
        try:
            await record(
                ChildStarted(
                    pid=pid, pid_started=started, argv=order.argv, item=where[0], step=where[1]
                )
            )
        except BaseException:
            await _end_group(process)
            raise
        out, err = Output(order.log), Output(order.log)
        try:
            await _until_ended(process, order.stdin, (out, err), end_now)
        finally:
            await record(ChildEnded(pid=pid, pid_started=started, exit_code=process.returncode))
        assert process.returncode is not None  # noqa: S101 - for the type checker
        return ExecResult(exit_code=process.returncode, stdout=out.bytes(), stderr=err.bytes())

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
        environment: Mapping[str, str | None] | None,
        stdin: bytes,
        log: Log | None,
    ) -> None:
        self.argv = tuple(argv)
        self.stdin = stdin
        self.log = log
        self._cwd = cwd
        merged = {**os.environ, **(environment or {})}
        self._environment = {k: v for k, v in merged.items() if v is not None}

    async def spawn(self) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            *_launcher(),
            *self.argv,
            cwd=self._cwd,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )


async def _forget(_: ChildStarted | ChildEnded) -> None:
    """Record nothing."""


async def _until_ended(
    process: asyncio.subprocess.Process,
    stdin: bytes,
    outputs: tuple[Output, Output],
    end_now: asyncio.Event,
) -> None:
    assert process.stdout and process.stderr  # noqa: S101, PT018 - for the type checker
    feeding = asyncio.create_task(_feed(process, stdin))
    draining = asyncio.create_task(_drain_both(process.stdout, process.stderr, outputs))
    ended = asyncio.create_task(process.wait())
    ordered = asyncio.create_task(end_now.wait())
    await asyncio.wait({ended, ordered}, return_when=asyncio.FIRST_COMPLETED)
    ordered.cancel()
    if ended.done():
        # A child of the child may still write; a group that does not end is ended.
        await asyncio.wait({draining}, timeout=GRACE)
    await _end_group(process)
    feeding.cancel()
    # A process that left the group (a daemon) may hold the pipes open for ever.
    await asyncio.wait({draining}, timeout=GRACE)
    draining.cancel()
    await asyncio.gather(ended, feeding, draining, return_exceptions=True)
    if not draining.cancelled():
        draining.result()


async def _drain_both(
    stdout: asyncio.StreamReader, stderr: asyncio.StreamReader, outputs: tuple[Output, Output]
) -> None:
    await asyncio.gather(_drain(stdout, outputs[0]), _drain(stderr, outputs[1]))


async def _drain(stream: asyncio.StreamReader, output: Output) -> None:
    while data := await stream.read(LINE_LIMIT):
        output.add(data)
    output.finish()


async def _feed(process: asyncio.subprocess.Process, data: bytes) -> None:
    assert process.stdin  # noqa: S101 - for the type checker
    with contextlib.suppress(ConnectionError):  # it ended without reading everything
        process.stdin.write(_GO + data)
        await process.stdin.drain()
    process.stdin.close()


async def _end_group(process: asyncio.subprocess.Process) -> None:
    """End a child with its whole group: SIGTERM, then SIGKILL."""
    if not _signal_group(process.pid, signal.SIGTERM):
        await process.wait()
        return
    deadline = time.monotonic() + GRACE
    while _members(process.pid):
        if time.monotonic() > deadline:
            _signal_group(process.pid, signal.SIGKILL)
        await asyncio.sleep(0.02)
    await process.wait()


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
