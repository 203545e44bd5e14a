"""What the log is searched for, and where a search, a filter and the view stand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import UsageError
from runbook_app.domain.plan import Plan
from runbook_app.ports.journal import Pattern, Sought
from runbook_app.tui.view.words import Line, Tone, number_of

_MOST_MEMORY = 1024 * 1024
"""Bytes that an expression may take compiled; a larger one is refused."""


@dataclass(frozen=True, slots=True)
class Query:
    text: str
    regex: bool = False
    words: tuple[str, ...] = ()
    """Looked for in the text's place, which is their name then."""

    @property
    def sought(self) -> Sought:
        """What a reader searches for.

        Raises:
            UsageError: the text is no regular expression.
        """
        if self.words:
            return self.words
        return compiled(self.text) if self.regex else self.text

    def __str__(self) -> str:
        return f"/{self.text}/" if self.regex else self.text


def compiled(text: str) -> Pattern:
    """A regular expression that can't backtrack, so that no text holds it up (RE2).

    Raises:
        UsageError: it is none, or has look-around or backreferences, which only backtracking can
            match; or it is too large.
    """
    import re2

    options = re2.Options()
    options.log_errors, options.max_mem = False, _MOST_MEMORY
    try:
        found: Pattern = re2.compile(text, options)
    except (re2.error, ValueError) as error:
        words = error.args[0]
        said = words.decode("utf-8", "replace") if isinstance(words, bytes) else str(error)
        raise UsageError(
            f"{text} can't be searched for as a regular expression: {said}. Look-around and"
            " backreferences are not known here, for they can take without end. Change it, or take"
            " it as plain text with ctrl+r."
        ) from error
    return found


ERRORS = Query(
    "errors",
    words=(
        *("error", "fatal", "panic", "critical", "[crit]", "[alert]", "[emerg]"),
        *("exception", "traceback", "failed", "failure"),
    ),
)
WARNINGS = Query("warnings and errors", words=("warn", *ERRORS.words))
"""The record has no levels: the words of a line have to tell."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the session's log that can be shown alone."""

    name: str
    kind: str = ""
    step: str = ""
    source: str = ""


WHOLE = Part("the whole session")


def parts(plan: Plan, stored: Iterable[tuple[str, str]], selected: str) -> list[Part]:
    """What there is to choose from, of sources and steps with lines: the selected step first."""
    pairs = list(stored)
    sources, steps = {source for source, _ in pairs}, {step for _, step in pairs}
    return [
        WHOLE,
        *sorted(
            (
                Part(step.title, f"step {number_of(item, step.id)} {step.id}", step=step.id)
                for item in plan.items
                for step in item.steps
                if step.id in steps
            ),
            key=lambda part: part.step != selected,
        ),
        *(Part(source, "source", source=source) for source in sorted(sources)),
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the view of the log stands."""

    count: int
    """Rows: all lines of the part, or the matching ones alone."""
    below: int
    following: bool
    marked: int = 0
    """Lines from the mark to the cursor."""
    wrap: bool = False
    part: Part = WHOLE
    query: Query | None = None
    missed: bool = False
    only_hits: bool = False
    hits: int = 0
    hit: int | None = None
    """How many of the hits lie up to the cursor."""
    share: float = 1.0
    """How much of the part has been searched."""
    unmarked: bool = False
    """What was found is not marked any more: that would hold up the screen."""


def status(place: Place) -> Line:
    """The pane's title: what is seen of the log, and whether it moves."""
    state = (
        ("following", Tone.PLAIN)
        if place.following
        else (f"‖ HELD, {place.below:,} below, f follows", Tone.WARN)
    )
    parts = [("Log", Tone.STRONG), state]
    if place.part != WHOLE:
        parts.insert(1, (place.part.source or place.part.step, Tone.ACCENT))
    if place.marked:
        parts.append((f"{place.marked:,} marked, y copies", Tone.WARN))
    if place.query:
        parts.append((_search(place), Tone.WARN if place.missed else Tone.PLAIN))
    if place.wrap:
        parts.append(("wrapped", Tone.DIM))
    parts.append((f"{place.count:,} {'line' if place.count == 1 else 'lines'}", Tone.DIM))
    found: list[tuple[str, Tone]] = []
    for part in parts:
        found += [(" · ", Tone.DIM), part] if found else [part]
    return tuple(found)


def _search(place: Place) -> str:
    words = "NOT FOUND:" if place.missed else "only" if place.only_hits else "search"
    number = f"{place.hit:,} of " if place.hit is not None else ""
    more = f"… {place.share:.0%}" if place.share < 1 else ""
    slow = ", not marked: too slow" if place.unmarked else ""
    return f"{words} {place.query}, {number}{place.hits:,}{more}{slow}"


def moment(text: str, last: str) -> str:
    """The time that is meant, in UTC, to compare with a line's; without a date, the newest such.

    `last` is the time of the log's last line.

    Raises:
        UsageError: it is no time.
    """
    text = text.strip()
    try:
        return _of_day(text) if "-" in text else _newest(text, last)
    except ValueError as error:
        raise UsageError(
            f"{text!r} is no time: write 09:11, 09:11:58 or 2025-10-24T09:11."
        ) from error


def _of_day(text: str) -> str:
    time = datetime.fromisoformat(text)
    return to_text(time if time.tzinfo else time.replace(tzinfo=UTC))


def _newest(text: str, last: str) -> str:
    form = "%H:%M" if text.count(":") == 1 else "%H:%M:%S"
    time = datetime.strptime(text, form).time().isoformat()  # noqa: DTZ007 - a time of day alone
    day = date.fromisoformat(last[:10])
    when = f"{day}T{time}"
    return when if when <= last else f"{day - timedelta(days=1)}T{time}"
