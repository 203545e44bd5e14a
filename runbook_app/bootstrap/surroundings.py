"""What the environment says: where sessions and keys live, and where a test kills."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.ports.crash import CrashPoint, no_crash

if TYPE_CHECKING:
    from runbook_app.adapters.artefacts import FolderArtefacts
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


def artefacts_in(folder: Path) -> FolderArtefacts:
    """A session's captures and what else it keeps sealed, with this machine's key to them."""
    from runbook_app.adapters.artefacts import FolderArtefacts
    from runbook_app.adapters.sealer import FileKeySealer

    return FolderArtefacts(folder, FileKeySealer(capture_key()))


def capture_key() -> Path:
    """The key of the captures: beside the session folders, not in them."""
    return home() / "captures.key"


def recipient_key() -> Path:
    """Where the operator's own private key lies: beside the session folders, not in them."""
    return home() / "recipient.key"


def screen_settings() -> Path:
    """What people chose for their screens: beside the session folders too."""
    return home() / "theme"


def signing_key() -> Path:
    """The operator's key, made by the first export; the public key lies beside it."""
    return home() / "signing.key"


def crash_point() -> CrashPoint:
    """Where a test has this process end; nowhere, unless the environment says so."""
    if "RUNBOOK_CRASH_AT" not in os.environ:
        return no_crash
    from runbook_app.testing.crash import crash_at

    return crash_at
