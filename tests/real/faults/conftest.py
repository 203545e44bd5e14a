"""One demo for all fault tests of a run; each test gets it as it was made."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import RUNBOOK, Gate, Stage, git


class Demo:
    def __init__(self, base: Path) -> None:
        self.root = base / "demo"
        self.project = f"rbtest-fault-{secrets.token_hex(2)}"
        self._environment = {**os.environ, "RUNBOOK_HOME": str(base / "home")}

    @property
    def first(self) -> str:
        """The commit that it was made with."""
        return git(self.root, "rev-list", "--max-parents=0", "HEAD").strip()

    def call(self, *options: str) -> None:
        done = subprocess.run(
            [RUNBOOK, "demo", str(self.root), *options],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr

    def remove_strangers(self) -> None:
        """Remove the project's containers that the demo does not have."""
        label = f"label=com.docker.compose.project={self.project}"
        command = ["docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}"]
        names = subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60
        ).stdout.split()
        own = {self.container(service) for service in ("api", "db")}
        if strangers := [name for name in names if name not in own]:
            subprocess.run(["docker", "rm", "--force", *strangers], check=True, timeout=60)

    def container(self, service: str) -> str:
        return f"{self.project}-{service}-1"


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    made = Demo(tmp_path_factory.mktemp("faults"))
    try:
        made.call("--no-open", "--project", made.project)
        yield made
    finally:
        made.call("--remove")


@pytest.fixture
def stage(demo: Demo, tmp_path: Path) -> Iterator[Stage]:
    """The demo's folder as it was made, with a home of its own for sessions."""
    made = Stage(demo.root, tmp_path / "home")
    try:
        yield made
    finally:
        made.close()
        git(demo.root, "reset", "--quiet", "--hard", demo.first)
        git(demo.root, "clean", "-fdxq", "--exclude=.runbook")


@pytest.fixture
def containers(demo: Demo, stage: Stage) -> Iterator[Demo]:
    """For tests that touch containers: as they were made, and put back so."""
    yield demo
    stage.close()
    git(demo.root, "reset", "--quiet", "--hard", demo.first)
    demo.remove_strangers()
    demo.call("--no-open")


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.close()
