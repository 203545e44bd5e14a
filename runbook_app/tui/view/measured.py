"""Measured values, and the lines of a checkpoint or of success criteria that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from runbook_app.domain.markdown import figure, limit
from runbook_app.domain.measure import Measurement
from runbook_app.domain.state import LineState, SessionState, StepState
from runbook_app.tui.view.words import BLANK, Line, Sign, Tone, sign, time_of_day

_NAME_WIDTH = 34


def measurement_lines(
    found: Sequence[Measurement], before: dict[str, Measurement], indent: str = ""
) -> list[Line]:
    """One line a value: `✓ p95  41.3 ms  limit <= 100 ms  before 38.9 ms`."""
    width = min(_NAME_WIDTH, max((len(m.name) for m in found), default=0))
    return [_measurement(m, before.get(m.name), width, indent) for m in found]


def _measurement(m: Measurement, before: Measurement | None, width: int, indent: str) -> Line:
    shown = ("✓", Tone.GOOD) if m.ok else ("✗", Tone.BAD)
    glyph = shown if m.limit else ("·", Tone.DIM)
    parts: list[tuple[str, Tone]] = [
        (f"{indent}{glyph[0]} ", glyph[1]),
        (f"{m.name:<{width}}  ", Tone.PLAIN),
        (figure(m.value, m.unit), Tone.STRONG if m.ok else Tone.BAD),
    ]
    bound = limit(m)
    if bound and bound != "holds":
        parts.append((f"  limit {bound}", Tone.DIM))
    if not m.ok:
        parts.append(("  OUTSIDE" if bound != "holds" else "  DOES NOT HOLD", Tone.BAD))
    if before is not None:
        parts.append((f"  before {figure(before.value, before.unit)}", Tone.DIM))
    return tuple(parts)


def earlier(state: SessionState, step: StepState) -> dict[str, Measurement]:
    """The first value of each name that another step measured before this one."""
    found: dict[str, Measurement] = {}
    for other in state.steps():
        if other is step or not other.ended_at or other.ended_at > (step.started_at or "~"):
            continue
        for measurement in other.measurements:
            if _is_figure(measurement.value):
                found.setdefault(measurement.name, measurement)
    return found


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def line_sign(line: LineState | None) -> Sign:
    if line is None:
        return sign("pending")
    if line.waiver:
        return sign("waived")
    if line.confirmed:
        return sign("assumed" if line.confirmed.assumed else "confirmed")
    if line.drifted:
        return sign("drifted")
    return sign(line.result.verdict) if line.result else sign("pending")


def check_line(title: str, line: LineState | None) -> list[Line]:
    """A check with its state, its values below it."""
    shown = line_sign(line)
    head: Line = (
        (f"{shown.glyph} ", shown.tone),
        (title, Tone.PLAIN if line and (line.result or line.confirmed) else Tone.DIM),
        (f"  {shown.word}{_who(line)}", shown.tone),
    )
    return [head, *_details(line)]


def _who(line: LineState | None) -> str:
    if line is None:
        return ""
    if line.waiver:
        return f" until {line.waiver.expires} by {line.waiver.owner}: {line.waiver.reason}"
    if line.drift:
        held, since = time_of_day(line.held_at), time_of_day(line.drift.since)
        return f" held at {held}, no longer at {since}"
    if line.confirmed:
        word = " for nobody" if line.confirmed.assumed else f" by {line.confirmed.by}"
        return f"{word} {time_of_day(line.at)}"
    return ""


def _details(line: LineState | None) -> Iterable[Line]:
    result = line.newest[0] if line else None
    if line is None or result is None:
        return
    yield from measurement_lines(result.measurements, {}, indent="    ")
    if result.evidence and (line.drifted or not line.passed):
        yield from prose(result.evidence, Tone.PLAIN, indent="    ")


def prose(text: str, tone: Tone = Tone.PLAIN, indent: str = "") -> list[Line]:
    """Text that may have several lines; trailing blank ones are dropped."""
    return [((f"{indent}{row}", tone),) if row else BLANK for row in text.rstrip().splitlines()]
