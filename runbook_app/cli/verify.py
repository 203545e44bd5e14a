"""`verify`: is a completion signal what its signer wrote?"""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.domain.errors import UsageError
from runbook_app.domain.sanitise import neutralise
from runbook_app.domain.statement import JSON, LARGEST, MARKDOWN


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="PUBLIC_KEY",
    help="The signer's public key (PEM).  [default: this machine's own]",
)
def verify_command(file: Path, key: Path | None) -> None:
    """Check the signal FILE, or a session's folder with its journal.

    Needs nothing but the file and the signer's public key, on any machine. Exit code 0: valid;
    1: invalid, altered, or signed by a key that is not at hand.
    """
    from runbook_app.headless.verify import Finding, verify_journal, verify_signal

    trusted = bootstrap.public_key(key)
    folder = file if file.is_dir() else None
    signal = folder / JSON if folder else file
    finding = Finding()
    data, stated = None, None
    if folder is None or signal.exists():
        data = _read(signal)
        page = signal.with_name(MARKDOWN)
        beside = _read(page) if page != signal and page.exists() else None
        stated = verify_signal(data, beside, trusted, given=key is not None, finding=finding)
    else:
        finding.wrong.append(
            f"{folder} has no {JSON}: nothing says where the journal has to end."
            " `runbook export` writes one."
        )
    if folder is not None:
        journal = bootstrap.read_journal(folder)
        try:
            verify_journal(journal, stated, data, finding)
        finally:
            journal.close()
    _tell(finding.verdict, finding.lines, finding.wrong)
    sys.exit(1 if finding.wrong else 0)


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
