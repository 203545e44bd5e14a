"""Taking what rehearsals proved onto the record, and holding back what has to be rehearsed."""

from __future__ import annotations

from shlex import quote

from runbook_app.domain.decisions import ItemWork, OpenCheckpoint
from runbook_app.domain.plan import Plan
from runbook_app.domain.rehearsal import missing
from runbook_app.engine.ledger import Ledger
from runbook_app.ports.rehearsals import Rehearsals


class Rehearsed:
    def __init__(self, plan: Plan, ledger: Ledger, rehearsals: Rehearsals) -> None:
        self._plan = plan
        self._ledger = ledger
        self._rehearsals = rehearsals

    async def note(self) -> None:
        """Journal what the record has that the state does not know yet."""
        items = self._ledger.state.items
        await self._ledger.emit(
            *(
                found
                for found in await self._rehearsals.noted()
                if found.item in items and items[found.item].rehearsal != found
            )
        )

    async def held_back(self, work: ItemWork | None) -> str:
        """Why this work may not begin; empty when it may."""
        if not isinstance(work, OpenCheckpoint) or self._rehearsals.is_copy:
            return ""
        item = self._plan.item(work.item)
        if not item.rehearsal_required:
            return ""
        await self.note()
        reason = missing(self._ledger.state, item)
        return f"{reason}: {self._command(item.id)}" if reason else ""

    def _command(self, item: str) -> str:
        started = self._ledger.state.started
        plan, target = (started.plan_path, started.target) if started else ("PLAN", "DIR")
        return f"runbook rehearse {quote(plan)} --target {quote(target)} --item {item}"
