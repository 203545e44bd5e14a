"""Sealing to a recipient: who seals can't open. Import it late: cryptography is heavy.

A recipient is a public key; its private one is in the operator's file, or derived from the
operator's passphrase. A public key's file is PEM, and of a passphrase's key it says in a line
before that how it was derived.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.adapters.passphrase import Derivation
from runbook_app.adapters.sealed_file import Sealed, fingerprint, seal
from runbook_app.domain.errors import RunbookError, UsageError

FILE = "recipient.pub"
"""In the session's folder: to whom it seals."""
PUBLIC = ".pub"
_DERIVATION = b"Passphrase: "
_HINT = "Make a pair with: runbook recipient FILE. Or give: --seal-to passphrase"


class Recipient:
    """A public key that things are sealed to."""

    def __init__(self, key: X25519PublicKey, derivation: Derivation | None = None) -> None:
        self._key = key
        self._derivation = derivation
        """How its private key is derived, when it is a passphrase's."""

    @property
    def fingerprint(self) -> str:
        return fingerprint(self._key)

    @property
    def pem(self) -> bytes:
        pem = self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        if self._derivation is None:
            return pem
        return _DERIVATION + msgspec.json.encode(self._derivation) + b"\n" + pem

    def seal(self, plain: bytes) -> bytes:
        return seal(plain, self._key, self._derivation)

    def keep(self, folder: Path) -> None:
        """Let the next engine of the session in this folder seal to it."""
        write_durably(folder / FILE, self.pem)


def recipient_of(folder: Path) -> Recipient | None:
    """Whom the session in this folder seals to."""
    path = folder / FILE
    return recipient(path) if path.exists() else None


def recipient(path: Path) -> Recipient:
    """Read a public key.

    Raises:
        UsageError: it is none, or the private one.
    """
    try:
        data = path.read_bytes()
        if b"PRIVATE KEY" in data:
            raise UsageError(
                f"{path} is the private key, which stays where it is.",
                hint=f"Give the public one: {path}{PUBLIC}.",
            )
        key, derivation = load_pem_public_key(data), _derivation(data)
    except OSError as error:
        raise UsageError(
            f"The recipient's key {path} can't be read: {error.strerror}.", hint=_HINT
        ) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path) from error
    if not isinstance(key, X25519PublicKey):
        raise _no_key(path)
    return Recipient(key, derivation)


def _derivation(data: bytes) -> Derivation | None:
    first = data.partition(b"\n")[0]
    if not first.startswith(_DERIVATION):
        return None
    return msgspec.json.decode(first.removeprefix(_DERIVATION), type=Derivation)


def _no_key(path: Path) -> UsageError:
    return UsageError(f"{path} is no X25519 public key in PEM.", hint=_HINT)


def from_passphrase(passphrase: bytes) -> Recipient:
    """The public key of a new pair that is derived from a passphrase."""
    derivation = Derivation.new()
    return Recipient(derivation.private_key(passphrase).public_key(), derivation)


def make_pair(path: Path) -> Path:
    """Make a private key and, beside it, the public one, whose path is returned.

    A pair that is there is kept.

    Raises:
        RunbookError: it can't be written.
    """
    public = path.with_name(path.name + PUBLIC)
    try:
        if not path.exists():
            make_folders(path.parent, 0o700)
            key = X25519PrivateKey.generate()
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_durably(path, pem)
        write_durably(public, Recipient(_private(path).public_key()).pem)
    except OSError as error:
        raise RunbookError(f"{path} can't be written: {error.strerror}.") from error
    return public


def unseal(sealed: Sealed, key: Path) -> bytes:
    """Open what was sealed to a key.

    Raises:
        UsageError: it is sealed to another key, or altered.
    """
    private = _private(key)
    if sealed.recipient != fingerprint(private.public_key()):
        raise UsageError(
            f"It is sealed to the key {sealed.recipient}, and {key} is another one.",
            hint="Give the private key of that pair.",
        )
    return sealed.open(private)


def unseal_by_passphrase(sealed: Sealed, derivation: Derivation, passphrase: bytes) -> bytes:
    """Open what was sealed to a passphrase.

    Raises:
        EnvironmentLacks: there is too little memory to derive its key.
        UsageError: it is sealed to another passphrase, or altered.
    """
    private = derivation.private_key(passphrase)
    if sealed.recipient != fingerprint(private.public_key()):
        raise UsageError(
            "That is not the passphrase it was sealed to.",
            hint="Try again. If you are sure of it, the salt or the fingerprint in the file was"
            " altered: take another copy of the file.",
        )
    return sealed.open(private)


def _private(path: Path) -> X25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no private key of a recipient.") from error
    if not isinstance(key, X25519PrivateKey):
        raise UsageError(f"{path} is no private key of a recipient.")
    return key
