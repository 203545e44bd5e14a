"""The pieces view models are made of: toned text, state glyphs and state words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from textwrap import wrap

from runbook_app.domain.clock import parse_time
from runbook_app.domain.measure import Verdict
from runbook_app.domain.plan import Item
from runbook_app.domain.state import ItemStatus, StepStatus


class Tone(StrEnum):
    """What a piece of text means; a theme gives it its look. Tone is never the only sign."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    GOOD = "good"
    BAD = "bad"
    WARN = "warn"
    ACCENT = "accent"
    LIVE = "live"
    COPY = "copy"
    DRY = "dry"


Span = tuple[str, Tone]
Line = tuple[Span, ...]

BLANK: Line = ()


@dataclass(frozen=True, slots=True)
class Sign:
    """How a state is shown: a glyph and a word, so that no state is told by colour alone."""

    glyph: str
    word: str
    tone: Tone


_SIGNS: dict[str, Sign] = {
    "pending": Sign("○", "pending", Tone.DIM),
    "running": Sign("●", "running", Tone.ACCENT),
    "waiting": Sign("◐", "waiting", Tone.WARN),
    "succeeded": Sign("✓", "done", Tone.GOOD),
    "failed": Sign("✗", "FAILED", Tone.BAD),
    "skipped": Sign("»", "skipped", Tone.WARN),
    "unknown": Sign("?", "UNKNOWN", Tone.BAD),
    "rolling_back": Sign("↶", "rolling back", Tone.WARN),
    "rolled_back": Sign("↺", "rolled back", Tone.PLAIN),
    "rollback_failed": Sign("✗", "ROLLBACK FAILED", Tone.BAD),
    "not_required": Sign("·", "not required", Tone.DIM),
    "unavailable": Sign("-", "unavailable", Tone.DIM),
    "passed": Sign("✓", "passed", Tone.GOOD),
    "not_measured": Sign("?", "not measured", Tone.WARN),
    "confirmed": Sign("✓", "confirmed", Tone.GOOD),
    "assumed": Sign("✓", "assumed", Tone.WARN),
    "drifted": Sign("✗", "DRIFTED", Tone.BAD),
    "not_applicable": Sign("·", "not applicable", Tone.DIM),
    "waived": Sign("»", "waived", Tone.WARN),
    "open": Sign("●", "in progress", Tone.ACCENT),
    "starting": Sign("○", "starting", Tone.DIM),
    "idle": Sign("○", "idle", Tone.PLAIN),
    "paused": Sign("‖", "paused", Tone.WARN),
    "stopped": Sign("■", "stopped", Tone.WARN),
    "interrupted": Sign("✗", "INTERRUPTED", Tone.BAD),
    "finished": Sign("✓", "finished", Tone.GOOD),
    "ended": Sign("■", "ended", Tone.WARN),
}


def sign(state: StepStatus | ItemStatus | Verdict | str) -> Sign:
    """How a state is shown; one that is not known here is shown by its own name."""
    return _SIGNS.get(str(state)) or Sign("·", str(state), Tone.PLAIN)


def clock(seconds: float) -> str:
    """Write a running time as `3:10` or `1:02:10`."""
    whole = max(0, int(seconds))
    hours, rest = divmod(whole, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"


def time_of_day(value: datetime | str, reference: str = "") -> str:
    """Write a time as `13:40`, with `+1d` when it is on a later day than the reference."""
    when = parse_time(value) if isinstance(value, str) else value
    text = when.strftime("%H:%M")
    days = (when.date() - parse_time(reference).date()).days if reference else 0
    return f"{text}{days:+d}d" if days else text


def number_of(item: Item, step_id: str) -> str:
    """Write a step's place in the plan, such as `2.4`; the checkpoint would be `2.0`."""
    for index, step in enumerate(item.steps, 1):
        if step.id == step_id:
            return f"{item.number}.{index}"
    return str(item.number)


def text_of(line: Line) -> str:
    return "".join(text for text, _ in line)


def folded(text: str, width: int, tone: Tone = Tone.PLAIN, indent: str = "") -> list[Line]:
    """Text in rows of at most so many columns; every row keeps the indent."""
    room = max(20, width - len(indent))
    return [
        ((f"{indent}{row}", tone),)
        for part in text.rstrip().splitlines()
        for row in wrap(part, room) or [""]
    ]


def plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
