"""Captures: the prior state of each thing, durable and journaled before it is changed."""

from __future__ import annotations

import asyncio
import hashlib

from runbook_app.domain import events as ev
from runbook_app.domain.decisions import restore_order
from runbook_app.domain.errors import ActionError
from runbook_app.domain.state import ItemState
from runbook_app.engine.ledger import Ledger
from runbook_app.ports.crash import CrashPoint
from runbook_app.ports.journal import Artefacts
from runbook_app.ports.target import Capturable, Capture, Fallback, Prior


async def content_of(artefacts: Artefacts, taken: ev.CaptureTaken) -> bytes:
    """The captured bytes.

    Raises:
        ActionError: they are gone or not what was captured.
    """
    content = await asyncio.to_thread(artefacts.get_sealed, taken.path)
    if hashlib.sha256(content).hexdigest() != taken.sha256:
        raise ActionError(
            f"The capture of {taken.name} is not what was captured ({taken.path}).",
            hint="Restore that file from a backup of the session folder.",
        )
    return content


class Captures:
    """Takes captures once per step and thing, and restores them.

    A step's own capture lets that step be undone alone after a crash; the item is rolled back
    to the earliest capture of each thing.
    """

    def __init__(
        self,
        ledger: Ledger,
        artefacts: Artefacts,
        capturables: list[Capturable],
        crash: CrashPoint,
    ) -> None:
        self._ledger = ledger
        self._artefacts = artefacts
        self._kinds = {capturable.kind: capturable for capturable in capturables}
        self._crash = crash

    def taker(self, item_id: str, step_id: str) -> Capture:
        """The callback that the capabilities of one context call before any change."""

        async def take(prior: Prior) -> None:
            await self.take(item_id, step_id, prior)

        return take

    async def take(self, item_id: str, step_id: str, prior: Prior) -> None:
        item = self._ledger.state.items[item_id]
        if any(
            (c.step, c.kind, c.name) == (step_id, prior.kind, prior.name) for c in item.captures
        ):
            return
        number = len(item.captures) + 1
        digest = hashlib.sha256(prior.content).hexdigest()
        name = f"{item_id}-{number:03d}-{prior.kind}-{digest[:12]}"
        path = await asyncio.to_thread(self._artefacts.put_sealed, name, prior.content)
        await self._ledger.emit(
            ev.CaptureTaken(
                id=f"{item_id}/{number}/{digest[:12]}",
                item=item_id,
                step=step_id,
                kind=prior.kind,
                name=prior.name,
                path=path,
                sha256=digest,
                summary=prior.summary,
                dirty=prior.dirty,
            )
        )
        self._crash(f"captured:{step_id or item_id}:{number}")

    async def take_named(self, item_id: str, kind: str, name: str) -> Prior:
        """Capture a thing by name, for a checkpoint's capture line."""
        prior = await self._kinds[kind].prior(name)
        await self.take(item_id, "", prior)
        return prior

    async def content(self, taken: ev.CaptureTaken) -> bytes:
        """As `content_of`."""
        return await content_of(self._artefacts, taken)

    def order(self, item: ItemState) -> list[ev.CaptureTaken]:
        return restore_order(item, {kind: c.rank for kind, c in self._kinds.items()})

    async def restore_item(self, item: ItemState) -> None:
        """Put every captured thing back, files before containers, newest first.

        A fallback is put back when it was chosen, and once: what is written after it stays.
        """
        chosen = item.fallback.capture if item.fallback and not item.fallback_restored else ""
        for taken in self.order(item):
            if not self._is_fallback(taken) or taken.id == chosen:
                await self._restore(taken)

    def _is_fallback(self, taken: ev.CaptureTaken) -> bool:
        return isinstance(self._kinds[taken.kind], Fallback)

    async def fallback(self, item: ItemState) -> tuple[ev.CaptureTaken, list[str]] | None:
        """What can be put back if the item's own rollback steps fail, and what that would lose."""
        for taken in self.order(item):
            kind = self._kinds[taken.kind]
            if isinstance(kind, Fallback):
                return taken, [*await kind.losses(taken, await self.content(taken))]
        return None

    async def restore_step(self, item: ItemState, step_id: str) -> None:
        """Undo what one step of an item changed."""
        own = [c for c in item.captures if c.step == step_id and not self._is_fallback(c)]
        own.sort(key=lambda c: self._kinds[c.kind].rank)
        for taken in own:
            await self._restore(taken)

    async def _restore(self, taken: ev.CaptureTaken) -> None:
        content = await self.content(taken)
        changed = await self._kinds[taken.kind].restore(taken, content)
        await self._ledger.emit(ev.CaptureRestored(id=taken.id, item=taken.item, changed=changed))
        self._crash(f"restored:{taken.item}:{taken.name}")

    async def settle(self, item: ItemState) -> list[ev.ObjectSettled]:
        """What each captured thing is now, to notice later changes by others."""
        return [
            ev.ObjectSettled(
                item=item.id,
                kind=taken.kind,
                name=taken.name,
                state=await self._kinds[taken.kind].state(taken.name),
            )
            for taken in self.order(item)
        ]

    async def changed_since(self, item: ItemState) -> list[str]:
        """Things that are no longer as the item left them, with what restoring would undo."""
        found = []
        for taken in self.order(item):
            settled = item.settled.get((taken.kind, taken.name))
            if settled is None:
                continue
            if await self._kinds[taken.kind].state(taken.name) != settled:
                content = await self.content(taken)
                difference = await self._kinds[taken.kind].difference(taken, content)
                found.append(f"{taken.name}\n{difference}".rstrip())
        return found
