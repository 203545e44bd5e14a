"""The engine is killed in the middle of each step of item 2, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import subprocess

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.state import ItemStatus

from .conftest import PLAN, RUNBOOK, Killed, lives

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.timeout(600)]

POINTS = [
    "captured:tls.certificates:3",
    "captured:tls.nginx:7",
    "captured:tls.compose:9",
    "applied:tls.apply",
    *(
        pytest.param(point, marks=pytest.mark.slow)
        for point in (
            "effect:tls.certificates",
            "applied:tls.nginx",
            "effect:tls.compose",
            "committed:tls",
        )
    ),
]


def run(demo: Killed, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    return demo.runbook(
        "run", str(PLAN), "--target", str(demo.root), "--yes", "-q", crash_at=crash_at
    )


def roll_back(demo: Killed, before: dict[str, str]) -> None:
    result = demo.runbook("rollback", "tls", "--yes")
    assert result.returncode == 0, result.stdout + result.stderr
    proof = demo.state().items["tls"].rollback
    assert proof is not None
    assert proof.proven, proof.differences
    assert demo.comparable() == before


@pytest.fixture(scope="session")
def states(demo: Killed) -> tuple[dict[str, str], dict[str, str]]:
    """The fields before item 2, and after an undisturbed run of it."""
    result = run(demo)
    assert result.returncode == 0, result.stdout + result.stderr
    after = demo.comparable()
    assert demo.runbook("rollback", "tls", "--yes").returncode == 0
    return demo.comparable(), after


def hold(demo: Killed, states: tuple[dict[str, str], dict[str, str]]) -> None:
    """Resume, and compare with the undisturbed run; then roll back, and compare with before."""
    before, after = states
    assert demo.state().items["tls"].status is not ItemStatus.SUCCEEDED
    result = demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert demo.comparable() == after
    assert demo.state().items["tls"].status is ItemStatus.SUCCEEDED
    assert demo.state().children == {}
    roll_back(demo, before)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_middle_of_a_step_is_made_good(
    demo: Killed, states: tuple[dict[str, str], dict[str, str]], point: str
) -> None:
    result = run(demo, crash_at=point)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "resume" in result.stdout + result.stderr
    hold(demo, states)


def test_a_kill_while_compose_up_runs_leaves_no_second_actor(
    demo: Killed, states: tuple[dict[str, str], dict[str, str]]
) -> None:
    with subprocess.Popen(
        [RUNBOOK, "run", str(PLAN), "--target", str(demo.root), "--yes", "-q"],
        env=demo.environment(),
        cwd=demo.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        demo.kill_engine_when("up", process)
        assert process.wait(60) == 1
    started = [e.body for e in demo.entries() if isinstance(e.body, ev.ChildStarted)]
    up = [child for child in started if "up" in child.argv][-1]
    assert not lives(up.pid, up.pid_started)
    hold(demo, states)


def test_the_repository_is_left_clean_after_all_of_it(demo: Killed) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=demo.root, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
