"""Moments and spans of a session, as its documents write them."""

from __future__ import annotations

from datetime import UTC, timedelta

from runbook_app.domain.clock import format_duration, parse_time, to_text
from runbook_app.domain.state import ItemState, SessionState


def at_clock(moment: str, now: str) -> str:
    """`09:12 UTC`, with the date when it is not today's."""
    if not moment:
        return "not yet"
    at, today = parse_time(moment).astimezone(UTC), parse_time(now).astimezone(UTC)
    return f"{at:%H:%M} UTC" if at.date() == today.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def at_second(moment: str) -> str:
    """`2025-10-24 09:12:05 UTC`."""
    return f"{parse_time(moment).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if moment else "not yet"


def seconds(value: float) -> str:
    return format_duration(timedelta(seconds=value))


def began(item: ItemState) -> str:
    """When the work on an item began; empty before."""
    moments = [item.checkpoint_opened_at] if item.checkpoint_opened_at else []
    moments += [step.started_at for step in item.steps.values() if step.started_at]
    return min(moments, default="")


def ended(item: ItemState) -> str:
    """When the last thing of an item was over; empty while nothing is."""
    moments = [item.finished_at, item.checkpoint_passed_at]
    moments += [step.ended_at for step in item.steps.values()]
    moments += [line.at for line in (*item.checkpoint.values(), *item.success.values())]
    if item.rollback and item.rollback_started_at:
        over = parse_time(item.rollback_started_at) + timedelta(seconds=item.rollback.seconds)
        moments.append(to_text(over))
    return max(moments, default="")


def session_ended(state: SessionState, now: str) -> str:
    """The end of the session's last work, or `now` while it goes on."""
    if state.status in ("running", "waiting", "idle", "starting"):
        return now
    moments = [moment for item in state.items.values() if (moment := ended(item))]
    return max(moments, default=now)
