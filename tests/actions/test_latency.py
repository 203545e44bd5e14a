from __future__ import annotations

from datetime import timedelta

import pytest

from actions import api
from runbook_app.domain.errors import CheckFailed
from runbook_app.testing.network import latency
from runbook_app.testing.run import FakeTarget
from tests.actions.servers import Answer, Request, serving

URL = "http://localhost:8001/health"
QUICK = [0.010] * 90 + [0.020] * 10
SLOW = [0.010] * 90 + [0.200] * 10


async def test_a_p95_within_its_limit_passes(target: FakeTarget) -> None:
    target.http.on_load = lambda _: latency(QUICK)
    assert await target.measure(api.latency, url=URL) == []
    assert target.value("P95") == 20.0
    assert target.value("samples") == 100


async def test_a_p95_above_its_limit_fails(target: FakeTarget) -> None:
    target.http.on_load = lambda _: latency(SLOW)
    assert await target.measure(api.latency, url=URL) == ["P95"]


async def test_an_injected_delay_is_seen(networked: FakeTarget) -> None:
    import threading

    never = threading.Event()

    def slow(_: Request) -> Answer:
        never.wait(0.06)
        return Answer()

    with serving(slow) as port:
        failed = await networked.measure(
            api.latency,
            url=f"http://127.0.0.1:{port}/",
            limit=timedelta(milliseconds=50),
            requests=10,
            warmup=1,
        )
    assert failed == ["P95"]


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [({200: 100, 429: 1}, "answers 429"), ({200: 100, 502: 1}, "other answers")],
)
async def test_any_other_answer_fails(
    target: FakeTarget, statuses: dict[int, int], failed: str
) -> None:
    target.http.on_load = lambda _: latency(QUICK, statuses)
    assert await target.measure(api.latency, url=URL) == [failed]


async def test_no_answer_at_all_fails(target: FakeTarget) -> None:
    with pytest.raises(CheckFailed, match="never answered with 200"):
        await target.measure(api.latency, url=URL)


async def test_the_difference_to_the_baseline_is_told(target: FakeTarget) -> None:
    target.http.on_load = lambda _: latency(QUICK)
    assert await target.measure(api.latency, url=URL, baseline=True) == []
    target.recorder.age("tls/checkpoint/latency")
    target.http.on_load = lambda _: latency([sample + 0.005 for sample in QUICK])
    assert await target.measure(api.latency, url=URL) == []
    assert target.value("baseline") == 20.0
    assert target.value("difference to baseline") == 5.0
    assert target.value("difference, 95% interval") == "-5.00 to +15.00"


async def test_a_baseline_is_never_above_a_limit(target: FakeTarget) -> None:
    target.http.on_load = lambda _: latency(SLOW)
    assert await target.measure(api.latency, url=URL, baseline=True) == []


async def test_without_a_baseline_it_says_so(target: FakeTarget) -> None:
    target.http.on_load = lambda _: latency(QUICK)
    await target.measure(api.latency, url=URL)
    assert target.value("difference to baseline") == "no baseline in this session"
