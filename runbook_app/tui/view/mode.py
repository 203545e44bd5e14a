"""Whether what is on the screen is real: in words, in a colour and in the shape of the borders."""

from __future__ import annotations

from enum import Enum
from pathlib import PurePath

from runbook_app.domain.state import SessionState
from runbook_app.tui.view.words import Line, Tone


class Mode(Enum):
    """A mode's colour, as the theme names it, and the line of its borders."""

    LIVE = ("warning", "round")
    REHEARSAL = ("accent", "dashed")
    REPLAY = ("secondary", "double")
    DRY_RUN = ("success", "heavy")
    """Of one page, whatever the program itself shows."""

    @property
    def colour(self) -> str:
        return self.value[0]

    @property
    def border(self) -> str:
        return self.value[1]


def mode_of(state: SessionState, *, replaying: bool) -> Mode:
    if replaying:
        return Mode.REPLAY
    return Mode.REHEARSAL if state.started and state.started.copy_of else Mode.LIVE


def dry_marker(of: str) -> Line:
    """The mode of a dry run, and what it is of."""
    return ((" DRY RUN ", Tone.DRY), (f" of {of}", Tone.STRONG))


def dry_run_of(state: SessionState) -> str:
    """What a session's dry run is of."""
    copied = PurePath(state.started.copy_of).name if state.started else ""
    name = f"the copy of {copied}" if copied else state.target_name or "?"
    return f"{name}, what is still to do"


def marker(state: SessionState, *, replaying: bool, read_only: bool) -> Line:
    """The mode and the target's name, which stand on every screen."""
    name = state.target_name or "?"
    copied = PurePath(state.started.copy_of).name if state.started else ""
    match mode_of(state, replaying=replaying):
        case Mode.REPLAY:
            of = f" rehearsal of {copied}" if copied else f" {name}"
            return (("▷ REPLAY", Tone.ACCENT), (of, Tone.STRONG))
        case Mode.REHEARSAL:
            found: Line = ((" REHEARSAL ", Tone.COPY), (f" of {copied}", Tone.STRONG))
        case Mode.LIVE:
            found = ((" LIVE ", Tone.LIVE), (f" {name}", Tone.STRONG))
    if read_only:
        found = (*found, ("  read-only", Tone.WARN))
    return (*found, ("  unattended", Tone.WARN)) if state.intent.unattended else found
