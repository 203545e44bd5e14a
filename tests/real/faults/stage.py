"""A demo on the real engine, and the `runbook` command as its user calls it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from runbook_app.adapters.children import start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.commands import Command
from runbook_app.domain.entry import Entry
from runbook_app.domain.events import Event
from runbook_app.domain.fold import fold
from runbook_app.domain.state import SessionState

HERE = Path(__file__).parent
RUNBOOK = Path(sys.executable).with_name("runbook")
GATE_PLAN = HERE / "gate.yaml"
TLS_PLAN = HERE / "tls.yaml"

Result = subprocess.CompletedProcess[str]


def wait_for(what: Callable[[], bool], *, seconds: float = 60) -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"it did not happen within {seconds:.0f} s"
        time.sleep(0.05)


class Gate:
    """A server that answers only when the test lets it: a step that asks it waits for the test."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._open = threading.Event()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                gate.reached.set()
                gate._open.wait(60)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def open(self) -> None:
        self._open.set()

    def close(self) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Stage:
    """A target and a home for its sessions; what was started here is ended by `close`."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self._started: list[subprocess.Popen[str]] = []

    def environment(self, **more: str) -> dict[str, str]:
        return {**os.environ, "RUNBOOK_HOME": str(self.home), **more}

    def runbook(self, *argv: str | Path, **environment: str) -> Result:
        return self.call([RUNBOOK, *argv], **environment)

    def call(self, argv: Sequence[str | Path], **environment: str) -> Result:
        return subprocess.run(
            argv,
            cwd=self.root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def start(self, *argv: str | Path, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [RUNBOOK, *argv],
            cwd=self.root,
            env=self.environment(**environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._started.append(process)
        return process

    def command(self, gate: Gate) -> list[str | Path]:
        """`run` on the gate's plan."""
        target = ("--target", self.root, "--set", f"gate={gate.url}")
        return ["run", GATE_PLAN, *target, "--yes", "-q"]

    def run_to(self, gate: Gate) -> subprocess.Popen[str]:
        """`run` on the gate's plan, up to the step that waits there."""
        process = self.start(*self.command(gate))
        wait_for(lambda: gate.reached.is_set() or process.poll() is not None)
        assert gate.reached.is_set(), process.communicate()
        return process

    @staticmethod
    def end_of(process: subprocess.Popen[str]) -> Result:
        out, err = process.communicate(timeout=90)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    # What is on record

    @property
    def folder(self) -> Path:
        """The latest session's."""
        return sorted(path.parent for path in self.home.glob("*/journal.db"))[-1]

    def entries(self) -> list[Entry]:
        journal = SqliteJournal(self.folder / "journal.db", SystemClock(), read_only=True)
        try:
            return journal.read()
        finally:
            journal.close()

    def has(self, kind: type[Event] | type[Command]) -> bool:
        """Whether the latest session, if there is one, has such an entry."""
        begun = any(self.home.glob("*/journal.db"))
        return begun and any(isinstance(entry.body, kind) for entry in self.entries())

    def state(self) -> SessionState:
        state = SessionState()
        fold(self.entries(), state)
        return state

    def sound(self) -> bool:
        """Whether the latest session's journal is whole and its chain fits."""
        journal = SqliteJournal(self.folder / "journal.db", SystemClock(), read_only=True)
        try:
            return journal.verify() is None
        finally:
            journal.close()

    # Engines

    def engine(self) -> int:
        """Pid of the latest session's engine, which has to live."""
        engine = self.state().engine
        assert engine is not None
        assert start_time(engine.pid) == engine.pid_started
        return engine.pid

    def kill_engine(self) -> None:
        pid = self.engine()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: start_time(pid) is None)

    def close(self) -> None:
        for process in self._started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        for journal in self.home.glob("*/journal.db"):
            self._end_engine(journal)

    def _end_engine(self, path: Path) -> None:
        journal = SqliteJournal(path, SystemClock(), read_only=True)
        state = SessionState()
        try:
            fold(journal.read(), state)
        finally:
            journal.close()
        engine = state.engine
        if engine and start_time(engine.pid) == engine.pid_started:
            os.kill(engine.pid, signal.SIGTERM)
            wait_for(lambda: start_time(engine.pid) is None)


@contextmanager
def listening(port: int = 0) -> Iterator[int]:
    """A local program that holds a port."""
    import socket

    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        held.listen()
        yield held.getsockname()[1]


def git(root: Path, *argv: str) -> str:
    done = subprocess.run(
        ["git", *argv], cwd=root, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout
