"""The journal's entries and their hash chain.

An entry's hash is SHA-256 over the previous hash, its sequence number, its time and its body,
separated by newlines; the first entry's previous hash is 64 zeros.
"""

from __future__ import annotations

import hashlib

import msgspec

from runbook_app.domain.commands import AnyCommand, Command
from runbook_app.domain.errors import JournalError
from runbook_app.domain.events import AnyEvent

GENESIS = "0" * 64

Body = AnyEvent | AnyCommand

_decoder = msgspec.json.Decoder(Body)
_encoder = msgspec.json.Encoder(order="deterministic")


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal: a command or an event, with its place in the chain."""

    seq: int
    """Counts from 1 without gaps."""
    at: str
    """ISO 8601 UTC with milliseconds."""
    body: Body
    previous: str
    hash: str

    @property
    def is_command(self) -> bool:
        return isinstance(self.body, Command)


def encode(body: Body) -> bytes:
    return _encoder.encode(body)


def decode(data: bytes) -> Body:
    """Read a body.

    Raises:
        JournalError: the bytes are no event or command of this version.
    """
    try:
        body: Body = _decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise JournalError(f"A journal entry can't be read: {error}.") from error
    return body


def chain(previous: str, seq: int, at: str, body: bytes) -> str:
    """Hash an entry onto the chain."""
    return hashlib.sha256(f"{previous}\n{seq}\n{at}\n".encode() + body).hexdigest()
