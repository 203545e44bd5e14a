"""`recipient` and `unseal`: a key that secrets are sealed to, and opening them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.domain.errors import UsageError

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("file", metavar="[FILE]", required=False, type=_FILE, default=None)
def recipient_command(file: Path | None) -> None:
    """Make a key pair for --seal-to, and print the path of the public key.

    FILE gets the private key, FILE.pub the public one; by default they lie beside the session
    folders. A pair that is there is kept. Keep the private key where the sessions are not.
    """
    from runbook_app.adapters.recipient import make_pair

    click.echo(make_pair(file or bootstrap.recipient_key()))


@click.command()
@click.argument("file", metavar="FILE", type=_FILE)
@click.option("--key", type=_FILE, default=None, metavar="KEY", help="The private key.")
@click.option("--out", type=_FILE, default=None, metavar="OUT", help="A new file, 0600.")
def unseal_command(file: Path, key: Path | None, out: Path | None) -> None:
    """Open what a session sealed to a key. Without --out it goes to standard output."""
    from runbook_app.adapters.recipient import unseal
    from runbook_app.adapters.sealed_file import read

    try:
        sealed = read(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.") from error
    plain = unseal(sealed, key or bootstrap.recipient_key())
    if out is None:
        sys.stdout.buffer.write(plain)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{out} can't be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(plain)
