"""A secret answer on its way to the engine: sealed to a key that its question alone has.

Import it late: cryptography is heavy.
"""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.adapters.sealed_file import read, seal
from runbook_app.domain.errors import UsageError
from runbook_app.domain.events import QuestionAsked
from runbook_app.ports.journal import answer_path


class MemoryKey:
    """Implements `ports.journal.OneTimeKey`; its private half is in memory alone."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()

    @property
    def public(self) -> str:
        return base64.b64encode(self._private.public_key().public_bytes_raw()).decode()

    def open(self, sealed: bytes) -> bytes:
        return read(sealed).open(self._private)


def leave_answer(folder: Path, asked: QuestionAsked, answer: str) -> None:
    """Leave a secret answer in the session's folder, for the engine that asked alone.

    Raises:
        UsageError: it can't be written.
    """
    key = X25519PublicKey.from_public_bytes(base64.b64decode(asked.key, validate=True))
    path = folder / answer_path(asked.id)
    try:
        make_folders(path.parent, 0o700)
        write_durably(path, seal(answer.encode(), key, None))
    except OSError as error:
        raise UsageError(
            f"{path} can't be written: {error.strerror}.", hint="Make room, then answer again."
        ) from error
