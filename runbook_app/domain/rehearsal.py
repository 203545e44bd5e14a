"""What a rehearsal on a copy of the target proved, and whether it still counts."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from runbook_app.domain.clock import parse_time
from runbook_app.domain.events import RehearsalNoted
from runbook_app.domain.plan import Item
from runbook_app.domain.state import ItemState, ItemStatus, SessionState


class Footing(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal stood on."""

    plan_sha256: str
    variables: str
    """SHA-256 of the plan's values, resolved for the target."""
    commit: str
    """Of the target; empty without a repository."""
    changes: str
    """SHA-256 of what is not committed there; of all files without a repository."""


class Badge(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one item."""

    plan: str
    item: str
    at: str
    proven: bool
    apply_seconds: float
    rollback_seconds: float
    footing: Footing


def outdated(then: Footing, now: Footing, *, only_own: bool) -> str:
    """Why a rehearsal does not count any more; empty while it does.

    `only_own`: all that was committed since are items of this program, and reverts of them.
    """
    if then.plan_sha256 != now.plan_sha256:
        return "the plan changed since"
    if then.variables != now.variables:
        return "the plan's values changed since"
    if then.changes != now.changes or (then.commit != now.commit and not only_own):
        return "the target changed since"
    return ""


def noted(badge: Badge, reason: str) -> RehearsalNoted:
    return RehearsalNoted(
        item=badge.item,
        rehearsed_at=badge.at,
        proven=badge.proven,
        apply_seconds=badge.apply_seconds,
        rollback_seconds=badge.rollback_seconds,
        plan_sha256=badge.footing.plan_sha256,
        outdated=reason,
    )


def counts(state: SessionState, item: ItemState) -> bool:
    """Whether the item's rollback was proven on a copy of this target, with this plan."""
    known = item.rehearsal
    return known is not None and known.proven and not _outdated(state, known)


def badge_words(state: SessionState, item: ItemState, now: str) -> str:
    """`rollback proven 2 h ago`; empty for what was not rehearsed, or has begun since."""
    known = item.rehearsal
    if known is None or item.status is not ItemStatus.PENDING:
        return ""
    when = ago(known.rehearsed_at, now)
    if not known.proven:
        return f"rehearsal failed {when}"
    reason = _outdated(state, known)
    return f"rollback proven {when}" + (f", {reason}" if reason else "")


def _outdated(state: SessionState, known: RehearsalNoted) -> str:
    if known.plan_sha256 != state.plan_sha256:
        return "the plan changed since"
    return known.outdated


def missing(state: SessionState, item: Item) -> str:
    """Why an item that has to be rehearsed may not begin; empty when it may."""
    found = state.items.get(item.id)
    if not item.rehearsal_required or found is None or counts(state, found):
        return ""
    known = found.rehearsal
    why = "it was not"
    if known is not None:
        why = _outdated(state, known) if known.proven else "its rehearsal failed"
    return f"item {item.id} has to be rehearsed first, and {why}"


def ago(then: str, now: str) -> str:
    """`just now`, `5 min ago`, `2 h ago`, `3 d ago`."""
    minutes = (parse_time(now) - parse_time(then)) // timedelta(minutes=1)
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    hours = minutes // 60
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} d ago"
