"""SQLite files of a session: private from their first moment, WAL, errors in our own words.

Nothing but SQLite may open such a file: closing any other descriptor of it drops the locks that
this process holds on it.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from runbook_app.adapters.durable import sync_folder
from runbook_app.domain.errors import JournalError, JournalHeld

BUSY_SECONDS = 30.0
_FULL = ("disk is full", "disk I/O error")


def create_private(path: Path) -> None:
    """Make an empty file of mode 0600 when there is none; SQLite gives -wal and -shm its mode."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)
    sync_folder(path.parent)


def connect(path: Path, *, synchronous: str) -> sqlite3.Connection:
    """Open for reading and writing in WAL mode; transactions are begun by hand."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _use_wal(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )


def _use_wal(connection: sqlite3.Connection) -> None:
    """Switch to WAL; SQLite does not wait by itself when another process does the same."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            if mode != "wal":
                raise sqlite3.NotSupportedError("its file system has no shared memory for WAL")
            return


def explain(error: BaseException, path: Path, doing: str) -> JournalError:
    """Say in our own words what went wrong with the file."""
    reason = str(error)
    if any(words in reason for words in _FULL) or "No space left" in reason:
        hint = f"Free space on the disk that holds {path.parent}, then resume the session."
    elif "locked" in reason:
        hint = "Another process holds it; look for one that hangs, then try again."
    elif "for WAL" in reason:
        hint = "Use a local file system: set RUNBOOK_HOME to a folder on one."
    elif "malformed" in reason or "not a database" in reason:
        hint = "The file is damaged; open the session read-only to see what can still be read."
    else:
        hint = f"Check that {path.parent} exists and is writable."
    kind = JournalHeld if "locked" in reason else JournalError
    return kind(f"{path} could not be {doing}: {reason}.", hint=hint)
