"""The file that something is sealed in. Import it late: cryptography is heavy.

It is JSON: the recipient's fingerprint, an ephemeral X25519 key, a nonce, and the ciphertext
(AES-256-GCM, its key derived by HKDF-SHA256 from the agreement of both); and when the recipient is
a passphrase, how its key is derived.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
from typing import Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runbook_app.adapters.passphrase import Derivation
from runbook_app.domain.errors import UsageError

_FORMAT: Final = "runbook-sealed-1"
_NONCE = 12


class Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    format: Literal["runbook-sealed-1"]
    recipient: str
    passphrase: Derivation | None = None
    ephemeral: str
    nonce: str
    ciphertext: str

    def open(self, private: X25519PrivateKey) -> bytes:
        """Open it with the key that it is sealed to.

        Raises:
            UsageError: it was altered.
        """
        with contextlib.suppress(ValueError, InvalidTag):
            public = X25519PublicKey.from_public_bytes(_bytes(self.ephemeral))
            cipher = _cipher(private.exchange(public), public, private.public_key())
            return cipher.decrypt(_bytes(self.nonce), _bytes(self.ciphertext), _FORMAT.encode())
        raise UsageError("It was altered since it was sealed, and does not open.")


def seal(plain: bytes, key: X25519PublicKey, derivation: Derivation | None) -> bytes:
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key()
    nonce = os.urandom(_NONCE)
    cipher = _cipher(ephemeral.exchange(key), public, key)
    sealed = Sealed(
        format=_FORMAT,
        recipient=fingerprint(key),
        passphrase=derivation,
        ephemeral=_text(public.public_bytes_raw()),
        nonce=_text(nonce),
        ciphertext=_text(cipher.encrypt(nonce, plain, _FORMAT.encode())),
    )
    return msgspec.json.format(msgspec.json.encode(sealed)) + b"\n"


def read(data: bytes) -> Sealed:
    """Read a sealed file.

    Raises:
        UsageError: it is none, or deriving its key would take more than this program allows.
    """
    try:
        return msgspec.json.decode(data, type=Sealed)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"That is no sealed file of this program: {error}.") from error


def fingerprint(key: X25519PublicKey) -> str:
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def _cipher(shared: bytes, ephemeral: X25519PublicKey, key: X25519PublicKey) -> AESGCM:
    salt = ephemeral.public_bytes_raw() + key.public_bytes_raw()
    derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=_FORMAT.encode())
    return AESGCM(derived.derive(shared))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
