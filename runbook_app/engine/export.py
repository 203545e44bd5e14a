"""Writing the completion signal: the page for people, and the signed statement over it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from runbook_app.domain.errors import JournalError, SecretFound, UsageError
from runbook_app.domain.signal import Signal, signal_markdown
from runbook_app.domain.statement import (
    JSON,
    MARKDOWN,
    PAYLOAD_TYPE,
    make_envelope,
    make_statement,
    pae,
)
from runbook_app.engine.leaks import Leak
from runbook_app.ports.crash import CrashPoint
from runbook_app.ports.session import Exported
from runbook_app.ports.signing import Sign

Write = Callable[[Path, bytes], object]
"""Writes a file atomically and durably."""
FindLeak = Callable[[Path], Leak | None]
"""Searches the files of the session in a folder for secrets that may not be there."""
_FOUND = (
    "Whoever can read that file knows it: exchange it (the canary opens nothing; it shows that a"
    " real secret can get there). Take it out of the file and export again. Nothing can be taken"
    " out of a journal or log: begin a new session. Report how it came there, without the value."
)


class Exporter:
    """Writes signals into a session's folder. It blocks; nothing here needs the event loop."""

    def __init__(self, *, sign: Sign, write: Write, find_leak: FindLeak, crash: CrashPoint) -> None:
        self._sign = sign
        self._find_leak = find_leak
        self._write = write
        self._crash = crash

    def export(self, signal: Signal, folder: Path) -> Exported:
        """Sign first, then replace one file and the other, each in one moment.

        A kill between the two leaves a page that is newer than the statement: `verify` sees it,
        and the next export mends it.

        Raises:
            SecretFound: a secret lies in a file where none may be; nothing is written.
            JournalError: the key can't be used, the files can't be searched or written.
        """
        if leak := self._find_leak(folder):
            raise SecretFound(
                f"No signal is written: the secret '{leak.secret}' lies in {leak.place}.",
                hint=_FOUND,
            )
        page = signal_markdown(signal)
        statement = make_statement(signal, hashlib.sha256(page.encode()).hexdigest())
        keyid, signature = self._sign(pae(PAYLOAD_TYPE, statement))
        envelope = make_envelope(statement, keyid, signature)
        try:
            self._crash("export:begun")
            self._write(folder / MARKDOWN, page.encode())
            self._crash("export:page")
            self._write(folder / JSON, envelope)
            self._crash("export:statement")
        except OSError as error:
            raise JournalError(
                f"The signal can't be written into {folder}: {error.strerror}.",
                hint="Free space or mend the folder, then export again; nothing was put on record.",
            ) from error
        return Exported(
            verdict=signal.verdict,
            markdown=page,
            envelope=envelope.decode(),
            keyid=keyid,
            paths=(folder / MARKDOWN, folder / JSON),
        )


def copy(exported: Exported, out: Path) -> None:
    """Write a copy in the form that its name asks for.

    Raises:
        UsageError: it can't be written.
    """
    text = exported.envelope if out.suffix == ".json" else exported.markdown
    try:
        out.write_bytes(text.encode())
    except OSError as error:
        raise UsageError(
            f"The copy {out} can't be written: {error.strerror}.",
            hint="The session's folder holds the signal; give another --out.",
        ) from error
