"""Signing the completion signal, and what it takes to check one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_app.bootstrap.surroundings import signing_key
from runbook_app.domain.errors import UsageError

if TYPE_CHECKING:
    from runbook_app.ports.journal import Journal
    from runbook_app.ports.signing import PublicKey


def sign(message: bytes) -> tuple[str, bytes]:
    from runbook_app.adapters.signing_key import FileSigner

    return FileSigner(signing_key()).sign(message)


def public_key(path: Path | None) -> PublicKey | None:
    """The key in a file, or this machine's own; None when this machine has none.

    Raises:
        UsageError: the file holds no key that signals are signed with.
    """
    from runbook_app.adapters.signing_key import FilePublicKey, public_file

    if path is not None:
        return FilePublicKey.load(path)
    own = public_file(signing_key())
    return FilePublicKey.load(own) if own.exists() else None


def read_journal(folder: Path) -> Journal:
    """The journal in a session's folder, to be read only; damage does not keep it from opening.

    Raises:
        UsageError: there is none.
        JournalError: it is no SQLite file.
    """
    from runbook_app.adapters.clock import SystemClock
    from runbook_app.adapters.sqlite_journal import SqliteJournal

    path = folder / "journal.db"
    if not path.is_file():
        raise UsageError(
            f"{folder} has no journal.db.", hint="Give a session's folder, or a signal.json."
        )
    return SqliteJournal(path, SystemClock(), read_only=True)


def log_digests(folder: Path) -> Callable[[str], Iterator[str]]:
    """Of a step: the hashes of what a session's folder has of its log."""
    from runbook_app.adapters.logs import digests

    return lambda step: digests(folder / "logs.db", step)
