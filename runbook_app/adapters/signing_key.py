"""The operator's signing key (Ed25519). Import it late: cryptography is heavy."""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from runbook_app.adapters.durable import make_folders, sync_folder, write_durably
from runbook_app.domain.errors import JournalError, UsageError

_LARGEST = 1 << 16
"""Bytes of a key's file; a real one has 113."""


class FilePublicKey:
    """Implements `ports.signing.PublicKey`."""

    def __init__(self, key: Ed25519PublicKey) -> None:
        self._key = key
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.keyid = hashlib.sha256(der).hexdigest()

    @classmethod
    def load(cls, path: Path) -> FilePublicKey:
        """Read a key's PEM file.

        Raises:
            UsageError: it is none.
        """
        try:
            with path.open("rb") as file:
                data = file.read(_LARGEST)
        except OSError as error:
            raise UsageError(
                f"The public key {path} can't be read: {error.strerror}.",
                hint="Give the signer's signing.pub with --key.",
            ) from error
        try:
            key = load_pem_public_key(data)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise UsageError(
                f"{path} is no public key in PEM.", hint="Give the signer's signing.pub with --key."
            ) from error
        if not isinstance(key, Ed25519PublicKey):
            raise UsageError(f"The key in {path} is not Ed25519, which signals are signed with.")
        return cls(key)

    def verifies(self, message: bytes, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class FileSigner:
    """Its `sign` is a `ports.signing.Sign` with a PEM file of mode 0600.

    The public key is written beside it, for those who are to verify; of mode 0600 too, as all that
    lies there.
    """

    def __init__(self, key_file: Path) -> None:
        self._file = key_file
        self.public_file = public_file(key_file)

    def sign(self, message: bytes) -> tuple[str, bytes]:
        key = self._load() or self._make()
        public = key.public_key()
        self._publish(public)
        return FilePublicKey(public).keyid, key.sign(message)

    def _load(self) -> Ed25519PrivateKey | None:
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(
                f"The signing key {self._file} can't be read: {error.strerror}.",
                hint="Run as the account that owns the session.",
            ) from error
        try:
            key = load_pem_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise self._damaged("no private key in PEM without a passphrase") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise self._damaged("not Ed25519")
        return key

    def _damaged(self, what: str) -> JournalError:
        return JournalError(
            f"The signing key {self._file} is {what}.",
            hint="Put the right file back from a backup. Without one, move it and"
            f" {self.public_file.name} away: the next export makes a new pair.",
        )

    def _make(self) -> Ed25519PrivateKey:
        """Make the key; when two processes do so at once, both use the first one's."""
        made = Ed25519PrivateKey.generate().private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        )
        aside = self._file.with_name(f".{self._file.name}.{os.urandom(4).hex()}")
        try:
            make_folders(self._file.parent, 0o700)
            write_durably(aside, made)
            with contextlib.suppress(FileExistsError):
                self._file.hardlink_to(aside)
            aside.unlink()
            sync_folder(self._file.parent)
        except OSError as error:
            raise self._unwritable(self._file, error) from error
        key = self._load()
        if key is None:
            raise JournalError(f"The signing key {self._file} vanished as soon as it was made.")
        return key

    def _publish(self, key: Ed25519PublicKey) -> None:
        """Keep the public key's file what the private one says; a kill may have left none."""
        pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        try:
            if not self.public_file.exists() or self.public_file.read_bytes() != pem:
                write_durably(self.public_file, pem)
        except OSError as error:
            raise self._unwritable(self.public_file, error) from error

    def _unwritable(self, path: Path, error: OSError) -> JournalError:
        return JournalError(
            f"{path} can't be made: {error.strerror}.",
            hint=f"Make {path.parent} writable and see that its disk has space.",
        )


def public_file(key_file: Path) -> Path:
    return key_file.with_suffix(".pub")
