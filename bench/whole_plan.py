"""The Phase 1 plan from a fresh demo to its end, and back: where its time goes. Needs Docker."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from bench import programs, samples
from bench.metric import Samples, Size, at_most, metric
from bench.tracing import sitecustomize as trace
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.sqlite_journal import SqliteJournal
from runbook_app.domain.clock import parse_time

AREA = "whole_plan"
ROOT = Path(__file__).parents[1]
PLAN = ROOT / "plans" / "phase1_security_hardening.yaml"
BACK = ("secrets", "database", "tls")
"""Items that change the target, in the order in which they can be rolled back."""
KINDS = (
    trace.BUILDS,
    trace.STARTS,
    trace.SUITE,
    trace.LOAD,
    trace.DATABASE,
    trace.OTHER,
    trace.WAITS,
)
"""What a moment counts as, when several are under way at once: the first of them."""

Interval = tuple[str, float, float]


@dataclass(slots=True)
class Whole:
    """Seconds."""

    demo: float = 0
    """Images and the first start."""
    run: float = 0
    processor: float = 0
    """Of the engine's own process."""
    by_kind: dict[str, float] = field(default_factory=dict)
    rollbacks: dict[str, float] = field(default_factory=dict)

    @property
    def own(self) -> float:
        """When the engine waited for nothing but itself."""
        return self.run - sum(self.by_kind.values())


def by_kind(noted: Sequence[Interval]) -> dict[str, float]:
    """Seconds in which at least one was under way, each moment counted once."""
    edges = sorted(
        [(begin, KINDS.index(kind), 1) for kind, begin, _ in noted]
        + [(end, KINDS.index(kind), -1) for kind, _, end in noted]
    )
    found = dict.fromkeys(KINDS, 0.0)
    going, before = [0] * len(KINDS), 0.0
    for at, kind, change in edges:
        first = next((place for place, count in enumerate(going) if count), None)
        if first is not None:
            found[KINDS[first]] += at - before
        going[kind] += change
        before = at
    return found


@cache
def whole() -> Whole:
    """Make a demo, harden it, roll it back, and remove it.

    Raises:
        Lacking: one of these did not end well; the message has its last words.
    """
    found = Whole()
    with samples.folder() as base:
        target, home, traces = base / "demo", base / "home", base / "traces"
        traces.mkdir()
        home.mkdir(mode=0o700)
        here = {"RUNBOOK_HOME": str(home)}
        try:
            found.demo = _runbook(here, "demo", str(target), "--no-open")
            key = programs.output([*programs.RUNBOOK, "recipient"], **here).strip()
            watched = {
                **here,
                "RUNBOOK_BENCH_TRACE": str(traces),
                "PYTHONPATH": str(Path(trace.__file__).parent),
            }
            words = ("--target", str(target), "--yes")
            _runbook(watched, "run", str(PLAN), *words, "--seal-to", key, "-q")
            (told,) = (json.loads(path.read_text()) for path in traces.iterdir())
            found.run = _seconds(home)
            found.processor = told["processor"]
            found.by_kind = by_kind([tuple(noted) for noted in told["noted"]])
            for item in BACK:
                found.rollbacks[item] = _runbook(here, "rollback", *words, item)
        finally:
            _runbook(here, "demo", str(target), "--remove")
    return found


def _seconds(home: Path) -> float:
    """From the engine's start to the journal's last entry."""
    (path,) = home.glob("*/journal.db")
    journal = SqliteJournal(path, SystemClock(), read_only=True)
    try:
        (first,), (last,) = journal.read(0, 1), journal.read(journal.tip()[0] - 1, 1)
    finally:
        journal.close()
    return (parse_time(last.at) - parse_time(first.at)).total_seconds()


def _runbook(environment: Mapping[str, str], *words: str) -> float:
    return programs.wall([*programs.RUNBOOK, *words], **environment) / 1e3


@metric(AREA, "our own share of the whole plan", goal=at_most(5), unit="%", quick=False)
def own_share(size: Size) -> Samples:
    del size
    ran = whole()
    split = ", ".join(f"{kind} {seconds:.0f} s" for kind, seconds in ran.by_kind.items())
    note = (
        f"{ran.run:.0f} s after {ran.demo:.0f} s for the demo: {split}, ourselves {ran.own:.1f} s "
        f"(processor time of the engine {ran.processor:.1f} s); one run"
    )
    return Samples(ours=[ran.own / ran.run * 100], note=note)


@metric(AREA, "slowest rollback of an item", goal=at_most(30), unit="s", quick=False)
def rollback(size: Size) -> Samples:
    del size
    back = whole().rollbacks
    note = ", ".join(f"{item} {seconds:.0f} s" for item, seconds in back.items()) + "; one run"
    return Samples(ours=[max(back.values())], note=note)
