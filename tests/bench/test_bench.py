"""The bench's own arithmetic and pages; what it measures is asserted nowhere."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from bench import AREAS, report
from bench.__main__ import as_installed
from bench.limits import per_million
from bench.machine import memory
from bench.metric import (
    QUICK,
    REGISTRY,
    Curve,
    Goal,
    Lacking,
    Metric,
    Points,
    Samples,
    at_least,
    at_most,
    in_turn,
)
from bench.plot import plot
from bench.statistics import growth, median, percentile, spread
from bench.tracing import sitecustomize as trace
from bench.whole_plan import by_kind

PAGE = Path(__file__).parents[2] / "docs" / "performance.md"


def made_metric(goal: Goal, against: str = "the limit") -> Metric:
    return Metric(
        area="area",
        name="a step",
        against=against,
        goal=goal,
        unit="ms",
        measure=lambda _: Samples(ours=[1]),
        quick=True,
    )


def test_spread_is_the_median_distance_from_the_median():
    values = [1.0, 2.0, 3.0, 4.0, 100.0]
    assert (median(values), spread(values)) == (3.0, 1.0)


def test_a_percentile_is_a_value_that_was_measured():
    values = [float(n) for n in range(1, 21)]
    assert [percentile(values, p) for p in (50, 95, 99, 100)] == [10, 19, 20, 20]


@pytest.mark.parametrize("power", [0, 1, 2])
def test_growth_finds_the_power(power):
    sizes = [10, 100, 1_000]
    assert growth(sizes, [3.0 * size**power for size in sizes]) == pytest.approx(power)


def test_sides_are_measured_in_turn_and_the_first_round_is_thrown_away():
    calls: list[str] = []

    def side(name: str) -> float:
        calls.append(name)
        return float(len(calls))

    found = in_turn(3, lambda: side("a"), lambda: side("b"))
    assert "".join(calls) == "baabbaab"
    assert found == [[3, 6, 7], [4, 5, 8]]


def test_the_value_is_the_median_of_the_rounds_ratios_not_the_ratio_of_medians():
    samples = Samples(ours=[2, 9, 4], other=[1, 3, 8])
    assert samples.compared == [2, 3, 0.5]
    assert (samples.value, samples.spread) == (2, 1)


def test_memory_is_held_against_a_tenth_and_a_loss_is_not_hidden():
    grown = [(10, 30.0), (1_000_000, 50.0), (5_000_000, 70.0), (10_000_000, 95.0)]
    assert per_million(grown, 10_000_000) == pytest.approx(5)
    ending = [*grown, (10_000_000, 60.0), (10_000_000, 8.0)]
    assert per_million(ending, 10_000_000) == pytest.approx(5)
    shrunk = [(1_000_000, 50.0), (2_000_000, 49.0)]
    assert per_million(shrunk, 2_000_000) == pytest.approx(-1)
    with pytest.raises(Lacking, match="too short"):
        per_million(grown[:2], 10_000_000)


def test_a_process_that_has_ended_has_no_memory():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert memory(ended.pid) == 0
    ended.wait()
    assert memory(os.getpid()) > 1


def test_a_goal_holds_from_above_or_from_below():
    assert at_most(2).reached(2)
    assert not at_most(2).reached(2.1)
    assert at_least(2).reached(2)
    assert not at_least(2).reached(1.9)


def test_the_table_says_value_goal_and_whether_it_was_reached():
    samples = Samples(ours=[10, 20, 30], other=[10, 10, 10], note="3 runs")
    rows = report.metric_table(
        [
            report.of_metric(made_metric(at_most(2)), samples),
            report.of_metric(made_metric(at_most(1.9)), samples),
            report.of_metric(made_metric(at_least(5), against=""), Samples(ours=[4, 4])),
            report.of_metric(made_metric(at_most(1)), None, "no engine answers"),
        ]
    ).splitlines()
    assert rows[2:] == [
        "| a step / the limit | 20 ms | 10 ms | 2 ± 1 | ≤ 2 | yes; 3 runs |",
        "| a step / the limit | 20 ms | 10 ms | 2 ± 1 | ≤ 1.9 | no; 3 runs |",
        "| a step | 4 ms | – | 4 ± 0 | ≥ 5 | no |",
        "| a step / the limit | – | – | – | ≤ 1 | not measured: no engine answers |",
    ]


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (0.01234, "0.0123"), (12.34, "12.3"), (12_345.6, "12,346")]
)
def test_numbers_have_three_digits_and_no_exponent(value, text):
    assert report.number(value) == text


def results() -> report.Results:
    curve = Curve(
        area="area",
        name="a fold",
        grows_with="events",
        unit="ms",
        measure=lambda _: Points(sizes=[1, 10], values=[1, 10]),
        quick=True,
    )
    return report.Results(
        size="quick",
        at="2026-01-01",
        machine={"cores": "2"},
        load_before="0",
        load_after="1",
        metrics=[report.of_metric(made_metric(at_most(2)), Samples(ours=[1, 2], other=[1, 1]))],
        curves=[report.of_curve(curve, curve.measure(QUICK))],
    )


def test_results_are_written_between_the_markers_and_twice_makes_no_difference(tmp_path):
    page = tmp_path / "performance.md"
    begin, end = report.BEGIN.format("quick"), report.END.format("quick")
    page.write_text(f"before\n{begin}\nstale\n{end}\nafter\n", encoding="utf-8")
    report.write(results(), tmp_path)
    once = page.read_text(encoding="utf-8")
    report.write(results(), tmp_path)
    assert page.read_text(encoding="utf-8") == once
    assert once.startswith(f"before\n{begin}\n")
    assert once.endswith(f"{end}\nafter\n")
    assert "stale" not in once
    assert "1: 1 ms, 10: 10 ms | 1.00 (linear)" in once
    (image,) = (tmp_path / "images").iterdir()
    assert f"images/{image.name}" in once
    kept = json.loads((tmp_path / "performance-quick.json").read_text(encoding="utf-8"))
    assert kept["metrics"][0]["ours"] == [1, 2]


def test_a_page_without_markers_is_refused():
    with pytest.raises(ValueError, match="markers"):
        report.insert("nothing here", "quick", "text")


def test_a_plot_is_well_formed_and_has_every_point_in_its_frame():
    svg = plot({"a < b": [(10, 1), (1_000, 100)], "c": [(10, 5)]}, "ms")
    root = ET.fromstring(svg)
    space = "{http://www.w3.org/2000/svg}"
    places = [(float(c.get("cx")), float(c.get("cy"))) for c in root.iter(f"{space}circle")]
    assert places == [(70, 350), (450, 20), (70, pytest.approx(234.7, abs=0.1))]
    assert "a < b" in [text.text for text in root.iter(f"{space}text")]


def test_every_area_registers_its_metrics_each_with_a_goal_and_one_name():
    for area in AREAS:
        importlib.import_module(f"bench.{area}")
    names = [(metric.name, metric.against) for metric in REGISTRY.metrics]
    assert len(names) == len(set(names))
    assert all(metric.goal.limit > 0 for metric in REGISTRY.metrics)


def test_the_page_has_places_for_both_sizes():
    text = PAGE.read_text(encoding="utf-8")
    for part in ("quick", "full"):
        assert text.count(report.BEGIN.format(part)) == text.count(report.END.format(part)) == 1


def test_a_moment_of_the_whole_plan_counts_once_as_the_first_kind_that_was_under_way() -> None:
    noted = [
        (trace.OTHER, 0.0, 10.0),
        (trace.SUITE, 2.0, 5.0),
        (trace.STARTS, 4.0, 6.0),
        (trace.OTHER, 9.0, 12.0),
        (trace.WAITS, 20.0, 21.0),
    ]
    found = {kind: seconds for kind, seconds in by_kind(noted).items() if seconds}
    assert found == {trace.OTHER: 8.0, trace.SUITE: 2.0, trace.STARTS: 2.0, trace.WAITS: 1.0}
    assert set(by_kind([]).values()) == {0.0}


def test_an_engine_is_looked_into_and_no_other_process(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "RUNBOOK_BENCH_TRACE": str(tmp_path),
        "PYTHONPATH": str(Path(trace.__file__).parent),
    }
    other = [sys.executable, "-c", "import asyncio; print(asyncio.sleep.__code__.co_name)"]
    told = subprocess.run(other, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout == "sleep\n"
    engine = [sys.executable, "-m", "runbook_app.processes.engine", str(tmp_path / "none"), "1"]
    subprocess.run(engine, env=environment, capture_output=True, check=False)
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["noted"] == []


def test_programs_that_are_measured_keep_their_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    as_installed()
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
