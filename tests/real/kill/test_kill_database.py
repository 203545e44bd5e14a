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

import docker
import docker.errors
import pytest

from tests.real.demos import Demo

from .killing import Fields, Killing

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(900)]

POINTS = [
    "applied:database.migrate",
    "applied:database.purge",
    "verified:database",
    "committed:database",
]
POINTS_OF_ROLLBACK = [
    "restored:database:docker-compose.staging.yml",
    "restored:database:db",
]


@pytest.fixture(scope="module")
def item(demo: Demo) -> Killing:
    generated = ("file:secrets/", "file:database/certs/")
    made_anew = ("password:accounts_owner",)
    return Killing(demo=demo, item="database", generated=generated, made_anew=made_anew)


@pytest.fixture(scope="module")
def states(item: Killing) -> tuple[Fields, Fields]:
    return item.states()


def test_an_engine_killed_in_step_after_step_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_at_each(POINTS)
    item.make_good(states)


def test_a_rollback_killed_over_and_over_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_in_rollback(POINTS_OF_ROLLBACK, states[0])


def test_a_kill_while_the_database_does_not_run_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_when("up", also=lambda: not item.demo.runs("db"))
    item.make_good(states)


def test_a_rollback_killed_while_the_database_is_made_anew_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    assert item.run().returncode == 0
    with item.start_rollback() as process:
        item.demo.kill_engine_when("up", process, also=item.demo.has_interim_container)
        assert process.wait(60) == 1
    assert item.demo.has_interim_container()
    item.resume_rollback(states[0])
    assert not item.demo.has_interim_container()


def test_a_kill_while_the_schema_moves_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    with item.start() as process:
        until(lambda: kept_out(item.demo), process)
        engine = item.demo.state().engine
        assert engine is not None
        os.kill(engine.pid, signal.SIGKILL)
        assert process.wait(60) == 1
    item.make_good(states)


def until(holds: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        if holds():
            return
    raise AssertionError("it never came to that")


def kept_out(demo: Demo) -> bool:
    """Whether the application may not sign in: then its schema moves."""
    client = docker.from_env()
    try:
        container = client.containers.get(f"{demo.project}-db-1")
        query = "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'accounts'"
        return bool(container.exec_run(["psql", "-U", "postgres", "-Atc", query]).output == b"f\n")
    except docker.errors.DockerException:  # it is being made anew
        return False
    finally:
        client.close()
