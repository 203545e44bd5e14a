"""`verify`: is a completion signal what its signer wrote?"""

from __future__ import annotations

import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.domain.errors import JournalError, UsageError
from runbook_app.domain.sanitise import neutralise
from runbook_app.domain.statement import JSON, LARGEST, MARKDOWN

if TYPE_CHECKING:
    from runbook_app.domain.statement import Stated
    from runbook_app.headless.verify import Finding
    from runbook_app.ports.signing import PublicKey


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument(
    "session",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="[FOLDER]",
    required=False,
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="PUBLIC_KEY",
    help="The signer's public key (PEM).  [default: this machine's own]",
)
def verify_command(file: Path, session: Path | None, key: Path | None) -> None:
    """Check the signal FILE, or a session's folder with its journal and its logs.

    Needs nothing but the file and the signer's public key, on any machine. With the FOLDER of its
    session too, an older copy is held against that journal. Exit code 0: valid; 1: invalid,
    altered, superseded, withdrawn, or signed by a key that is not at hand.
    """
    from runbook_app.headless.verify import Finding, verify_journal, verify_logs

    if session is not None and file.is_dir():
        raise UsageError(f"{file} is a folder too.", hint="Give a signal's file, then the folder.")
    trusted = bootstrap.public_key(key)
    folder = file if file.is_dir() else session
    signal = file / JSON if file.is_dir() else file
    finding = Finding()
    data, stated = None, None
    if folder is None or signal.exists():
        data = _read(signal)
        stated = _judged(signal, data, trusted, given=key is not None, finding=finding)
    else:
        finding.wrong.append(
            f"{folder} has no {JSON}: nothing says where the journal has to end."
            " `runbook export` writes one."
        )
    if folder is not None:
        journal = bootstrap.read_journal(folder)
        try:
            verify_journal(journal, stated, data, finding)
            verify_logs(journal, bootstrap.log_digests(folder), finding)
        except JournalError as error:
            finding.wrong.append(error.message)
        finally:
            journal.close()
    _tell(finding.verdict, finding.lines, finding.wrong)
    sys.exit(1 if finding.wrong else 0)


def _judged(
    signal: Path, data: bytes, trusted: PublicKey | None, *, given: bool, finding: Finding
) -> Stated | None:
    """Check a signal's file with what lies beside it: its page, and the session's newer signal."""
    from runbook_app.headless.verify import verify_newer, verify_signal

    page, newer = signal.with_name(MARKDOWN), signal.with_name(JSON)
    beside = _read(page) if page != signal and page.exists() else None
    stated = verify_signal(data, beside, trusted, given=given, finding=finding)
    if stated is not None and newer != signal and newer.is_file():
        verify_newer(_read(newer), data, trusted, finding)
    return stated


def _tell(verdict: str, lines: list[str], wrong: list[str]) -> None:
    if verdict:
        click.echo(neutralise(verdict))
    for line in lines:
        click.echo(neutralise(line))
    for line in wrong:
        click.echo(neutralise(line), err=True)
    if wrong:
        click.echo("NOT VALID", err=True)
    else:
        click.echo("VALID")


def _read(path: Path) -> bytes:
    """Read a regular file, no more of it than a signal can have.

    Raises:
        UsageError: it can't be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is not a file.", hint="Give a signal.json.")
        with path.open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(
            f"{path} can't be read: {error.strerror}.",
            hint="Give a signal.json, or a session's folder.",
        ) from error
