"""The home screen's plain data, its rows, and what it says of the selected one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runbook_app.domain.times import at_second
from runbook_app.tui.view.words import BLANK, Line, Sign, Tone, folded

READING = Sign("…", "reading", Tone.DIM)
"""Of a session whose record has not been read yet."""
DAMAGED = Sign("✗", "CAN'T BE READ", Tone.BAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSession:
    id: str
    plan: str
    """Its title."""
    target: str
    begun: str
    """ISO 8601 UTC."""
    shown: Sign = READING
    resumable: bool = False
    """It has begun, is not over, and no engine runs."""
    done: int = 0
    total: int = 0
    last: str = ""
    """Time of the newest entry, ISO 8601 UTC."""
    words: Line = ()
    """What stands in the way or comes next, as the session's own screen says it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePlan:
    path: Path
    title: str
    target: str = "."
    """Proposed when a session is started."""


Thing = HomeSession | HomePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a new session is started with, as typed."""

    plan: Path
    target: str
    settings: str = ""
    """`name=value`, parted by blanks."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """To what the plan asks, by the names of the variables."""
    seal_to: str = ""
    """A public key's file, or the word `passphrase`."""
    passphrase: str = field(default="", repr=False)
    window_from_now: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeChoice:
    """A session to show."""

    session: str
    replay: bool = False
    """It is to be told again instead."""
    read_only: bool = False


def row(thing: Thing) -> tuple[Line, Line]:
    return _session_row(thing) if isinstance(thing, HomeSession) else _plan_row(thing)


def _session_row(session: HomeSession) -> tuple[Line, Line]:
    shown = session.shown
    left: Line = (
        (f"{shown.glyph} ", shown.tone),
        (session.plan, Tone.STRONG),
        (f"  {session.target}", Tone.DIM),
    )
    count = f"  {session.done}/{session.total}" if session.total else ""
    when = (session.last or session.begun)[:16].replace("T", " ")
    return left, ((f"{shown.word}{count}", shown.tone), (f"  {when}", Tone.DIM))


def _plan_row(plan: HomePlan) -> tuple[Line, Line]:
    left: Line = (("+ ", Tone.ACCENT), (plan.title, Tone.PLAIN), (f"  {plan.path.name}", Tone.DIM))
    return left, (("start", Tone.DIM),)


def details(thing: Thing | None, width: int) -> list[Line]:
    """The selected one, in full."""
    match thing:
        case HomeSession():
            last = at_second(thing.last) if thing.last else "not read yet"
            items = f"{thing.done} of {thing.total} items done" if thing.total else ""
            facts = {
                "session": thing.id,
                "target": thing.target,
                "begun": at_second(thing.begun),
                "last entry": last,
                "progress": items,
            }
            return [thing.words or BLANK, *_facts(facts, width)]
        case HomePlan():
            return _facts({"plan": str(thing.path), "target": thing.target}, width)
        case None:
            return []


_NAME = 12


def _facts(facts: dict[str, str], width: int) -> list[Line]:
    rows: list[Line] = []
    for name, value in facts.items():
        first, *rest = folded(value, width - _NAME) or [BLANK]
        if value:
            rows.append(((f"{name:<{_NAME}}", Tone.DIM), *first))
            rows += [((" " * _NAME, Tone.DIM), *more) for more in rest]
    return rows


ACCEPT_EDIT = (
    ("Leave it as it is", "nothing is started; undo the edit first"),
    ("Go on with the edited plan", "its changed lines are put on record"),
)
_EDITED = {"-": Tone.BAD, "+": Tone.GOOD, "@": Tone.DIM}


def edited_lines(plan: str, difference: str) -> list[Line]:
    """The lines of a plan that were edited since a session of it began."""
    said: Line = ((f"{plan} was edited since this session began:", Tone.STRONG),)
    return [said, *(((row, _EDITED.get(row[:1], Tone.PLAIN)),) for row in difference.splitlines())]


FIRST_RUN: tuple[Line, ...] = (
    (("No session yet.", Tone.STRONG),),
    (
        (
            "A session is one run of a plan against a target, a folder with a Compose project.",
            Tone.DIM,
        ),
    ),
    (
        (
            "Pick a plan below, or another with o; nothing is changed before you run a step.",
            Tone.DIM,
        ),
    ),
    (("An engine of its own does the work: closing this terminal stops nothing.", Tone.DIM),),
    ((("To try it on a sample: "), Tone.DIM), ("runbook demo", Tone.ACCENT)),
)
