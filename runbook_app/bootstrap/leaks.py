"""The search for secrets in a session's files, in a process of its own.

To close a file of a database drops the locks that a process holds on it through SQLite, so a screen
or an engine can't read those files itself; and a long log would hold up the screen.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runbook_app.bootstrap.surroundings import artefacts_in
from runbook_app.domain.errors import JournalError, RunbookError
from runbook_app.engine.leaks import Leak, first_leak

if TYPE_CHECKING:
    from runbook_app.domain.state import SessionState
    from runbook_app.ports.journal import Stored


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    leak: Leak | None = None
    failure: str = ""
    hint: str = ""


def find_leak(folder: Path) -> Leak | None:
    """Search the files of a session, and those of its target that it wrote, for its secrets.

    Raises:
        JournalError: they can't be searched.
    """
    found = subprocess.run(
        [sys.executable, "-m", "runbook_app.processes.leaks", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a traceback has no place on a screen
        check=False,
    )
    try:
        answer = msgspec.json.decode(found.stdout, type=_Answer)
    except msgspec.MsgspecError as error:
        raise JournalError(
            f"The search of {folder} for secrets ended with exit code {found.returncode} and no"
            " answer.",
            hint=f"See what it says: {sys.executable} -m runbook_app.processes.leaks {folder}",
        ) from error
    if answer.failure:
        raise JournalError(answer.failure, hint=answer.hint)
    return answer.leak


def run_search(folder: Path) -> None:
    """The process's side: search, and write the answer on standard output."""
    try:
        answer = _Answer(leak=_search(folder))
    except RunbookError as error:
        answer = _Answer(failure=error.message, hint=error.hint)
    sys.stdout.buffer.write(msgspec.json.encode(answer))


def _search(folder: Path) -> Leak | None:
    from runbook_app.adapters.session_record import stored_in
    from runbook_app.bootstrap.engines import plain_names
    from runbook_app.bootstrap.sessions import client
    from runbook_app.engine.known_secrets import CANARY, KnownSecrets
    from runbook_app.engine.redaction import Redactor

    session = client(folder, read_only=True)
    session.close()
    redactor, canary = Redactor(plain_names(session.plan)), Redactor()
    known = KnownSecrets(redactor, artefacts_in(folder))
    redactor.reserve(known.said_in(_said_before(folder)))
    if leak := first_leak(stored_in(folder), redactor):
        return leak
    for value in known.known(CANARY):
        canary.register(CANARY, value)
    root = Path(session.started.target)
    written = {*session.plan.record_documents(), *_changed(session.state)}
    return first_leak(_of_target(root, sorted(written)), canary)


def _said_before(folder: Path) -> str:
    """What was written before any secret was known: the plan, its guides, the session's title."""
    files = [folder / "session.json", *(folder / "plan").rglob("*")]
    return "\n".join(path.read_text("utf-8", "replace") for path in files if path.is_file())


def _changed(state: SessionState) -> Iterator[str]:
    for item in state.items.values():
        yield from (taken.name for taken in item.captures if taken.kind == "file")


def _of_target(root: Path, names: list[str]) -> Iterator[Stored]:
    """Its files as they are now; one that only a container's account may read shows nobody ours."""
    from runbook_app.adapters.session_record import stored_as

    for name in names:
        if os.access(root / name, os.R_OK):
            yield from stored_as(root / name)
