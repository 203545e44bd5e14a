"""The engine is killed in the middle of each step of item 2, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import subprocess

import pytest

from runbook_app.domain import events as ev
from tests.real.demos import Demo, lives

from .killing import Fields, Killing

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.timeout(600)]

ONE_IN_EACH_STEP = [
    "effect:tls.certificates",
    "applied:tls.nginx",
    "effect:tls.compose",
    "applied:tls.apply",
]
IN_THE_MIDDLE = [
    "captured:tls.certificates:3",
    "captured:tls.nginx:7",
    "captured:tls.compose:9",
    "committed:tls",
]


@pytest.fixture(scope="module")
def item(demo: Demo) -> Killing:
    return Killing(demo=demo, item="tls")


@pytest.fixture(scope="module")
def states(item: Killing) -> tuple[Fields, Fields]:
    return item.states()


def test_an_engine_killed_in_step_after_step_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_at_each(ONE_IN_EACH_STEP)
    item.make_good(states)


@pytest.mark.slow
def test_an_engine_killed_in_the_middle_of_step_after_step_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_at_each(IN_THE_MIDDLE)
    item.make_good(states)


def test_a_kill_while_compose_up_runs_leaves_no_second_actor(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_when("up")
    hold_compose_ended(item)
    item.make_good(states)


def hold_compose_ended(item: Killing) -> None:
    started = [e.body for e in item.demo.entries() if isinstance(e.body, ev.ChildStarted)]
    up = [child for child in started if "up" in child.argv][-1]
    assert not lives(up.pid, up.pid_started)


def kill_while_the_api_is_replaced(item: Killing) -> None:
    """Kill it as soon as Compose has made the new container beside the old one."""
    item.kill_when("up", also=item.demo.has_interim_container)
    hold_compose_ended(item)
    assert item.demo.has_interim_container()


def test_a_kill_while_compose_replaces_a_container_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    kill_while_the_api_is_replaced(item)
    item.make_good(states)
    assert not item.demo.has_interim_container()


def test_a_kill_while_compose_replaces_a_container_is_rolled_back(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    kill_while_the_api_is_replaced(item)
    item.roll_back(states[0])
    assert not item.demo.has_interim_container()


def test_the_repository_is_left_clean_after_all_of_it(demo: Demo) -> None:
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=demo.root, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
