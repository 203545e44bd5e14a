"""A plot of growth: both axes logarithmic, one line a curve, as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, TOP, BOTTOM, RIGHT = 70, 20, 50, 270
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2")

Line = Sequence[tuple[float, float]]


def plot(lines: Mapping[str, Line], unit: str) -> str:
    """Draw lines of (size, value) points; values are of the unit."""
    points = [point for line in lines.values() for point in line]
    xs, ys = _decades([x for x, _ in points]), _decades([y for _, y in points])
    frame = f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="11"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for power in range(xs[0], xs[1] + 1):
        x = _place(10.0**power, xs, LEFT, WIDTH - RIGHT)
        parts.append(_grid(x, TOP, x, HEIGHT - BOTTOM))
        parts.append(_text(x, HEIGHT - BOTTOM + 16, _tick(power), "middle"))
    for power in range(ys[0], ys[1] + 1):
        y = _place(10.0**power, ys, HEIGHT - BOTTOM, TOP)
        parts.append(_grid(LEFT, y, WIDTH - RIGHT, y))
        parts.append(_text(LEFT - 6, y + 4, f"{_tick(power)} {unit}", "end"))
    for number, (name, line) in enumerate(lines.items()):
        colour = COLOURS[number % len(COLOURS)]
        places = [
            (_place(x, xs, LEFT, WIDTH - RIGHT), _place(y, ys, HEIGHT - BOTTOM, TOP))
            for x, y in line
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        y = TOP + 12 + 18 * number
        parts.append(
            f'<rect x="{WIDTH - RIGHT + 12}" y="{y - 8}" width="10" height="10" fill="{colour}"/>'
        )
        parts.append(_text(WIDTH - RIGHT + 28, y + 1, escape(name), "start"))
    return "\n".join((*parts, "</svg>", ""))


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Powers of ten around all values."""
    powers = [math.log10(max(value, 1e-9)) for value in values]
    low = math.floor(min(powers))
    return low, max(low + 1, math.ceil(max(powers)))


def _place(value: float, powers: tuple[int, int], begin: float, end: float) -> float:
    share = (math.log10(max(value, 1e-9)) - powers[0]) / (powers[1] - powers[0])
    return begin + share * (end - begin)


def _tick(power: int) -> str:
    return f"{10**power:,}" if 0 <= power <= 6 else f"{10.0**power:g}"


def _grid(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
