"""Text of others made safe for our Markdown documents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from runbook_app.domain.measure import Measurement, Scalar

_INLINE = re.compile(r"([\\`*_\[\]<>|~&])")
_LINE_START = re.compile(r"^((?:#{1,6}|[+-])(?=\s|$)|-(?=--)|\d{1,9}(?=[.)](?:\s|$)))")


def plain(text: str) -> str:
    """One line of visible characters: no control, format or line-breaking ones."""
    if not text.isprintable():
        text = "".join(" " if unicodedata.category(c).startswith("C") else c for c in text)
    return " ".join(text.split())


def escape(text: str) -> str:
    """One line that Markdown renders as exactly this text, also in a table or a list."""
    escaped = _INLINE.sub(r"\\\1", plain(text))
    return _LINE_START.sub(lambda found: _guard(found[1]), escaped)


def _guard(start: str) -> str:
    return f"{start}\\" if start.isdigit() else f"\\{start}"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Lines of a table whose cells are escaped already; empty when there are no rows."""
    body = [row(cells) for cells in rows]
    return [row(header), row("---" for _ in header), *body, ""] if body else []


def figure(value: Scalar, unit: str = "") -> str:
    """A measured value as people write it, not escaped."""
    if isinstance(value, bool):
        text = "yes" if value else "no"
    elif isinstance(value, float):
        text = f"{value:.4g}" if abs(value) < 1000 else f"{value:.1f}"
    else:
        text = "nothing" if value is None else str(value)
    joined = f"{text}{unit}" if unit == "%" else f"{text} {unit}"
    return joined.strip()


def limit(measurement: Measurement) -> str:
    """The limit as people write it, not escaped; empty when the value is only reported."""
    if not measurement.limit or measurement.limit == "holds":
        return measurement.limit
    unit = measurement.unit
    return f"{measurement.limit}{unit}" if unit == "%" else f"{measurement.limit} {unit}".strip()


def measured(measurement: Measurement) -> str:
    """`p95 41.3 ms (limit <= 100 ms)`, not escaped; a value outside its limit says so."""
    text = f"{measurement.name}: {figure(measurement.value, measurement.unit)}"
    bound = limit(measurement)
    if bound and bound != "holds":
        text += f" (limit {bound})"
    return text if measurement.ok else f"{text} - NOT MET"
