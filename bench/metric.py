"""What is measured: metrics with a goal, and curves that show how something grows.

Each is a function of a `Size`, registered by its decorator. It returns samples and judges nothing;
where it can't be measured here it raises `Lacking`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.statistics import growth, median, spread


class Lacking(Exception):
    """What a metric needs is not there; the message says what, and becomes its result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much is measured."""

    name: str
    runs: int
    """Samples of each side, a first one for warming up not counted."""
    steps: int
    events: int
    """Entries of the largest journal; its smaller companion has a tenth."""
    lines: int
    """Log lines of the largest log; its smaller companion has a tenth."""


QUICK = Size(name="quick", runs=5, steps=1_000, events=20_000, lines=200_000)
FULL = Size(name="full", runs=7, steps=10_000, events=1_000_000, lines=10_000_000)


@dataclass(frozen=True, slots=True)
class Goal:
    limit: float
    least: bool = False
    """It is a lower bound."""

    def reached(self, value: float) -> bool:
        return value >= self.limit if self.least else value <= self.limit

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """What was measured, in the metric's unit; `other` in turn with `ours`, or empty."""

    ours: Sequence[float]
    other: Sequence[float] = ()
    note: str = ""

    @property
    def compared(self) -> list[float]:
        """Ratio of each round, or the plain values where nothing stands beside them."""
        if not self.other:
            return list(self.ours)
        return [a / b for a, b in zip(self.ours, self.other, strict=True)]

    @property
    def value(self) -> float:
        return median(self.compared)

    @property
    def spread(self) -> float:
        return spread(self.compared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    area: str
    name: str
    against: str
    """The limit or the peer that it is divided by; empty for a plain value."""
    goal: Goal
    unit: str
    measure: Callable[[Size], Samples]
    quick: bool
    """It is in the quick run too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """One measured value for each size."""

    sizes: Sequence[int]
    values: Sequence[float]
    note: str = ""

    @property
    def exponent(self) -> float:
        """Of the power of the size that fits best: 0 is flat, 1 linear."""
        return growth(self.sizes, self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    area: str
    name: str
    grows_with: str
    unit: str
    measure: Callable[[Size], Points]
    quick: bool


@dataclass(slots=True)
class Registry:
    metrics: list[Metric] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def metric(
        self,
        area: str,
        name: str,
        *,
        goal: Goal,
        unit: str,
        against: str = "",
        quick: bool = True,
    ) -> Callable[[Callable[[Size], Samples]], Callable[[Size], Samples]]:
        def register(measure: Callable[[Size], Samples]) -> Callable[[Size], Samples]:
            made = Metric(
                area=area,
                name=name,
                against=against,
                goal=goal,
                unit=unit,
                measure=measure,
                quick=quick,
            )
            self.metrics.append(made)
            return measure

        return register

    def curve(
        self, area: str, name: str, *, grows_with: str, unit: str, quick: bool = True
    ) -> Callable[[Callable[[Size], Points]], Callable[[Size], Points]]:
        def register(measure: Callable[[Size], Points]) -> Callable[[Size], Points]:
            made = Curve(
                area=area, name=name, grows_with=grows_with, unit=unit, measure=measure, quick=quick
            )
            self.curves.append(made)
            return measure

        return register


REGISTRY = Registry()
metric = REGISTRY.metric
curve = REGISTRY.curve


def at_most(limit: float) -> Goal:
    return Goal(limit)


def at_least(limit: float) -> Goal:
    return Goal(limit, least=True)


Side = Callable[[], float]


def in_turn(runs: int, *sides: Side) -> list[list[float]]:
    """Samples of each side, taken in turn and in changing order; a first round is thrown away."""
    found: list[list[float]] = [[] for _ in sides]
    for turn in range(runs + 1):
        order = list(enumerate(sides))
        for place, side in order if turn % 2 else reversed(order):
            value = side()
            if turn:
                found[place].append(value)
    return found


def compare(runs: int, ours: Side, other: Side, note: str = "") -> Samples:
    mine, theirs = in_turn(runs, ours, other)
    return Samples(ours=mine, other=theirs, note=note)


def timed(work: Callable[[], object], unit: float = 1e3) -> Side:
    """A side that tells how long some work took; in milliseconds unless `unit` says otherwise."""

    def side() -> float:
        began = time.perf_counter()
        work()
        return (time.perf_counter() - began) * unit

    return side


def decades(largest: int, *, smallest: int) -> list[int]:
    """Powers of ten between the two, both included."""
    found = [smallest]
    while found[-1] * 10 <= largest:
        found.append(found[-1] * 10)
    return found
