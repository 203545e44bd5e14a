"""The engine is killed in the middle of steps of item 4 and of its rollback, on the real stack.

`runbook resume --headless --yes` then ends in the state of an undisturbed run, and the rollback
after it in the state before.
"""

from __future__ import annotations

import pytest

from tests.real.demos import Demo

from .killing import Fields, Killing

pytestmark = [pytest.mark.real, pytest.mark.kill, pytest.mark.timeout(600)]

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
    before, after = states
    now = item.resume(after)
    assert now["password:accounts"] != before["password:accounts"]
    item.roll_back(before)


@pytest.mark.parametrize("point", POINTS)
def test_a_kill_in_the_middle_of_a_step_is_made_good(
    item: Killing, states: tuple[Fields, Fields], point: str
) -> None:
    result = item.run(crash_at=point)
    assert result.returncode == 1, result.stdout + result.stderr
    hold(item, states)


@pytest.mark.slow
def test_a_kill_between_the_exchange_and_the_new_containers_is_made_good(
    item: Killing, states: tuple[Fields, Fields]
) -> None:
    with item.start() as process:
        item.demo.kill_engine_when("--wait", process)
        assert process.wait(60) == 1
    hold(item, states)


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS_OF_ROLLBACK)
def test_a_kill_in_the_middle_of_a_rollback_is_made_good(
    item: Killing, states: tuple[Fields, Fields], point: str
) -> None:
    item.kill_in_rollback(point, states[0])
