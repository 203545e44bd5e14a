"""The home screen's plain data and rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook_app.tui.view.words import Line, Tone, sign


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeSession:
    id: str
    plan: str
    target: str
    status: str
    """As `SessionState.status`, or `interrupted`."""
    done: int = 0
    total: int = 0
    last: str = ""
    """Time of the last entry, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomePlan:
    path: Path
    title: str
    target: str = "."
    """Proposed when a session is started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeChoice:
    """A session to return to, or a plan to start on a target."""

    session: str = ""
    replay: bool = False
    """The session is to be told again instead."""
    plan: Path | None = None
    target: Path | None = None


def session_row(session: HomeSession) -> tuple[Line, Line]:
    shown = sign(session.status)
    left: Line = (
        (f"{shown.glyph} ", shown.tone),
        (session.plan, Tone.STRONG),
        (f"  {session.target}", Tone.DIM),
    )
    count = f"  {session.done}/{session.total}" if session.total else ""
    return left, ((f"{shown.word}{count}", shown.tone), (f"  {session.last}", Tone.DIM))


def plan_row(plan: HomePlan) -> tuple[Line, Line]:
    left: Line = (("+ ", Tone.ACCENT), (plan.title, Tone.PLAIN), (f"  {plan.path.name}", Tone.DIM))
    return left, (("start", Tone.DIM),)


FIRST_RUN: tuple[Line, ...] = (
    (("No session yet.", Tone.STRONG),),
    (
        (
            "A session is one run of a plan against a target, a folder with a Compose project.",
            Tone.DIM,
        ),
    ),
    (("Pick a plan below; nothing is changed before you run its first step.", Tone.DIM),),
    ((("To try it on a sample: "), Tone.DIM), ("runbook demo", Tone.ACCENT)),
)
