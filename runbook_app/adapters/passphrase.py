"""A passphrase in the place of a key pair. Import it late: cryptography is heavy.

A key pair is derived from it anew each time it is given. Only the public key and the derivation
(salt and cost) are ever kept.
"""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Annotated

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from msgspec import Meta, Struct

from runbook_app.domain.errors import EnvironmentLacks, UsageError

FEWEST, FEWEST_DIFFERENT = 12, 5
"""Characters of a new passphrase."""
LONGEST = 1024
"""Bytes of a passphrase, as UTF-8."""
_LONGEST_LINE = 1 << 14
_SALT = 16
_COST = 1 << 17
"""With 8 blocks it takes 128 MiB and some tenths of a second, for each guess too."""
_UNTYPABLE = ("Cc", "Cn", "Cs")
_HINT = "Take words that nobody would guess, for instance six that dice chose from a list."


class Derivation(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="kdf", tag="scrypt"
):
    """How a key is derived from a passphrase.

    It is read from files of any origin, so the limits bound what they make this machine do: 1 GiB
    of memory, and about 20 seconds.
    """

    salt: Annotated[bytes, Meta(min_length=_SALT, max_length=_SALT)]
    n: Annotated[int, Meta(ge=2, le=1 << 20)]
    r: Annotated[int, Meta(ge=1, le=8)] = 8
    p: Annotated[int, Meta(ge=1, le=4)] = 1

    def __post_init__(self) -> None:
        if self.n & (self.n - 1):
            raise ValueError("`n` is no power of 2")

    @classmethod
    def new(cls) -> Derivation:
        return cls(salt=os.urandom(_SALT), n=_COST)

    def private_key(self, passphrase: bytes) -> X25519PrivateKey:
        """Derive the private key; blocks for as long as the cost says.

        Raises:
            EnvironmentLacks: there is too little memory for it.
        """
        scrypt = Scrypt(salt=self.salt, length=32, n=self.n, r=self.r, p=self.p)
        try:
            return X25519PrivateKey.from_private_bytes(scrypt.derive(passphrase))
        except MemoryError as error:
            raise EnvironmentLacks(
                f"The passphrase's key takes {128 * self.n * self.r >> 20} MiB of memory to derive,"
                " which are not free.",
                hint="Free some, or do it on another machine.",
            ) from error


def normalised(text: str) -> bytes:
    """The bytes a key is derived from: UTF-8 of NFC, so that every keyboard gives the same ones.

    Raises:
        UsageError: it is too long, or no text.
    """
    try:
        passphrase = unicodedata.normalize("NFC", text).encode()
    except UnicodeEncodeError as error:
        raise UsageError("The passphrase is no text in UTF-8.") from error
    if len(passphrase) > LONGEST:
        raise UsageError(f"The passphrase has more than {LONGEST} bytes.")
    return passphrase


def new(text: str) -> bytes:
    """`normalised`, of a passphrase that is good enough to seal to.

    Raises:
        UsageError: it is too short, or of too few characters, or can't be typed.
    """
    passphrase = normalised(text)
    characters = passphrase.decode()
    if any(unicodedata.category(character) in _UNTYPABLE for character in characters):
        raise UsageError("The passphrase has a character that is no text, as an arrow key gives.")
    if len(characters) < FEWEST:
        raise UsageError(f"The passphrase has fewer than {FEWEST} characters.", hint=_HINT)
    if len(set(characters)) < FEWEST_DIFFERENT:
        raise UsageError(
            f"The passphrase has fewer than {FEWEST_DIFFERENT} different characters.", hint=_HINT
        )
    return passphrase


def first_line(path: Path) -> str:
    """The passphrase in a file that its owner alone may read.

    Raises:
        UsageError: others may, or it can't be read.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode & 0o777
            if mode & 0o077:
                raise UsageError(
                    f"{path} is open to others than its owner: its mode is {mode:04o}.",
                    hint=f"chmod 600 {path}; if others have read it, take another passphrase.",
                )
            line = file.readline(_LONGEST_LINE)
    except OSError as error:
        raise UsageError(f"{path} can't be read: {error.strerror}.") from error
    try:
        return line.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise UsageError(f"The first line of {path} is no text in UTF-8.") from error
