"""`python -m bench [--quick] [--only WORD]`: measure, and write the results into docs/."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench import AREAS, machine, report
from bench.metric import FULL, QUICK, REGISTRY, Lacking, Size

T = TypeVar("T")


def main() -> None:
    asked = _arguments()
    as_installed()
    for area in AREAS:
        importlib.import_module(f"bench.{area}")
    size = QUICK if asked.quick else FULL
    changed = {name: getattr(asked, name) for name in ("runs", "steps", "events", "lines")}
    size = replace(size, **{name: value for name, value in changed.items() if value})
    results = report.Results(
        size=size.name,
        at=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=machine.describe(),
        load_before=machine.load(),
    )

    def keep() -> None:
        """Write after each one, so that a run which is stopped keeps what it has."""
        results.load_after = machine.load()
        if not asked.only:
            report.write(results, Path("docs"))

    def wanted(area: str, name: str, *, quick: bool) -> bool:
        return asked.only in f"{area} {name}" and (quick or not asked.quick)

    for metric in REGISTRY.metrics:
        if wanted(metric.area, metric.name, quick=metric.quick):
            samples, why = _measure(f"{metric.name} / {metric.against}", metric.measure, size)
            results.metrics.append(report.of_metric(metric, samples, why))
            _say(report.metric_table(results.metrics[-1:]).splitlines()[-1])
            keep()
    for curve in REGISTRY.curves:
        if wanted(curve.area, curve.name, quick=curve.quick):
            points, why = _measure(curve.name, curve.measure, size)
            results.curves.append(report.of_curve(curve, points, why))
            _say(report.curve_table(results.curves[-1:]).splitlines()[-1])
            keep()
    if asked.only:
        _say("Only a part was measured: nothing is written.")


def as_installed() -> None:
    """Let programs keep their bytecode: pip compiles what it installs, ours and its peers alike."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def _measure(name: str, work: Callable[[Size], T], size: Size) -> tuple[T | None, str]:
    began = time.monotonic()
    try:
        return work(size), ""
    except Lacking as lack:
        return None, str(lack)
    except Exception as error:  # noqa: BLE001 - one that breaks must not cost the others' results
        return None, f"it failed: {type(error).__name__}: {str(error).splitlines()[-1:]}"
    finally:
        _say(f"{time.monotonic() - began:6.1f} s  {name}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--only", default="", metavar="WORD", help="what has WORD in its name")
    for name in ("runs", "steps", "events", "lines"):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="N")
    return parser.parse_args()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    main()
