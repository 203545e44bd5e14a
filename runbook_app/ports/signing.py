"""Signing, and checking what was signed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

Sign = Callable[[bytes], tuple[str, bytes]]
"""Signs with the operator's key, which the first use makes: the key's id, and the signature.

Raises `JournalError` when the key can't be read or made.
"""


class PublicKey(Protocol):
    """A key by which signatures are checked."""

    @property
    def keyid(self) -> str:
        """SHA-256 of the key (DER, SubjectPublicKeyInfo), in hexadecimal."""

    def verifies(self, message: bytes, signature: bytes) -> bool: ...
