"""Results as JSON, as Markdown tables between the markers of a page, and as plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from bench.metric import Curve, Metric, Points, Samples
from bench.plot import plot
from bench.statistics import median

BEGIN = "<!-- bench: begin {} -->"
END = "<!-- bench: end {} -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricResult:
    area: str
    name: str
    against: str
    goal: str
    unit: str
    ours: Sequence[float] = ()
    other: Sequence[float] = ()
    value: float | None = None
    """Ratio to what it stands against, or the plain value; None when it could not be had."""
    spread: float = 0.0
    reached: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CurveResult:
    area: str
    name: str
    grows_with: str
    unit: str
    sizes: Sequence[int] = ()
    values: Sequence[float] = ()
    exponent: float | None = None
    note: str = ""


@dataclass(slots=True, kw_only=True)
class Results:
    size: str
    at: str
    machine: Mapping[str, str]
    load_before: str
    load_after: str = ""
    metrics: list[MetricResult] = field(default_factory=list)
    curves: list[CurveResult] = field(default_factory=list)

    def json(self) -> str:
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def of_metric(metric: Metric, samples: Samples | None, note: str = "") -> MetricResult:
    """The result of a metric; without samples the note says why there are none."""
    plain = MetricResult(
        area=metric.area,
        name=metric.name,
        against=metric.against,
        goal=str(metric.goal),
        unit=metric.unit,
        note=note,
    )
    if samples is None:
        return plain
    return replace(
        plain,
        ours=samples.ours,
        other=samples.other,
        value=samples.value,
        spread=samples.spread,
        reached=metric.goal.reached(samples.value),
        note=samples.note,
    )


def of_curve(curve: Curve, points: Points | None, note: str = "") -> CurveResult:
    found = points or Points(sizes=(), values=(), note=note)
    return CurveResult(
        area=curve.area,
        name=curve.name,
        grows_with=curve.grows_with,
        unit=curve.unit,
        sizes=found.sizes,
        values=found.values,
        exponent=found.exponent if points else None,
        note=found.note,
    )


def metric_table(results: Sequence[MetricResult]) -> str:
    rows = ["| metric | ours | beside it | value | goal | reached |", "| --- " * 6 + "|"]
    for result in results:
        name = f"{result.name} / {result.against}" if result.against else result.name
        if result.value is None:
            rows.append(f"| {name} | – | – | – | {result.goal} | not measured: {result.note} |")
            continue
        other = quantity(median(result.other), result.unit) if result.other else "–"
        note = f"; {result.note}" if result.note else ""
        rows.append(
            f"| {name} | {quantity(median(result.ours), result.unit)} | {other} "
            f"| {number(result.value)} ± {number(result.spread)} | {result.goal} "
            f"| {'yes' if result.reached else 'no'}{note} |"
        )
    return "\n".join(rows)


def curve_table(results: Sequence[CurveResult]) -> str:
    rows = ["| what grows | with | measured | exponent |", "| --- " * 4 + "|"]
    for result in results:
        if result.exponent is None:
            rows.append(
                f"| {result.name} | {result.grows_with} | not measured: {result.note} | – |"
            )
            continue
        points = zip(result.sizes, result.values, strict=True)
        measured = ", ".join(f"{size:,}: {quantity(value, result.unit)}" for size, value in points)
        note = f"; {result.note}" if result.note else ""
        rows.append(
            f"| {result.name} | {result.grows_with} | {measured} "
            f"| {result.exponent:.2f} {complexity(result.exponent)}{note} |"
        )
    return "\n".join(rows)


def complexity(exponent: float) -> str:
    """The exponent in a word; what measures 1.15 over few decades may be linear with noise."""
    if exponent < 0.25:
        return "(flat or logarithmic)"
    if exponent < 0.85:
        return "(below linear)"
    return "(linear)" if exponent <= 1.15 else "(above linear)"


def number(value: float) -> str:
    """Three significant digits, without an exponent."""
    if value and abs(value) < 100:
        return f"{float(f'{value:.3g}'):.10g}"
    return f"{value:,.0f}"


def quantity(value: float, unit: str) -> str:
    return f"{number(value)} {unit}".rstrip()


def page_part(results: Results) -> str:
    about = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    command = "make bench-quick" if results.size == "quick" else "make bench"
    load = f"Load average {results.load_before} before, {results.load_after} after."
    return "\n\n".join(
        (
            f"`{command}` of {results.at}: {about}. {load}",
            metric_table(results.metrics),
            curve_table(results.curves),
            *(f"![{name}](images/{name})" for name in plots(results)),
        )
    )


def plots(results: Results) -> dict[str, str]:
    """SVG by file name: one for each unit that curves have."""
    found = {}
    for unit in dict.fromkeys(curve.unit for curve in results.curves):
        lines = {
            f"{curve.name} ({curve.grows_with})": list(zip(curve.sizes, curve.values, strict=True))
            for curve in results.curves
            if curve.unit == unit and curve.sizes
        }
        if lines:
            name = f"bench-{results.size}-{unit.replace('/', '-per-').replace(' ', '-')}.svg"
            found[name] = plot(lines, unit)
    return found


def insert(page: str, part: str, text: str) -> str:
    """The page with what stands between the markers of a part replaced.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = BEGIN.format(part), END.format(part)
    head, found, rest = page.partition(begin)
    _, ended, tail = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"The page has no markers {begin} and {end}.")
    return f"{head}{begin}\n\n{text}\n\n{end}{tail}"


def write(results: Results, docs: Path) -> None:
    """Write `docs/performance.md`, its plots, and the samples beside them."""
    images = docs / "images"
    images.mkdir(parents=True, exist_ok=True)
    for name, svg in plots(results).items():
        (images / name).write_text(svg, encoding="utf-8")
    (docs / f"performance-{results.size}.json").write_text(results.json(), encoding="utf-8")
    page = docs / "performance.md"
    text = insert(page.read_text(encoding="utf-8"), results.size, page_part(results))
    page.write_text(text, encoding="utf-8")
