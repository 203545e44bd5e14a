"""Whom a session seals to, as the operator says it: a public key's file, or a passphrase."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app.cli import complain
from runbook_app.domain.errors import UsageError
from runbook_app.ports.session import Session

if TYPE_CHECKING:
    from runbook_app.adapters.recipient import Recipient

PASSPHRASE = "passphrase"  # noqa: S105 - the word that asks for one


def chosen(seal_to: str | None, passphrase_file: Path | None) -> Recipient | None:
    """Read the key, or ask for a new passphrase, before anything is begun.

    Raises:
        UsageError: it is no public key, no good passphrase, or nobody is there to be asked.
    """
    if seal_to == PASSPHRASE:
        from runbook_app.adapters.recipient import from_passphrase

        return from_passphrase(_new_passphrase(passphrase_file))
    if passphrase_file is not None:
        raise UsageError(
            "A passphrase's file was given, and nothing is sealed to it.",
            hint="Add: --seal-to passphrase",
        )
    if seal_to is None:
        return None
    from runbook_app.adapters.recipient import recipient

    return recipient(Path(seal_to))


def change(session: Session, seal_to: str | None, passphrase_file: Path | None) -> None:
    """Let the session's next engine seal to whom the operator names now, if anybody.

    Raises:
        UsageError: as of `chosen`, or an engine runs already.
    """
    if seal_to is not None and session.engine_alive():
        raise UsageError(
            f"Session {session.id} is running, and its engine seals to what it was started with.",
            hint="End it at a safe point, then: runbook resume --seal-to KEY",
        )
    if to := chosen(seal_to, passphrase_file):
        to.keep(session.folder)


def given_passphrase(passphrase_file: Path | None) -> bytes:
    """The passphrase something was sealed to, from its file or from the terminal.

    Raises:
        UsageError: it can't be read, or nobody is there to be asked.
    """
    from runbook_app.adapters.passphrase import first_line, normalised

    if passphrase_file is not None:
        return normalised(first_line(passphrase_file))
    _require_terminal()
    return normalised(_ask("Passphrase"))


def _new_passphrase(passphrase_file: Path | None) -> bytes:
    from runbook_app.adapters.passphrase import FEWEST, first_line, new, normalised

    if passphrase_file is not None:
        return new(first_line(passphrase_file))
    _require_terminal()
    while True:
        try:
            passphrase = new(_ask(f"Passphrase to seal to, {FEWEST} characters or more"))
            if normalised(_ask("The same again")) == passphrase:
                return passphrase
            complain("These were two different ones.")
        except UsageError as error:
            complain(error.message, error.hint)


def _ask(text: str) -> str:
    try:
        answer: str = click.prompt(text, hide_input=True, err=True)
    except UnicodeDecodeError as error:
        raise UsageError("The passphrase is no text in this terminal's encoding.") from error
    return answer


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "A passphrase is asked for at a terminal, and here is none.",
            hint="Give it one, or give --passphrase-file FILE, which you alone may read.",
        )
