"""Encryption at rest with a key in a file of its own. Import it late: cryptography is heavy."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from runbook_app.adapters.durable import make_folders, sync_folder, write_durably
from runbook_app.domain.errors import JournalError

_MAGIC = b"RBSEAL1\n"
_NONCE = 12
_KEY = 32


class FileKeySealer:
    """Implements `ports.journal.Sealer` with AES-256-GCM.

    A sealed artefact is a magic line, a random nonce, and the ciphertext with its tag. The key is
    made by the first `seal`; `open` never makes one.
    """

    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file
        self._key: bytes | None = None

    def seal(self, plain: bytes) -> bytes:
        key = self._key or self._load() or self._make()
        nonce = os.urandom(_NONCE)
        return _MAGIC + nonce + AESGCM(key).encrypt(nonce, plain, _MAGIC)

    def open(self, sealed: bytes) -> bytes:
        key = self._key or self._load()
        if key is None:
            raise JournalError(
                f"The key {self._key_file} is missing: captures can't be decrypted.",
                hint="Put the key file back from a backup of the session's state folder.",
            )
        nonce, body = sealed[len(_MAGIC) :][:_NONCE], sealed[len(_MAGIC) + _NONCE :]
        try:
            if not sealed.startswith(_MAGIC):
                raise ValueError("not a sealed artefact")
            return AESGCM(key).decrypt(nonce, body, _MAGIC)
        except (InvalidTag, ValueError) as error:
            raise JournalError(
                f"An artefact can't be decrypted with {self._key_file}: "
                "it was altered, cut short, or sealed with another key.",
                hint="Restore the artefact or the key from a backup of the state folder.",
            ) from error

    def _load(self) -> bytes | None:
        try:
            key = self._key_file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise JournalError(
                f"The key {self._key_file} can't be read: {error.strerror}.",
                hint="Run as the account that owns the session.",
            ) from error
        if len(key) != _KEY:
            raise JournalError(
                f"The key {self._key_file} has {len(key)} bytes instead of {_KEY}.",
                hint="Put the right key file back from a backup.",
            )
        self._key = key
        return key

    def _make(self) -> bytes:
        """Make the key; when two processes do so at once, both use the first one's."""
        aside = self._key_file.with_name(f".{self._key_file.name}.{os.urandom(4).hex()}")
        try:
            make_folders(self._key_file.parent, 0o700)
            write_durably(aside, os.urandom(_KEY))
            with contextlib.suppress(FileExistsError):
                self._key_file.hardlink_to(aside)
            aside.unlink()
            sync_folder(self._key_file.parent)
        except OSError as error:
            raise JournalError(
                f"The key {self._key_file} can't be made: {error.strerror}.",
                hint=f"Make {self._key_file.parent} writable and see that its disk has space.",
            ) from error
        key = self._load()
        if key is None:
            raise JournalError(f"The key {self._key_file} vanished as soon as it was made.")
        return key
