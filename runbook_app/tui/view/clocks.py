"""The header: what runs where, and how the time stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from runbook_app.domain.clock import format_duration, parse_time
from runbook_app.domain.estimate import completion
from runbook_app.domain.plan import Plan
from runbook_app.domain.score import told
from runbook_app.domain.score_page import outdated_by
from runbook_app.domain.state import ItemStatus, SessionState
from runbook_app.domain.times import session_ended
from runbook_app.domain.window import closes_at, undo_by, undoable
from runbook_app.tui.view.mode import marker
from runbook_app.tui.view.words import Line, Sign, Tone, sign, text_of, time_of_day


@dataclass(frozen=True, slots=True)
class Title:
    """The header's first line, in pieces that a narrow screen can drop from the left."""

    plan: Line
    target: Line
    status: Line
    engine: Line
    time: Line


def title(
    plan: Plan,
    state: SessionState,
    *,
    alive: bool,
    read_only: bool,
    now: str,
    replaying: bool = False,
) -> Title:
    shown = status_sign(state, alive=alive)
    return Title(
        plan=((plan.title, Tone.STRONG),),
        target=marker(state, replaying=replaying, read_only=read_only),
        status=((f"{shown.glyph} {shown.word}", shown.tone),),
        engine=(engine_sign(state, alive=alive),),
        time=((f"{parse_time(now):%H:%M:%S} UTC", Tone.DIM),),
    )


def slider(position: int, last: int, width: int) -> Line:
    """Where in the record a replay is."""
    words, room = _slider(position, last, width)
    at = round((room - 1) * (position - 1) / max(1, last - 1))
    return (
        ("━" * at, Tone.ACCENT),
        ("●", Tone.STRONG),
        ("─" * (room - 1 - at), Tone.DIM),
        (words, Tone.PLAIN),
    )


def slid_to(column: int, position: int, last: int, width: int) -> int:
    """The entry that a column of the slider stands for."""
    room = _slider(position, last, width)[1]
    return 1 + round(min(1.0, max(0, column) / (room - 1)) * (last - 1))


def _slider(position: int, last: int, width: int) -> tuple[str, int]:
    words = f" entry {position:,} of {last:,}"
    return words, max(10, width - len(words))


def status_sign(state: SessionState, *, alive: bool) -> Sign:
    """The session's state in one word. `finished` only when nothing failed or was undone."""
    status = state.status
    if status in ("running", "waiting") and engine_dead(state, alive=alive):
        return sign("interrupted")
    if status == "failed" and any(i.status is ItemStatus.UNKNOWN for i in state.items.values()):
        return sign("unknown")
    if status == "idle" and state.pause_reason:
        return sign("paused")
    if status == "finished":
        return sign("finished" if all(i.status.done for i in state.items.values()) else "ended")
    return sign(status)


def engine_sign(state: SessionState, *, alive: bool) -> tuple[str, Tone]:
    if alive:
        return ("engine ● alive", Tone.GOOD)
    if engine_dead(state, alive=alive):
        return ("engine ✗ DEAD", Tone.BAD)
    if state.engine_stopped:
        return ("engine ■ stopped", Tone.WARN)
    return ("engine ○ not started", Tone.DIM)


def engine_dead(state: SessionState, *, alive: bool) -> bool:
    """An engine started, did not say that it stopped, and is gone."""
    return state.engine is not None and not alive


class Words(IntEnum):
    """How much is said around the figures of the clocks."""

    FULL = 0
    SHORT = 1
    BARE = 2
    """Fits into 80 columns when all times are of one day."""


SEPARATORS = {Words.FULL: " │ ", Words.SHORT: "  ", Words.BARE: "  "}


def fitted(
    plan: Plan, state: SessionState, now: str, width: int, *, alive: bool = True
) -> tuple[list[Line], str]:
    """The clocks in the most words that one row has room for, and what stands between them.

    In the fewest, which may take a second row, where none fit.
    """
    for words, parts in clocks(plan, state, now, alive=alive).items():
        separator = SEPARATORS[words]
        if len(separator.join(text_of(part) for part in parts if part)) <= width:
            break
    return parts, separator


def clocks(
    plan: Plan, state: SessionState, now: str, *, alive: bool = True
) -> dict[Words, list[Line]]:
    """The second line's parts, the most needed first, in more words and in fewer."""
    if not state.started_at:
        return {Words.FULL: [(("session not started", Tone.DIM),)]}
    end = session_ended(state, now) if state.status == "finished" else now
    elapsed, active = state.elapsed(end), state.active(end, alive=alive)
    span = completion(state, plan, now)
    eta, undo = _pair("ETA", _span_text(span, now)), _undo_by(plan, state, now)

    def ahead(*, short: bool) -> list[Line]:
        score = ((score_text(plan, state, short=short), Tone.DIM),)
        return [eta, _window(plan, state, now, span, "" if short else "window "), undo, score]

    full = [_pair("elapsed", _whole(elapsed)), _pair("active", _whole(active))]
    return {
        Words.FULL: [*full, *ahead(short=False)],
        Words.SHORT: [_spent(elapsed, active, " active"), *ahead(short=True)],
        Words.BARE: [_spent(elapsed, active, ""), *ahead(short=True)],
    }


def _spent(elapsed: timedelta, active: timedelta, unit: str) -> Line:
    return ((_minutes(elapsed), Tone.STRONG), (f"/{_minutes(active)}{unit}", Tone.DIM))


def _pair(name: str, value: str, tone: Tone = Tone.STRONG) -> Line:
    return ((f"{name} ", Tone.DIM), (value, tone))


def _whole(value: timedelta) -> str:
    return format_duration(timedelta(seconds=int(value.total_seconds())))


def _minutes(value: timedelta) -> str:
    """Without its seconds, once there are minutes."""
    seconds = int(value.total_seconds())
    return format_duration(timedelta(seconds=seconds if seconds < 60 else seconds - seconds % 60))


def score_text(plan: Plan, state: SessionState, *, short: bool = False) -> str:
    """The score as measured before the first change and now, and the plan's target for it."""
    if state.scoring is not None:
        done = f"{len(state.scoring.checks)}/{len(plan.score.checks())}"
        return f"scoring {done}" if short else f"score {done} checks so far"
    before, now = (
        told(taken.measured.total) if taken and taken.measured else ""
        for taken in (state.score_before, state.score_now)
    )
    if outdated_by(state):
        now += "?" if short else " (outdated)"
    aim = plan.score.declared_target
    target = "" if aim is None else str(aim)
    if not short:
        figures = [before, now] if before or now else ["not measured"]
        return "score " + " → ".join(filter(None, [*figures, target and f"target {target}"]))
    if not (before or now or target):
        return "no score"
    figures = [before or "?", now or "?", target] if target else [before, now]
    return "score " + "→".join(filter(None, figures))


def _span_text(span: tuple[datetime, datetime] | None, now: str) -> str:
    if span is None:
        return "-"
    early, late = (time_of_day(moment, now) for moment in span)
    return early if early == late else f"{early}–{late}"


def _window(
    plan: Plan,
    state: SessionState,
    now: str,
    span: tuple[datetime, datetime] | None,
    name: str,
) -> Line:
    closes = closes_at(plan, state)
    if closes is None:
        return ()
    if closes <= parse_time(now):
        return _pair(f"{name}CLOSED", time_of_day(closes, now), Tone.BAD)
    late = span is not None and span[1] > closes
    return _pair(f"{name}closes", time_of_day(closes, now), Tone.WARN if late else Tone.STRONG)


def _undo_by(plan: Plan, state: SessionState, now: str) -> Line:
    if not undoable(plan, state):
        return (("nothing to undo", Tone.DIM),)
    when = undo_by(plan, state)
    if when is None:
        return _pair("undo by", "unknown", Tone.DIM)
    if when <= parse_time(now):
        return _pair("undo by", f"{time_of_day(when, now)} PASSED", Tone.BAD)
    near = when - parse_time(now) < timedelta(minutes=30)
    return _pair("undo by", time_of_day(when, now), Tone.WARN if near else Tone.STRONG)
