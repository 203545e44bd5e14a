"""Medians, their spread, and how something grows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def spread(values: Sequence[float]) -> float:
    """Median absolute deviation from the median."""
    middle = median(values)
    return median([abs(value - middle) for value in values])


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent do not pass."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def growth(sizes: Sequence[int], values: Sequence[float]) -> float:
    """Slope of the logarithms by least squares: the exponent b of `size ** b`."""
    return statistics.linear_regression(
        [math.log(size) for size in sizes], [math.log(max(value, 1e-9)) for value in values]
    ).slope
