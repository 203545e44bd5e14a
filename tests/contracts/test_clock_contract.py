"""What every clock promises; the fake and the real one take the same tests."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_app.adapters.clock import SystemClock
from runbook_app.testing.clock import START, FixedClock


@pytest.fixture(params=[SystemClock, FixedClock])
def clock(request):
    return request.param()


def test_the_time_is_utc(clock):
    assert clock.now().utcoffset() == timedelta()


def test_durations_never_go_backwards(clock):
    assert clock.monotonic() <= clock.monotonic()


def test_the_fixed_clock_moves_when_told():
    clock = FixedClock()
    clock.advance(90)
    clock.advance(timedelta(minutes=1))
    assert clock.now() - START == timedelta(seconds=150)
    assert clock.monotonic() == 150


def test_the_fixed_clock_may_tick_at_each_look():
    clock = FixedClock(tick=timedelta(seconds=1))
    assert [(clock.now() - START).seconds for _ in range(3)] == [0, 1, 2]
