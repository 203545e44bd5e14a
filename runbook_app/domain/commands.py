"""Commands: what somebody wants, in the imperative. A screen appends them, the engine answers.

Every command names its sender, the engine's epoch and the last event the sender had seen; the
engine rejects, by event, one of an older epoch or past its expiry.
"""

from __future__ import annotations

import msgspec


class Command(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all commands."""

    id: str
    by: str
    """Operator's account."""
    epoch: int
    seen: int
    """Sequence number of the last entry the sender had folded."""
    expires: str
    """ISO 8601 UTC."""


class Run(Command, frozen=True, kw_only=True):
    """Go on: the next unit (a checkpoint, a step, a verification), or everything in scope."""

    auto: bool
    items: tuple[str, ...] = ()
    until: str = ""
    unattended: bool = False
    unknown: str = ""


class Pause(Command, frozen=True, kw_only=True):
    """Stop going on by itself after the unit that runs now."""


class CancelStep(Command, frozen=True, kw_only=True):
    """End the running step; it stays `running` until its thread or child has ended."""


class RetryStep(Command, frozen=True, kw_only=True):
    step: str
    parameters: dict[str, object] | None = None
    """Edited parameters; None keeps the plan's."""


class SkipStep(Command, frozen=True, kw_only=True):
    step: str
    reason: str
    owner: str
    expires_on: str


class ResolveUnknown(Command, frozen=True, kw_only=True):
    step: str
    answer: str
    """`done`, `not done` or `partly`."""


class WaiveCriterion(Command, frozen=True, kw_only=True):
    item: str
    line: str
    reason: str
    owner: str
    expires_on: str


class RollBackItem(Command, frozen=True, kw_only=True):
    item: str
    reason: str = ""
    with_dependents: bool = False
    accept_changes: bool = False
    """Restore even what was changed by hand since the item finished."""
    unattended: bool = False


class RunItem(Command, frozen=True, kw_only=True):
    """Run this item and no other: what is open of it, also where the scope leaves it out, or all
    of one that is rolled back, from a fresh checkpoint."""

    item: str


class MeasureScore(Command, frozen=True, kw_only=True):
    """Measure the security score now."""


class Recheck(Command, frozen=True, kw_only=True):
    """Measure again, now, every success criterion of the items that are done."""

    probes: bool = False
    """Also those that must write in order to measure."""


class GoInByHand(Command, frozen=True, kw_only=True):
    """Let somebody work on the target by hand; once it is accepted, they may."""

    way: str
    """Name of the way in, as `ports.hands` has them."""
    what: str
    """The way in, in words."""
    item: str
    pid: int
    """Of the screen."""
    pid_started: str


class ComeOut(Command, frozen=True, kw_only=True):
    """Say that the work by hand is over."""

    hands: str
    """Id of the command that they went in with."""
    exit_code: int | None = None
    """None: it did not begin, or nobody saw its end."""
    reason: str = ""


class AnswerQuestion(Command, frozen=True, kw_only=True):
    question: str
    answer: str
    assumed: bool = False
    how: str = ""
    """In what way it came to this answer, for the record."""


class AddNote(Command, frozen=True, kw_only=True):
    text: str
    item: str = ""
    step: str = ""


class RaiseBlocker(Command, frozen=True, kw_only=True):
    text: str
    item: str = ""
    step: str = ""


class ClearBlocker(Command, frozen=True, kw_only=True):
    blocker: str


class WriteBrief(Command, frozen=True, kw_only=True):
    """Put on record where the session is, for whoever takes over."""


class Stop(Command, frozen=True, kw_only=True):
    """End the engine at a safe point; the session can be resumed."""

    reason: str = ""


AnyCommand = (
    Run
    | Pause
    | CancelStep
    | RetryStep
    | SkipStep
    | ResolveUnknown
    | WaiveCriterion
    | RollBackItem
    | RunItem
    | MeasureScore
    | Recheck
    | GoInByHand
    | ComeOut
    | AnswerQuestion
    | AddNote
    | RaiseBlocker
    | ClearBlocker
    | WriteBrief
    | Stop
)
