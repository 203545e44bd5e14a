"""Encryption at rest with a key in a file of its own. Import it late: cryptography is heavy."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from runbook_app.adapters.durable import make_folders, sync_folder, write_durably
from runbook_app.domain.errors import JournalError

_MAGIC = b"RBSEAL1\n"
_NONCE = 12
_KEY = 32

_STREAM_MAGIC = b"RBSEAL2\n"
_SALT = 16
_PIECE = 1 << 20
_TAG = 16


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

    def seal_stream(self, plain: Iterable[bytes]) -> Iterator[bytes]:
        """Seal what comes in pieces, in bounded memory.

        A magic line and a salt, from which the stream's own key is derived; then pieces of 1 MiB,
        each with its tag. A piece's number is its nonce, and the last one is marked, so that a
        stream that was cut or put in another order does not open.
        """
        salt = os.urandom(_SALT)
        cipher = _stream_cipher(self._key or self._load() or self._make(), salt)
        yield _STREAM_MAGIC + salt
        for number, (piece, last) in enumerate(_pieces(plain, _PIECE)):
            yield cipher.encrypt(_number(number), piece, _mark(last=last))

    def open_stream(self, sealed: Iterable[bytes]) -> Iterator[bytes]:
        pieces = _pieces(sealed, _PIECE + _TAG, head=len(_STREAM_MAGIC) + _SALT)
        head, cut = next(pieces)
        cipher = _stream_cipher(self._known(), head[len(_STREAM_MAGIC) :])
        if cut or not head.startswith(_STREAM_MAGIC):
            raise self._altered()
        for number, (piece, last) in enumerate(pieces):
            try:
                plain = cipher.decrypt(_number(number), piece, _mark(last=last))
            except (InvalidTag, ValueError) as error:
                raise self._altered() from error
            yield plain

    def open(self, sealed: bytes) -> bytes:
        key = self._known()
        nonce, body = sealed[len(_MAGIC) :][:_NONCE], sealed[len(_MAGIC) + _NONCE :]
        try:
            if not sealed.startswith(_MAGIC):
                raise ValueError("not a sealed artefact")
            return AESGCM(key).decrypt(nonce, body, _MAGIC)
        except (InvalidTag, ValueError) as error:
            raise self._altered() from error

    def _known(self) -> bytes:
        key = self._key or self._load()
        if key is None:
            raise JournalError(
                f"The key {self._key_file} is missing: captures can't be decrypted.",
                hint="Put the key file back from a backup of the session's state folder.",
            )
        return key

    def _altered(self) -> JournalError:
        return JournalError(
            f"An artefact can't be decrypted with {self._key_file}: "
            "it was altered, cut short, or sealed with another key.",
            hint="Restore the artefact or the key from a backup of the state folder.",
        )

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


def _stream_cipher(key: bytes, salt: bytes) -> AESGCM:
    derived = HKDF(algorithm=SHA256(), length=_KEY, salt=salt, info=_STREAM_MAGIC).derive(key)
    return AESGCM(derived)


def _number(number: int) -> bytes:
    return number.to_bytes(_NONCE, "big")


def _mark(*, last: bool) -> bytes:
    return b"last" if last else b"more"


def _pieces(data: Iterable[bytes], size: int, *, head: int = 0) -> Iterator[tuple[bytes, bool]]:
    """Cut into pieces of one size, the first of `head` bytes if given; and whether it is the last.

    There is always a last piece, an empty one where nothing is left for it.
    """
    held, wanted = bytearray(), head or size
    for block in data:
        held += block
        while len(held) > wanted:
            yield bytes(held[:wanted]), False
            del held[:wanted]
            wanted = size
    yield bytes(held), True
