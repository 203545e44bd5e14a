"""`recipient` and `unseal`: a key that secrets are sealed to, and opening them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from runbook_app import bootstrap
from runbook_app.cli import options, sealing
from runbook_app.domain.errors import UsageError

if TYPE_CHECKING:
    from runbook_app.adapters.sealed_file import Sealed

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
@options.passphrase_file
@click.option("--out", type=_FILE, default=None, metavar="OUT", help="A new file, 0600.")
def unseal_command(
    file: Path, key: Path | None, passphrase_file: Path | None, out: Path | None
) -> None:
    """Open what a session sealed to a key or a passphrase.

    A passphrase is asked for. Without --out it goes to standard output.
    """
    from runbook_app.adapters.sealed_file import read

    try:
        sealed = read(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} can't be read: {error.strerror}.") from error
    plain = _opened(sealed, key, passphrase_file)
    if out is None:
        sys.stdout.buffer.write(plain)
        return
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise UsageError(f"{out} can't be made: {error.strerror}.") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(plain)


def _opened(sealed: Sealed, key: Path | None, passphrase_file: Path | None) -> bytes:
    from runbook_app.adapters.recipient import unseal, unseal_by_passphrase

    if sealed.passphrase is None:
        if passphrase_file is not None:
            raise UsageError("It is sealed to a key, not to a passphrase.", hint="Give --key KEY.")
        return unseal(sealed, key or bootstrap.recipient_key())
    if key is not None:
        raise UsageError("It is sealed to a passphrase, not to a key.", hint="Leave out --key.")
    passphrase = sealing.given_passphrase(passphrase_file)
    return unseal_by_passphrase(sealed, sealed.passphrase, passphrase)
