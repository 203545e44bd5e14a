"""`runbook serve` as its user calls it, on a session of a target without containers."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_app import bootstrap
from runbook_app.adapters.children import start_time
from runbook_app.engine.client import SessionClient
from tests.cli.test_verify import PLAN, RUNBOOK

PATIENCE = 60.0


def wait_for(what: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Serving:
    """The process that serves a session."""

    def __init__(self, session: SessionClient, *options: str) -> None:
        self.session = session
        self.process = subprocess.Popen(
            [RUNBOOK, "serve", self.session.id, *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.said = self._until("Ctrl-C ends it")
        (self.link,) = re.findall(r"http://\S+", self.said)
        self.base, _, self.token = self.link.partition("/?token=")

    def _until(self, words: str) -> str:
        assert self.process.stdout is not None
        found = b""
        while words.encode() not in found:
            ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            assert piece, f"never said {words!r}: {found.decode()}"
            found += piece
        return found.decode()

    def children(self) -> list[int]:
        """Processes that it started and that live."""
        pid = self.process.pid
        found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in found if start_time(int(child)) is not None]

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[str, str]:
        """Ask it to end; all it said."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.said + out.decode(), err.decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


def sessions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionClient]:
    """A session without an engine, where no Docker engine is to be found."""
    monkeypatch.setenv("RUNBOOK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    target = tmp_path / "target"
    target.mkdir()
    (target / "compose.yml").write_text("services: {}\n")
    (target / "motd").write_text("hello\n")
    (tmp_path / "motd.yaml").write_text(PLAN)
    session = bootstrap.create_session(tmp_path / "motd.yaml", target, {})
    yield session
    session.refresh()
    if session.state.engine is not None and session.engine_alive():
        os.kill(session.state.engine.pid, signal.SIGKILL)
    session.close()
