"""The Docker engine ends and comes back while `compose up` waits, and while nothing is at work.

It is an engine of the test's own, beside the machine's: that one is not the test's to stop.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runbook_app.domain.events import ChildStarted
from runbook_app.domain.state import ItemStatus, StepStatus

from .stage import HERE, Stage, git, wait_for

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(300)]

IMAGE = "debian:bookworm-slim"
PLAN = HERE / "engine_restart.yaml"
COMPOSE = f"""
name: rbtest-restart
services:
  web:
    image: {IMAGE}
    command: ["sleep", "infinity"]
    init: true
    stop_grace_period: 0s
    network_mode: none
    volumes: ["@GATE@:/gate:ro"]
    healthcheck: {{test: ["CMD", "test", "-e", "/gate/open"], interval: 1s, retries: 600}}
"""


class OwnEngine:
    """A dockerd with folders, socket, containerd and network namespace of its own, and no networks.

    In the machine's namespace one without a bridge takes away `docker0`, which is not its own.
    """

    def __init__(self, base: Path) -> None:
        self._base = base
        self.host = f"unix://{base}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self._base / "dockerd.log").open("ab")
        self._process = subprocess.Popen(
            [
                *_as_root(),
                *("unshare", "--net", "dockerd", "--host", self.host, "--group", str(os.getgid())),
                *("--data-root", self._base / "data", "--exec-root", self._base / "run"),
                *("--pidfile", self._base / "pid", "--bridge=none", "--iptables=false"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        wait_for(lambda: self.docker("version", check=False).returncode == 0)

    def stop(self) -> None:
        """As an init system does: containers end with it."""
        if self._process is not None:
            pid = (self._base / "pid").read_text().strip()
            subprocess.run([*_as_root(), "kill", pid], check=True)
            self._process.wait(60)
            self._process = None

    def docker(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["docker", "--host", self.host, *argv],
            capture_output=True,
            text=True,
            check=check,
            timeout=60,
        )

    def load(self, image: str) -> None:
        saved = self._base / "image.tar"
        subprocess.run(["docker", "save", "--output", saved, image], check=True, timeout=60)
        self.docker("load", "--input", str(saved))


def _as_root() -> list[str]:
    return [] if os.geteuid() == 0 else ["sudo", "-n"]


@pytest.fixture
def engine() -> Iterator[OwnEngine]:
    # Short: a socket's path has 108 bytes at most.
    base = Path(tempfile.mkdtemp(prefix="rb-dockerd-"))
    made = OwnEngine(base)
    try:
        made.start()
        made.load(IMAGE)
        yield made
        made.docker("rm", "--force", "rbtest-restart-web-1", check=False)
    finally:
        made.stop()
        subprocess.run([*_as_root(), "rm", "-rf", "--one-file-system", base], check=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Stage]:
    root = tmp_path / "target"
    root.mkdir()
    (tmp_path / "gate").mkdir()
    (root / "compose.yml").write_text(COMPOSE.replace("@GATE@", str(tmp_path / "gate")))
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    author = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
    git(root, *author, "commit", "--quiet", "--message", "Begin")
    stage = Stage(root, tmp_path / "home")
    yield stage
    stage.close()
    shutil.rmtree(root)


def works(stage: Stage, _: OwnEngine) -> bool:
    """Whether `compose up` is at work."""
    begun = stage.has(ChildStarted)
    return begun and any("--wait" in child.argv for child in stage.state().children.values())


def waits(_: Stage, engine: OwnEngine) -> bool:
    """Whether `compose up` waits for a container to get healthy."""
    return engine.docker("ps", "--quiet").stdout != ""


@pytest.mark.parametrize("moment", [works, waits])
def test_the_step_says_that_the_engine_went_and_resume_brings_the_project_up(
    place: Stage, engine: OwnEngine, moment: Callable[[Stage, OwnEngine], bool]
) -> None:
    environment = {"DOCKER_HOST": engine.host}
    command = ("run", PLAN, "--target", place.root, "--yes", "-q")
    process = place.start(*command, **environment)
    wait_for(lambda: moment(place, engine) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    engine.stop()
    result = place.end_of(process)
    assert result.returncode == 1, result.stdout
    assert "The Docker engine went away while the project was brought up" in result.stderr
    assert place.state().step("up.apply").status is StepStatus.FAILED
    refused = place.runbook("resume", "--headless", "--yes", "-q", **environment)
    assert refused.returncode in (1, 5), refused.stdout + refused.stderr
    assert f"No Docker engine answers at {engine.host}" in refused.stderr
    engine.start()
    (place.root.parent / "gate/open").touch()
    result = place.runbook("resume", "--headless", "--yes", "-q", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert place.state().items["up"].status is ItemStatus.SUCCEEDED
    result = place.runbook("rollback", "up", "--yes", "-q", **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout
    assert engine.docker("ps", "--all", "--quiet").stdout == ""
