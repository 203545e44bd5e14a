"""Whether what a session does is real, and who said so."""

from __future__ import annotations

from runbook_app.domain.state import SessionState
from runbook_app.domain.times import at_second


def standing(state: SessionState) -> str:
    """What the target is to the session: a copy, live and since when, or not yet.

    Empty for a session that was begun without a screen: its command named the target.
    """
    if state.started and state.started.copy_of:
        return f"a rehearsal's copy of {state.started.copy_of}"
    if found := state.went_live:
        answered, at = found
        by = f"assumed (--yes, {answered.by})" if answered.assumed else f"named by {answered.by}"
        return f"live since {at_second(at)}, {by}"
    return "not live yet: its name is to be typed" if state.to_go_live else ""
