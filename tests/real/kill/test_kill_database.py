"""The engine is killed in the middle of steps of item 3 and of its rollback, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import docker
import docker.errors
import pytest

from runbook_app.domain.state import ItemStatus

from .conftest import RUNBOOK, Killed

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.timeout(900)]

PLAN = Path(__file__).with_name("database.yaml")
GENERATED = ("file:secrets/", "file:database/certs/")

POINTS = [
    "applied:database.migrate",
    *(
        pytest.param(point, marks=pytest.mark.slow)
        for point in (
            "effect:database.migrate",
            "applied:database.purge",
            "verified:database",
            "committed:database",
        )
    ),
]
POINTS_OF_ROLLBACK = [
    "restored:database:docker-compose.staging.yml",
    "restored:database:db",
]

Fields = dict[str, str]


def run(demo: Killed, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    return demo.runbook(
        "run", str(PLAN), "--target", str(demo.root), "--yes", "-q", crash_at=crash_at
    )


def comparable(demo: Killed) -> Fields:
    """The fingerprint's fields; generated keys and passwords by their declared properties."""
    fields = demo.comparable(PLAN)
    for name, value in fields.items():
        if name.startswith(GENERATED):
            fields[name] = value.partition(" ")[2]
        elif name == "password:accounts_owner":
            fields[name] = "set"
    return fields


def hold_rolled_back(demo: Killed, before: Fields) -> None:
    proof = demo.state().items["database"].rollback
    assert proof is not None
    assert proof.proven, proof.differences
    assert comparable(demo) == before


def roll_back(demo: Killed, before: Fields) -> None:
    result = demo.runbook("rollback", "database", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    hold_rolled_back(demo, before)


@pytest.fixture(scope="module")
def states(demo: Killed) -> tuple[Fields, Fields]:
    """The fields before item 3, and after an undisturbed run of it."""
    before = comparable(demo)
    result = run(demo)
    assert result.returncode == 0, result.stdout + result.stderr
    after = comparable(demo)
    roll_back(demo, before)
    return before, after


def resume(demo: Killed, after: Fields) -> None:
    assert demo.state().items["database"].status is not ItemStatus.SUCCEEDED
    result = demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert demo.state().items["database"].status is ItemStatus.SUCCEEDED
    assert comparable(demo) == after


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_middle_of_a_step_is_made_good(
    demo: Killed, states: tuple[Fields, Fields], point: str
) -> None:
    before, after = states
    result = run(demo, crash_at=point)
    assert result.returncode == 1, result.stdout + result.stderr
    resume(demo, after)
    roll_back(demo, before)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS_OF_ROLLBACK)
def test_a_kill_in_the_middle_of_a_rollback_is_made_good(
    demo: Killed, states: tuple[Fields, Fields], point: str
) -> None:
    assert run(demo).returncode == 0
    killed = demo.runbook("rollback", "database", "--yes", crash_at=point)
    assert killed.returncode == 1, killed.stdout + killed.stderr
    demo.runbook("resume", "--headless", "--yes", "-q")
    hold_rolled_back(demo, states[0])


@pytest.mark.slow
def test_a_kill_while_the_schema_moves_is_made_good(
    demo: Killed, states: tuple[Fields, Fields]
) -> None:
    before, after = states
    process = subprocess.Popen(
        [RUNBOOK, "run", str(PLAN), "--target", str(demo.root), "--yes", "-q"],
        env=demo.environment(),
        cwd=demo.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until(lambda: kept_out(demo), process)
    engine = demo.state().engine
    assert engine is not None
    os.kill(engine.pid, signal.SIGKILL)
    assert process.wait(60) == 1
    resume(demo, after)
    roll_back(demo, before)


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if holds():
            return
    raise AssertionError("it never came to that")


def kept_out(demo: Killed) -> bool:
    """Whether the application may not sign in: then its schema moves."""
    client = docker.from_env()
    try:
        container = client.containers.get(f"{demo.plan().variables['project']}-db-1")
        query = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'accounts'"
        return bool(container.exec_run(["psql", "-U", "postgres", "-Atc", query]).output == b"f\n")
    except docker.errors.DockerException:  # it is being made anew
        return False
    finally:
        client.close()
