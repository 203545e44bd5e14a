from __future__ import annotations

import asyncio
import itertools
import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from actions import _limits, _stack, _visitor, api
from runbook_app.domain.errors import NotMeasured
from runbook_app.ports.capabilities import ExecResult
from runbook_app.testing.capabilities import FakeContainers, container, result
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, Request, serving

WINDOW = 2.0
LIMIT = 3


class Limiter:
    """Fixed windows by the visitor's name, which its Host header gives."""

    def __init__(self, *, believes_forwarded: bool = False) -> None:
        self.believes_forwarded = believes_forwarded
        self.windows: dict[tuple[str, str], tuple[float, int]] = {}
        self.lock = threading.Lock()

    def __call__(self, request: Request) -> Answer:
        claimed = request.headers.get("x-forwarded-for") if self.believes_forwarded else None
        with self.lock:
            return self.answer(claimed or request.headers["host"], request.path)

    def answer(self, client: str, path: str) -> Answer:
        now = time.time()
        opened, used = self.windows.get((client, path), (now, 0))
        if now >= opened + WINDOW:
            opened, used = now, 0
        if used < LIMIT:
            self.windows[client, path] = (opened, used + 1)
            return Answer(status=401)
        rest = -int(-(opened + WINDOW - now) // 1)
        return Answer(status=429, headers=[("Retry-After", str(rest))])


def stated(path: str = "/login") -> _limits.Stated:
    return {
        "method": "POST",
        "path": path,
        "limit": LIMIT,
        "window": timedelta(seconds=WINDOW),
        "tier": "auth",
    }


LOGIN = _limits.Endpoint.of(stated())


def order(port: int, name: str = "visitor") -> dict[str, Any]:
    return {
        "entrance": {"host": "127.0.0.1", "port": port, "name": name, "ca": ""},
        "request": {"method": "POST", "path": "/login"},
        "limit": LIMIT,
    }


@pytest.fixture
def beside_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run throwaway containers in threads, as the real ones run beside each other."""

    async def run_once(
        self: FakeContainers,
        image: str,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        **_,
    ) -> ExecResult:
        return await asyncio.to_thread(self.on_run_once, image, argv, environment)

    monkeypatch.setattr(FakeContainers, "run_once", run_once)


def visiting(target: FakeTarget, port: int) -> None:
    """Give each throwaway container a name of its own, as it would have an address."""
    names = itertools.count()

    def visit(_: str, __: Sequence[str], environment: Mapping[str, str]) -> ExecResult:
        given = json.loads(environment[_stack.ORDER])
        given["entrance"] |= {"host": "127.0.0.1", "port": port, "name": f"visitor-{next(names)}"}
        return result(json.dumps(_visitor.ORDERS[given["do"]](given)))

    target.containers.running["api"] = container("api")
    target.containers.on_run_once = visit


@pytest.mark.usefixtures("beside_each_other")
async def test_limits_that_are_as_stated_pass(target: FakeTarget) -> None:
    with serving(Limiter()) as port:
        visiting(target, port)
        endpoints = [stated("/login"), stated("/password")]
        assert await target.measure(api.rate_limits, endpoints=endpoints) == []
    assert target.value("POST /login (auth): passed") == LIMIT
    assert target.value("endpoints probed") == 2


def test_a_claimed_address_that_is_believed_gets_past_the_limit() -> None:
    with serving(Limiter(believes_forwarded=True)) as port:
        seen = _visitor.limit(order(port))
    assert seen["refused"]["status"] == 401


def test_a_quota_used_in_part_before_is_waited_out() -> None:
    limiter = Limiter()
    limiter.windows["visitor", "/login"] = (time.time(), 2)
    with serving(limiter) as port:
        seen = _visitor.limit(order(port))
    assert seen["statuses"] == [401] * LIMIT
    assert seen["refused"]["status"] == 429


def visit(**other: object) -> dict[str, Any]:
    """What a visitor brings back from a limit that is as stated."""
    return {
        "statuses": [401] * LIMIT,
        "refused": {"status": 429, "at": 100.0},
        "retry_after": 2,
        "again": {"status": 401, "sent": 102.0},
    } | other


@pytest.mark.parametrize(
    ("met", "failed"),
    [
        ({}, []),
        ({"statuses": [401, 401, 429]}, ["passed"]),
        ({"statuses": [401, 401, 503]}, ["passed"]),
        ({"statuses": [401, 401, 0]}, ["passed"]),
        (
            {"refused": {"status": 401, "at": 1.0}, "retry_after": None, "again": None},
            ["next one", "Retry-After"],
        ),
        ({"retry_after": None, "again": None}, ["Retry-After"]),
        ({"retry_after": 3}, ["Retry-After"]),
        ({"retry_after": 0}, ["Retry-After"]),
        ({"again": {"status": 429, "sent": 102.0}}, ["after the wait"]),
    ],
)
def test_each_weakness_of_a_limit_has_a_measurement_that_fails(
    target: FakeTarget, met: dict[str, Any], failed: list[str]
) -> None:
    _limits.judge(target.run, LOGIN, visit(**met))
    found = [taken.name for taken in target.recorder.measurements if not taken.ok]
    assert found == [f"POST /login (auth): {name}" for name in failed]


@pytest.mark.parametrize(
    ("seen", "asked", "holds"),
    [
        ([(99.0, 401), (101.0, 401)], True, True),
        ([(99.0, 401), (101.0, 429)], True, False),
        ([(101.0, 0)], True, False),
        ([(99.0, 401), (102.5, 401)], False, True),
    ],
)
def test_only_what_was_asked_while_the_first_was_refused_tells_addresses_apart(
    target: FakeTarget, seen: list[tuple[float, int]], asked: bool, holds: bool
) -> None:
    blocked = _limits.judge(target.run, LOGIN, visit())
    assert blocked
    answers = [{"at": at, "status": status} for at, status in seen]
    assert _limits.judge_second_address(target.run, LOGIN, answers, blocked) is asked
    assert all(taken.ok for taken in target.recorder.measurements) is holds


async def test_a_witness_that_comes_too_late_measures_nothing(target: FakeTarget) -> None:
    answers = {"limit": visit(), "witness": {"seen": [[{"status": 401, "at": 200.0}]]}}
    target.containers.running["api"] = container("api")
    target.containers.on_run_once = lambda _, __, environment: result(
        json.dumps(answers[json.loads(environment[_stack.ORDER])["do"]])
    )
    with pytest.raises(NotMeasured, match="No second address asked POST /login"):
        await target.measure(api.rate_limits, endpoints=[stated()])


async def test_visits_wait_until_earlier_ones_no_longer_count(
    target: FakeTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr("asyncio.sleep", sleep)
    await _stack.fresh_quotas(target.run, 20)
    assert waited == []
    (target.scratch / "last-visit").write_text(str(time.time() - 5))
    await _stack.fresh_quotas(target.run, 20)
    assert waited == [pytest.approx(15, abs=5)]
