"""A demo of a test's own, and the `runbook` command as its user calls it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.target import StackTarget
from runbook_app.bootstrap import load_plan, open_session
from runbook_app.domain.entry import Entry
from runbook_app.domain.fingerprint import Fingerprint
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import SessionState
from runbook_app.engine.redaction import Redactor
from runbook_app.testing.artefacts import MemoryArtefacts
from runbook_app.testing.crash import VARIABLE

RUNBOOK = Path(sys.executable).with_name("runbook")
TLS = Path(__file__).parent / "kill" / "tls.yaml"


class Demo:
    """A demo, and the `runbook` command as its user calls it."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        self.project = ""

    def demo(self, *options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [RUNBOOK, "demo", str(self.root), *options],
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=420,
        )

    def runbook(self, *argv: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [RUNBOOK, *argv],
            env=self.environment(crash_at),
            cwd=self.root,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            timeout=900,
        )

    def environment(self, crash_at: str = "") -> dict[str, str]:
        found = {k: v for k, v in os.environ.items() if k != VARIABLE}
        found |= {"RUNBOOK_HOME": str(self.home)}
        return found | {VARIABLE: crash_at} if crash_at else found

    def state(self) -> SessionState:
        session = open_session(None, self.root, read_only=True)
        session.close()
        return session.state

    def entries(self) -> list[Entry]:
        session = open_session(None, self.root, read_only=True)
        try:
            return session._journal.read()
        finally:
            session.close()

    def plan(self, path: Path = TLS) -> Plan:
        return load_plan(path, self.root, {})

    async def _fingerprint(self, plan: Plan) -> Fingerprint:
        async def forget(_: object) -> None:
            """These children are the test's, not an engine's."""

        target = StackTarget(
            plan=plan,
            root=self.root,
            scratch=self.home,
            session="fingerprint",
            children=Children(forget),
            secrets=Redactor(),
            artefacts=MemoryArtefacts(),
        )
        try:
            return await target.fingerprint()
        finally:
            await target.close()

    def comparable(self, path: Path = TLS) -> dict[str, str]:
        """The fingerprint's fields; generated keys by mode and owner alone."""
        fields = asyncio.run(self._fingerprint(self.plan(path))).fields
        return {
            name: value.partition(" ")[2] if name.startswith("file:certs/") else value
            for name, value in fields.items()
        }

    def has_interim_container(self) -> bool:
        """Whether Compose has a container half replaced."""
        return f"_{self.project}-" in self._containers("--all", "--format", "{{.Names}}")

    def runs(self, service: str) -> bool:
        """Whether a service has a container that runs."""
        wanted = f"label=com.docker.compose.service={service}"
        return bool(self._containers("--quiet", "--filter", wanted).strip())

    def _containers(self, *options: str) -> str:
        own = f"label=com.docker.compose.project={self.project}"
        command = ["docker", "ps", "--filter", own, *options]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def kill_engine_when(
        self,
        seen: str,
        process: subprocess.Popen[bytes],
        also: Callable[[], bool] = lambda: True,
    ) -> None:
        """SIGKILL the engine as soon as a child whose command has this word is journaled, and
        `also` is true."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            state = self.state()
            if any(seen in child.argv for child in state.children.values()) and also():
                assert state.engine is not None
                os.kill(state.engine.pid, signal.SIGKILL)
                return
        raise AssertionError(f"no child with {seen!r} was started")


@contextlib.contextmanager
def made_demo(base: Path, name: str) -> Iterator[Demo]:
    """Make one as `runbook demo` does, with a home of its own; afterwards it is removed."""
    demo = Demo(base / "demo", base / "home")
    demo.project = f"rbtest-{name}-{secrets.token_hex(2)}"
    with home_of(demo):
        try:
            made = demo.demo("--no-open", "--project", demo.project)
            assert made.returncode == 0, made.stderr
            yield demo
        finally:
            demo.demo("--remove")


@contextlib.contextmanager
def home_of(demo: Demo) -> Iterator[None]:
    """Let the test itself, too, find the demo's sessions."""
    demo.home.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_HOME", str(demo.home))
        yield


def lives(pid: int, started: str) -> bool:
    return start_time(pid) == started
