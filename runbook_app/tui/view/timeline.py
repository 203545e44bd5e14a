"""The timeline page: planned against actual, as bars on the window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook_app.domain import timeline as times
from runbook_app.domain.brief import undo_words
from runbook_app.domain.clock import format_duration, parse_time
from runbook_app.domain.estimate import planned as planned_time
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.state import SessionState
from runbook_app.domain.window import opens_at
from runbook_app.tui.view.node import item_state
from runbook_app.tui.view.tree import item_sign
from runbook_app.tui.view.words import BLANK, Line, Tone, number_of, time_of_day

_PLAN, _DONE, _NOW = "░", "█", "│"
LEGEND = f"{_PLAN} planned   {_DONE} actual   {_NOW} now   * critical path"


@dataclass(frozen=True, slots=True)
class _Scale:
    """Columns of the window."""

    span: times.Span
    width: int
    label: int

    def column(self, moment: datetime) -> int:
        whole = (self.span.end - self.span.start) / timedelta(seconds=1)
        part = (moment - self.span.start) / timedelta(seconds=1)
        return max(0, min(self.width - 1, int(part * self.width / whole))) if whole else 0


def timeline_page(plan: Plan, state: SessionState, now: str, width: int) -> list[Line]:
    span = times.window(plan, state, now)
    if span is None:
        return [(("The session has not begun.", Tone.DIM),)]
    label = 24 if width < 100 else 34
    scale = _Scale(span, max(20, width - label - 26), label)
    chain, length = times.critical_path(plan, state, now)
    opens = opens_at(plan, state) or span.start
    planned = times.plan_spans(plan, opens)
    rows = [*_axis(scale, now), *_blocks(plan, opens, scale, now)]
    for item in plan.items:
        critical = item in chain
        rows += _item(item, state, planned.get(item.id), scale, now, critical=critical)
    rows += [BLANK, ((LEGEND, Tone.DIM),)]
    if chain:
        names = " → ".join(str(item.number) for item in chain)
        rows.append(
            (
                ("* critical path: ", Tone.ACCENT),
                (f"items {names}, {_short(length)}", Tone.PLAIN),
            )
        )
    rows.append((("undo by: ", Tone.ACCENT), (undo_words(state, plan, now), Tone.PLAIN)))
    return rows + _remarks(plan, state, now)


def _short(value: timedelta) -> str:
    """Whole seconds; less than one is said as such."""
    whole = int(value.total_seconds())
    return format_duration(timedelta(seconds=whole)) if whole else "<1s"


def _axis(scale: _Scale, now: str) -> list[Line]:
    opens, closes = scale.span.start, scale.span.end
    text = [" "] * scale.width
    for moment in (opens, opens + (closes - opens) / 2, closes):
        word = time_of_day(moment, now)
        at = min(scale.column(moment), scale.width - len(word))
        text[at : at + len(word)] = word
    mark = scale.column(parse_time(now))
    word = f"now {time_of_day(now)}"
    at = min(mark, scale.width - len(word))
    pointer = " " * at + word
    pad = " " * scale.label
    return [
        ((f"{'window':<{scale.label}}", Tone.DIM), ("".join(text), Tone.DIM)),
        ((pad, Tone.DIM), (pointer, Tone.STRONG)),
    ]


def _bar(span: times.Span | None, glyph: str, scale: _Scale, now: str) -> str:
    """At least one column, so that nothing that was is invisible."""
    cells = [" "] * scale.width
    cells[scale.column(parse_time(now))] = _NOW
    if span is not None:
        first = scale.column(span.start)
        last = max(first + 1, scale.column(span.end - timedelta(microseconds=1)) + 1)
        cells[first:last] = [glyph] * (last - first)
    return "".join(cells)


def _blocks(plan: Plan, opens: datetime, scale: _Scale, now: str) -> list[Line]:
    rows: list[Line] = []
    for block, span in times.block_spans(plan, opens):
        said = f"{time_of_day(span.start, now)}-{time_of_day(span.end, now)}" if span else "no time"
        rows.append(_row(block.title, Tone.DIM, _bar(span, _PLAN, scale, now), said, scale))
    return [*rows, BLANK] if rows else []


def _row(label: str, tone: Tone, bar: str, said: str, scale: _Scale, loud: Tone = Tone.DIM) -> Line:
    room = scale.label - 1
    name = label if len(label) <= room else f"{label[: room - 1]}…"
    return ((f"{name:<{scale.label}}", tone), (bar, Tone.PLAIN), (f" {said}", loud))


def _item(
    item: Item,
    state: SessionState,
    planned: times.Span | None,
    scale: _Scale,
    now: str,
    *,
    critical: bool,
) -> list[Line]:
    known = item_state(state, item)
    pace = times.item_pace(item, known, now)
    shown = item_sign(known)
    mark = "*" if critical else " "
    plan_words = f"planned {planned_time(item)}" if planned else "not required"
    head = f"{mark}{item.number} {item.title}"
    rows = [_row(head, Tone.STRONG, _bar(planned, _PLAN, scale, now), plan_words, scale)]
    if planned is None:
        return rows
    words, tone = _words(pace) if pace else ("", Tone.DIM)
    bar = _bar(times.actual(known, now), _DONE, scale, now)
    return [*rows, _row(f"   {shown.glyph} {shown.word}", shown.tone, bar, words, scale, tone)]


def _words(pace: times.Pace) -> tuple[str, Tone]:
    took = _short(pace.took)
    if pace.overrun >= timedelta(seconds=1):
        return f"{took}, OVER by {_short(pace.overrun)}", Tone.BAD
    if pace.suspicious:
        return f"{took}, FAST", Tone.WARN
    return took, Tone.PLAIN


def _remarks(plan: Plan, state: SessionState, now: str) -> list[Line]:
    rows: list[Line] = []
    for item, step, pace in times.remarkable(plan, state, now):
        name = f"{number_of(item, step.id)} {step.title}: {_short(pace.took)} of {pace.plan}"
        if pace.overrun:
            rows.append(((f"! {name}, OVER by {_short(pace.overrun)}", Tone.BAD),))
        else:
            rows.append(((f"? {name}, suspiciously fast: see its evidence", Tone.WARN),))
    return [BLANK, (("overruns, and the suspiciously fast", Tone.ACCENT),), *rows] if rows else []
