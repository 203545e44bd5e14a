"""What the environment says: where sessions and keys live, and where a test kills."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.ports.crash import CrashPoint, no_crash

if TYPE_CHECKING:
    from runbook_app.adapters.sessions import SessionFolders


def home() -> Path:
    """Where sessions and keys live: `$RUNBOOK_HOME`, or the platform's state folder."""
    given = os.environ.get("RUNBOOK_HOME")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_state_path

    return user_state_path("runbook")


def folders() -> SessionFolders:
    from runbook_app.adapters.sessions import SessionFolders

    return SessionFolders(home())


def recipient_key() -> Path:
    """Where the operator's own private key lies: beside the session folders, not in them."""
    return home() / "recipient.key"


def signing_key() -> Path:
    """The operator's key, made by the first export; the public key lies beside it."""
    return home() / "signing.key"


def crash_point() -> CrashPoint:
    """Where a test has this process end; nowhere, unless the environment says so."""
    if "RUNBOOK_CRASH_AT" not in os.environ:
        return no_crash
    from runbook_app.testing.crash import crash_at

    return crash_at
