"""A command in a container, and a container for one command: each really ends when it must."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook_app.adapters.docker_client import DockerClient, Stream
from runbook_app.adapters.output import Log, Output
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ExecResult

MARK = "RUNBOOK_EXEC"
"""Variable by which a command's processes, children included, are found in their container."""

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL, and again until it counts as impossible to end."""

_STDERR = 2

_SIGNAL_MARKED = r"""
found=0
for folder in /proc/[0-9]*; do
    if { tr '\0' '\n' <"$folder/environ" | grep -q "^$1"; } 2>/dev/null; then
        kill -s "$2" "${folder#/proc/}" 2>/dev/null && found=$((found + 1))
    fi
done
echo "$found"
"""


def read_output(stream: Stream, log: Log | None) -> tuple[Output, Output]:
    """Read a multiplexed answer to its end."""
    outputs = Output(log), Output(log)
    for batch in stream.frames():
        for kind, data in batch:
            outputs[1 if kind == _STDERR else 0].add(data)
    for output in outputs:
        output.finish()
    return outputs


class Exec:
    """One command in a running container."""

    def __init__(
        self,
        docker: DockerClient,
        container: str,
        argv: Sequence[str],
        *,
        mark: str,
        user: str,
        environment: Mapping[str, str] | None,
        workdir: str,
        stdin: bytes | Iterable[bytes],
        log: Log | None,
    ) -> None:
        self._docker = docker
        self._container = container
        self._argv = list(argv)
        self._mark = mark
        self._user = user
        self._environment = {**(environment or {}), MARK: mark}
        self._workdir = workdir
        self._stdin = stdin
        self._log = log
        self._id = ""
        self._stream: Stream | None = None
        self.exit_code = -1
        self.stderr = b""
        self.left_running = False
        """It could not be ended."""

    def run(self) -> ExecResult:
        """Run to the end; blocks."""
        out = Output(self._log)
        for piece in self.pieces():
            out.add(piece)
        out.finish()
        return ExecResult(exit_code=self.exit_code, stdout=out.bytes(), stderr=self.stderr)

    def pieces(self) -> Iterator[bytes]:
        """Run to the end, giving standard output as it comes; blocks.

        After it `exit_code` and `stderr` are known.
        """
        api = self._docker.api()
        created = self._docker.use(
            lambda _: api.exec_create(
                self._container,
                self._argv,
                stdin=bool(self._stdin),
                user=self._user,
                environment=self._environment,
                workdir=self._workdir or None,
            )
        )
        self._id = str(created["Id"])
        self._stream = self._docker.open(
            "POST", f"/exec/{self._id}/start", json={"Detach": False, "Tty": False}
        )
        try:
            yield from self._talk(self._stream)
        finally:
            self._stream.release()
        code = self._docker.use(lambda _: api.exec_inspect(self._id))["ExitCode"]
        self.exit_code = -1 if code is None else code

    def _talk(self, stream: Stream) -> Iterator[bytes]:
        if not self._stdin:
            yield from self._listen(stream)
            return
        # Written beside the reading, or both sides could wait for each other.
        feed = _Feed(stream, self._stdin)
        try:
            yield from self._listen(stream)
        finally:
            stream.close()
            feed.join()
        if feed.error is not None:
            raise feed.error

    def _listen(self, stream: Stream) -> Iterator[bytes]:
        errors = Output(self._log)
        for batch in stream.frames():
            for kind, data in batch:
                if kind == _STDERR:
                    errors.add(data)
                else:
                    yield bytes(data)
        errors.finish()
        self.stderr = errors.bytes()

    def end(self) -> None:
        """End the command with its children, and with it `run`; blocks until that is so."""
        try:
            mark = f"{MARK}={self._mark}"
            self.left_running = end_marked(self._docker, self._container, mark) is None
        finally:
            if self._stream:
                self._stream.close()


class _Feed(threading.Thread):
    """Writes standard input; when its pieces end with an error, the command's input does too."""

    def __init__(self, stream: Stream, data: bytes | Iterable[bytes]) -> None:
        super().__init__(daemon=True)
        self._to = stream
        self._data = [data] if isinstance(data, bytes) else data
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._to.send(self._data)
        except BaseException as error:  # noqa: BLE001 - it is raised where the command is run
            self.error = error
            self._to.close()


def end_marked(docker: DockerClient, container: str, prefix: str) -> int | None:
    """End all processes of a container whose environment has a line with this prefix.

    How many were found; None when some could not be ended.
    """
    found = left = _signal_marked(docker, container, prefix, "TERM")
    for name in ("0", "KILL"):
        deadline = time.monotonic() + GRACE
        while left and time.monotonic() < deadline:
            time.sleep(0.05)
            left = _signal_marked(docker, container, prefix, name)
    return None if left else found


def _signal_marked(docker: DockerClient, container: str, prefix: str, name: str) -> int:
    """Signal the marked processes (`0` only looks); how many there were."""
    api = docker.api()
    created = docker.use(
        lambda _: api.exec_create(
            container,
            ["sh", "-c", _SIGNAL_MARKED, "sh", prefix, name],
            user="0",
            privileged=True,  # even root may not see another account's environment without
        )
    )
    stream = docker.open("POST", f"/exec/{created['Id']}/start", json={"Detach": False})
    try:
        out, _ = read_output(stream, None)
    finally:
        stream.release()
    with contextlib.suppress(ValueError):
        return int(out.bytes())
    return _signal_on_host(prefix.encode(), 0 if name == "0" else signal.Signals[f"SIG{name}"])


def _signal_on_host(prefix: bytes, number: int) -> int:
    """For images without a shell: the container's processes as this machine sees them."""
    found = 0
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            pid = int(folder.name)
            lines = (folder / "environ").read_bytes().split(b"\0")
            if any(line.startswith(prefix) for line in lines):
                os.kill(pid, number)
                found += 1
    return found


class Throwaway:
    """A container for one command, removed whatever happens."""

    def __init__(self, docker: DockerClient, settings: Mapping[str, Any], log: Log | None) -> None:
        self._docker = docker
        self._settings = settings
        self._log = log
        self._id = ""
        self._ended = False

    def run(self) -> ExecResult:
        """Run to the end; blocks."""
        api = self._docker.api()
        created = self._docker.use(lambda _: api.create_container(**self._settings))
        self._id = str(created["Id"])
        try:
            return self._run_created()
        finally:
            with contextlib.suppress(ActionError):  # gone already
                self._docker.use(lambda _: api.remove_container(self._id, force=True, v=True))

    def _run_created(self) -> ExecResult:
        api = self._docker.api()
        # Attached before it starts: the stored log of a slow reader ends early without a word.
        stream = self._docker.open(
            "POST",
            f"/containers/{self._id}/attach",
            params={"stream": 1, "stdout": 1, "stderr": 1},
        )
        try:
            if self._ended:  # before it was known: nobody else removes it, and it never speaks
                return ExecResult(exit_code=-1, stdout=b"", stderr=b"")
            self._docker.use(lambda _: api.start(self._id))
            out, err = read_output(stream, self._log)
        finally:
            stream.release()
        code = self._docker.use(lambda _: api.wait(self._id))["StatusCode"]
        return ExecResult(exit_code=int(code), stdout=out.bytes(), stderr=err.bytes())

    def end(self) -> None:
        """End the command, and with it `run`."""
        self._ended = True
        with contextlib.suppress(ActionError):  # not yet created, or ended already
            if self._id:
                self._docker.use(lambda api: api.remove_container(self._id, force=True, v=True))
