"""A step that reverts by itself unless it is confirmed: its clock, and its words."""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote

from runbook_app.domain import events as ev
from runbook_app.domain.clock import parse_time
from runbook_app.domain.state import GuardState, ItemState, SessionState, StepState
from runbook_app.domain.times import at_second


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A reading of the machine's own clock, whatever its wall clock says."""

    boot: str
    """Id of the machine's start."""
    seconds: float
    """Since then, sleep included."""


def left(guard: GuardState, moment: Moment, now: str) -> float | None:
    """Seconds until it reverts, below 0 when they are over; None before its clock has begun.

    The wall clock counts only where the machine was started anew since.
    """
    if guard.counting is None:
        return None
    if guard.counting.boot == moment.boot:
        return guard.counting.ends - moment.seconds
    return guard.armed.within - max(gone(guard.counting_at, now), 0.0)


def counting(guard: GuardState, moment: Moment, why: str, over: float = 0.0) -> ev.GuardCounting:
    """Begin a guard's clock, of which so many seconds are over already."""
    armed = guard.armed
    return ev.GuardCounting(
        item=armed.item,
        step=armed.step,
        boot=moment.boot,
        ends=moment.seconds + armed.within - over,
        reason=why,
    )


def gone(then: str, now: str) -> float:
    return (parse_time(now) - parse_time(then)).total_seconds()


NOT_CONFIRMED = "not confirmed"


def reason(within: float) -> str:
    """Why an item was reverted, for the record."""
    return f"{NOT_CONFIRMED} within {spoken(within)}"


def reverted(item: ItemState) -> str:
    """Why an item was reverted that nobody confirmed; empty for any other."""
    started = item.rollback_started
    if started is None or item.rollback is None or not started.reason.startswith(NOT_CONFIRMED):
        return ""
    return started.reason


def words(state: SessionState, seconds: float | None) -> str:
    """`step a.b reverts by itself in 8 min 12 s unless confirmed: …`; empty without a guard."""
    item = state.guarded
    if item is None or item.guard is None:
        return ""
    guard = item.guard
    when = f"within {spoken(guard.armed.within)} of its end"
    if seconds is not None:
        when = f"in {spoken(seconds)}" if seconds > 0 else "now"
    if item.rollback_started is not None and not item.rollback_error:
        return f"step {guard.step} was not confirmed and is being reverted"
    failed = f" (not confirmed yet: {guard.failed.evidence})" if guard.failed else ""
    return (
        f"step {guard.step} reverts by itself {when} unless confirmed:"
        f" {command(state, guard.step)}{failed}"
    )


def confirmed_words(step: StepState) -> str:
    """`confirmed over a new connection by op, 2025-10-24 09:12:05 UTC: …`; empty if it was not."""
    if step.confirmed is None:
        return ""
    how, at = step.confirmed, at_second(step.confirmed_at)
    if how.assumed:
        return (
            f"confirmation assumed (--yes, {how.by}, {at}); its check passed over new connections"
        )
    return f"confirmed over a new connection by {how.by}, {at}: {how.how}"


def command(state: SessionState, step: str) -> str:
    """What confirms a step from a new shell."""
    return f"runbook confirm {quote(state.id)} {quote(step)}"


def spoken(seconds: float) -> str:
    """`8 min 12 s`, `10 min`, `45 s`, `1 h 5 min`."""
    whole = max(round(seconds), 0)
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (rest, "s")]
    named = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(named[:2]) or "0 s"
