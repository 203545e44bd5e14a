"""The engine is killed in the middle of steps of item 4 and of its rollback, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from runbook_app.domain.state import ItemStatus

from .conftest import RUNBOOK, Killed

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.timeout(600)]

PLAN = Path(__file__).with_name("secrets.yaml")

POINTS = [
    "applied:secrets.exchange",
    *(
        pytest.param(point, marks=pytest.mark.slow)
        for point in (
            "applied:secrets.credentials",
            "effect:secrets.exchange",
            "verified:secrets",
        )
    ),
]
POINTS_OF_ROLLBACK = [
    "restored:secrets:secrets/api/db_password",
    "restored:secrets:docker-compose.staging.yml",
    "restored:secrets:db",
]

Fields = dict[str, str]


def run(demo: Killed, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    return demo.runbook(
        "run", str(PLAN), "--target", str(demo.root), "--yes", "-q", crash_at=crash_at
    )


def comparable(demo: Killed) -> Fields:
    """The fingerprint's fields; new credentials by their declared properties."""
    fields = demo.comparable(PLAN)
    for name, value in fields.items():
        if name.startswith("file:secrets/"):
            fields[name] = value.partition(" ")[2]
    return fields


def but_for_the_password(fields: Fields) -> Fields:
    return {name: value for name, value in fields.items() if name != "password:accounts"}


def hold_rolled_back(demo: Killed, before: Fields) -> None:
    proof = demo.state().items["secrets"].rollback
    assert proof is not None
    assert proof.proven, proof.differences
    assert comparable(demo) == before


def roll_back(demo: Killed, before: Fields) -> None:
    result = demo.runbook("rollback", "secrets", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    hold_rolled_back(demo, before)


@pytest.fixture(scope="module")
def states(demo: Killed) -> tuple[Fields, Fields]:
    """The fields before item 4, and after an undisturbed run of it."""
    before = comparable(demo)
    result = run(demo)
    assert result.returncode == 0, result.stdout + result.stderr
    after = comparable(demo)
    assert after["password:accounts"] != before["password:accounts"]
    roll_back(demo, before)
    return before, after


def resume(demo: Killed, states: tuple[Fields, Fields]) -> None:
    before, after = states
    assert demo.state().items["secrets"].status is not ItemStatus.SUCCEEDED
    result = demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert demo.state().items["secrets"].status is ItemStatus.SUCCEEDED
    now = comparable(demo)
    assert but_for_the_password(now) == but_for_the_password(after)
    assert now["password:accounts"] != before["password:accounts"]


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_middle_of_a_step_is_made_good(
    demo: Killed, states: tuple[Fields, Fields], point: str
) -> None:
    result = run(demo, crash_at=point)
    assert result.returncode == 1, result.stdout + result.stderr
    resume(demo, states)
    roll_back(demo, states[0])


@pytest.mark.slow
def test_a_kill_between_the_exchange_and_the_new_containers_is_made_good(
    demo: Killed, states: tuple[Fields, Fields]
) -> None:
    process = subprocess.Popen(
        [RUNBOOK, "run", str(PLAN), "--target", str(demo.root), "--yes", "-q"],
        env=demo.environment(),
        cwd=demo.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    demo.kill_engine_when("--wait", process)
    assert process.wait(60) == 1
    resume(demo, states)
    roll_back(demo, states[0])


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS_OF_ROLLBACK)
def test_a_kill_in_the_middle_of_a_rollback_is_made_good(
    demo: Killed, states: tuple[Fields, Fields], point: str
) -> None:
    assert run(demo).returncode == 0
    killed = demo.runbook("rollback", "secrets", "--yes", crash_at=point)
    assert killed.returncode == 1, killed.stdout + killed.stderr
    demo.runbook("resume", "--headless", "--yes", "-q")
    hold_rolled_back(demo, states[0])
