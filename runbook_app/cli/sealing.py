"""Whom a session seals to, as the operator says it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.domain.errors import UsageError
from runbook_app.ports.session import Session

if TYPE_CHECKING:
    from runbook_app.adapters.recipient import Recipient


def chosen(seal_to: Path | None) -> Recipient | None:
    """Read the key, before anything is begun.

    Raises:
        UsageError: it is no public key.
    """
    if seal_to is None:
        return None
    from runbook_app.adapters.recipient import recipient

    return recipient(seal_to)


def change(session: Session, seal_to: Path | None) -> None:
    """Let the session's next engine seal to whom the operator names now, if anybody.

    Raises:
        UsageError: as of `chosen`, or an engine runs already.
    """
    if seal_to is not None and session.engine_alive():
        raise UsageError(
            f"Session {session.id} is running, and its engine seals to what it was started with.",
            hint="End it at a safe point, then: runbook resume --seal-to KEY",
        )
    if to := chosen(seal_to):
        to.keep(session.folder)
