"""Whether the signal that was exported last still says what is so."""

from __future__ import annotations

from runbook_app.domain.events import SignalExported, Withdrawal
from runbook_app.domain.state import SessionState
from runbook_app.domain.verdict import Overall, drift_reasons, incomplete_reasons, overall


def withdrawal(state: SessionState) -> Withdrawal | None:
    """The newest exported signal with what has changed since; None when it still holds."""
    exported = state.exported
    if exported is None:
        return None
    why = _changed(exported, state)
    if not why:
        return None
    return Withdrawal(
        sha256=exported.sha256, verdict=exported.verdict, at=state.exported_at, why=why
    )


def _changed(exported: SignalExported, state: SessionState) -> tuple[str, ...]:
    reached, reasons = overall(state), incomplete_reasons(state)
    stated = _stated(exported, state)
    if new := [reason for reason in reasons if reason not in stated]:
        return tuple(new)
    if reached != exported.verdict:
        return (f"the session is {reached} now",)
    return tuple(f"settled since: {reason}" for reason in stated if reason not in reasons)


def _stated(exported: SignalExported, state: SessionState) -> tuple[str, ...]:
    """The reasons that the signal gave; older versions left them out, and knew of no drift."""
    if exported.reasons or exported.verdict != Overall.INCOMPLETE:
        return exported.reasons
    drifted = drift_reasons(state)
    return tuple(reason for reason in incomplete_reasons(state) if reason not in drifted)
