"""Taking a target's fingerprint onto the record, and reading it back."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from runbook_app.domain.errors import ActionError
from runbook_app.domain.events import FingerprintTaken
from runbook_app.domain.fingerprint import Fingerprint
from runbook_app.engine.ledger import Ledger
from runbook_app.ports.journal import Artefacts
from runbook_app.ports.target import Target


class Fingerprints:
    def __init__(self, ledger: Ledger, target: Target, artefacts: Artefacts) -> None:
        self._ledger = ledger
        self._target = target
        self._artefacts = artefacts

    async def take(self, item: str, moment: str) -> Fingerprint:
        """Take it now; it is stored and journaled when this returns."""
        found = await self._target.fingerprint()
        data = msgspec.json.encode(found)
        digest = hashlib.sha256(data).hexdigest()
        name = f"{item}-fingerprint-{moment}-{digest[:12]}"
        path = await asyncio.to_thread(self._artefacts.put_sealed, name, data)
        await self._ledger.emit(
            FingerprintTaken(item=item, moment=moment, sha256=digest, path=path)
        )
        return found

    async def load(self, taken: FingerprintTaken) -> Fingerprint:
        """Read back what was taken.

        Raises:
            ActionError: it is gone or not what was taken.
        """
        data = await asyncio.to_thread(self._artefacts.get_sealed, taken.path)
        if hashlib.sha256(data).hexdigest() != taken.sha256:
            raise ActionError(
                f"The fingerprint of item {taken.item} is not what was taken ({taken.path}).",
                hint="Restore that file from a backup of the session folder.",
            )
        return msgspec.json.decode(data, type=Fingerprint)
