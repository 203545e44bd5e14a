"""Sealing to a recipient's key: who seals can't open. Import it late: cryptography is heavy.

A sealed file is JSON: the recipient's fingerprint, an ephemeral X25519 key, a nonce, and the
ciphertext (AES-256-GCM, its key derived by HKDF-SHA256 from the agreement of both).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.domain.errors import RunbookError, UsageError

FILE = "recipient.pub"
"""In the session's folder: to whom it seals."""
PUBLIC = ".pub"
_FORMAT = "runbook-sealed-1"
_NONCE = 12


class Sealed(msgspec.Struct, frozen=True, kw_only=True):
    format: str
    recipient: str
    ephemeral: str
    nonce: str
    ciphertext: str


class Recipient:
    """A public key that things are sealed to."""

    def __init__(self, key: X25519PublicKey) -> None:
        self._key = key

    @property
    def fingerprint(self) -> str:
        return _fingerprint(self._key)

    @property
    def pem(self) -> bytes:
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def seal(self, plain: bytes) -> bytes:
        ephemeral = X25519PrivateKey.generate()
        public = ephemeral.public_key()
        nonce = os.urandom(_NONCE)
        cipher = _cipher(ephemeral.exchange(self._key), public, self._key)
        sealed = Sealed(
            format=_FORMAT,
            recipient=self.fingerprint,
            ephemeral=_text(public.public_bytes_raw()),
            nonce=_text(nonce),
            ciphertext=_text(cipher.encrypt(nonce, plain, _FORMAT.encode())),
        )
        return msgspec.json.format(msgspec.json.encode(sealed)) + b"\n"


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
        key = load_pem_public_key(data)
    except OSError as error:
        raise UsageError(
            f"The recipient's key {path} can't be read: {error.strerror}.",
            hint="Make a pair with: runbook recipient FILE",
        ) from error
    except ValueError as error:
        raise _no_key(path) from error
    if not isinstance(key, X25519PublicKey):
        raise _no_key(path)
    return Recipient(key)


def _no_key(path: Path) -> UsageError:
    return UsageError(
        f"{path} is no X25519 public key in PEM.", hint="Make a pair with: runbook recipient FILE"
    )


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


def unseal(data: bytes, key: Path) -> bytes:
    """Open what was sealed to a key.

    Raises:
        UsageError: it is no sealed file, or sealed to another key, or altered.
    """
    try:
        sealed = msgspec.json.decode(data, type=Sealed)
    except msgspec.MsgspecError as error:
        raise UsageError("That is no sealed file of this program.") from error
    private = _private(key)
    if sealed.recipient != _fingerprint(private.public_key()):
        raise UsageError(
            f"It is sealed to the key {sealed.recipient}, and {key} is another one.",
            hint="Give the private key of that pair.",
        )
    with contextlib.suppress(ValueError, InvalidTag):
        public = X25519PublicKey.from_public_bytes(_bytes(sealed.ephemeral))
        cipher = _cipher(private.exchange(public), public, private.public_key())
        return cipher.decrypt(_bytes(sealed.nonce), _bytes(sealed.ciphertext), _FORMAT.encode())
    raise UsageError("It was altered since it was sealed, and does not open.")


def _private(path: Path) -> X25519PrivateKey:
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} is no private key of a recipient.") from error
    if not isinstance(key, X25519PrivateKey):
        raise UsageError(f"{path} is no private key of a recipient.")
    return key


def _cipher(shared: bytes, ephemeral: X25519PublicKey, key: X25519PublicKey) -> AESGCM:
    salt = ephemeral.public_bytes_raw() + key.public_bytes_raw()
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=_FORMAT.encode())
    return AESGCM(derived.derive(shared))


def _fingerprint(key: X25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
