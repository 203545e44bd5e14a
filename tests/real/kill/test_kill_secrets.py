"""The engine is killed in the middle of steps of item 4 and of its rollback, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import pytest

from tests.real.demos import Demo

from .killing import Fields, Killing

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.slow, pytest.mark.timeout(600)]

POINTS = [
    "applied:secrets.credentials",
    "applied:secrets.exchange",
    "verified:secrets",
]
POINTS_OF_ROLLBACK = [
    "restored:secrets:secrets/api/db_password",
    "restored:secrets:docker-compose.staging.yml",
    "restored:secrets:db",
]


@pytest.fixture(scope="module")
def item(demo: Demo) -> Killing:
    made_anew = ("password:accounts",)
    return Killing(demo=demo, item="secrets", generated=("file:secrets/",), made_anew=made_anew)


@pytest.fixture(scope="module")
def states(item: Killing) -> tuple[Fields, Fields]:
    before, after = item.states()
    assert after["password:accounts"] != before["password:accounts"]
    return before, after


def hold(item: Killing, states: tuple[Fields, Fields]) -> None:
    now = item.make_good(states)
    assert now["password:accounts"] != states[0]["password:accounts"]


def test_an_engine_killed_in_step_after_step_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_at_each(POINTS)
    hold(item, states)


def test_a_kill_while_the_application_does_not_run_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_when("--wait", also=lambda: not item.demo.runs("api"))
    hold(item, states)


def test_a_kill_between_the_exchange_and_the_new_containers_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_when("--wait")
    hold(item, states)


def test_a_rollback_killed_over_and_over_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    item.kill_in_rollback(POINTS_OF_ROLLBACK, states[0])
