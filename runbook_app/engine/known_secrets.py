"""The secret values a session knows, kept sealed so that its next engine masks them as well."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Sequence
from typing import Protocol

import msgspec

from runbook_app.domain.errors import NeedsRecipient
from runbook_app.engine.redaction import Redactor
from runbook_app.ports.journal import Artefacts

CANARY = "canary"
_NAME = "known-secrets"
SEALED = f"captures/{_NAME}.sealed"
"""Where a session keeps them, in its folder."""


class Recipient(Protocol):
    """Whom a secret is sealed to, so that this program can't open it any more."""

    @property
    def fingerprint(self) -> str: ...

    def seal(self, plain: bytes) -> bytes: ...


def secrets_kept(artefacts: Artefacts) -> dict[str, str]:
    """The name of each secret value that a session knows so far."""
    if not (artefacts.folder() / SEALED).exists():
        return {}
    return msgspec.json.decode(artefacts.get_sealed(SEALED), type=dict[str, str])


class KnownSecrets:
    """Implements `ports.capabilities.Secrets`.

    A value is masked from the moment it is registered; it is also written to one encrypted
    artefact, since no other place of the session may hold it.
    """

    def __init__(
        self, redactor: Redactor, artefacts: Artefacts, recipient: Recipient | None = None
    ) -> None:
        self._redactor = redactor
        self._artefacts = artefacts
        self._recipient = recipient
        self._values: dict[str, str] = {}
        self._load()

    def _load(self) -> None:
        self._values = secrets_kept(self._artefacts)
        for value, name in self._values.items():
            self._redactor.register(name, value)

    def generate(self, name: str, length: int = 32) -> bytes:
        value = os.urandom(length)
        self.register(name, value.hex())
        self.register(name, base64.b64encode(value).decode())
        return value

    def register(self, name: str, value: str) -> None:
        self._redactor.register(name, value)
        if value.strip() and value not in self._values:
            self._values[value] = name
            self._artefacts.put_sealed(_NAME, msgspec.json.encode(self._values))

    def canary(self) -> str:
        """The value that every child has in its environment, and no file may hold.

        It opens nothing: where it lies, a real secret can lie as well. One a session.
        """
        if not self.known(CANARY):
            self.register(CANARY, secrets.token_hex(24))
        return self.known(CANARY)[0]

    def environment(self) -> dict[str, str]:
        """What every child has in its environment."""
        return {"RUNBOOK_CANARY": self.canary()}

    def said_in(self, text: str) -> list[str]:
        """Values that a text holds, the canary aside."""
        found = [v.strip() for v, name in self._values.items() if name != CANARY]
        return [value for value in found if value in text]

    def known(self, name: str) -> Sequence[str]:
        return [value for value, given in self._values.items() if given == name]

    def recipient(self) -> str:
        return self._recipient.fingerprint if self._recipient else ""

    def seal(self, name: str, value: bytes) -> str:
        if self._recipient is None:
            raise NeedsRecipient(
                f"{name} can be shown to nobody and is written down nowhere in plain, and there is"
                " no key or passphrase to seal it to."
            )
        path = f"sealed/{name}.json"
        self._artefacts.put(path, self._recipient.seal(value))
        return path
