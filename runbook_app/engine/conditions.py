"""What the plan's `when` passes over, decided right before it would begin."""

from __future__ import annotations

from runbook_app.domain import decisions
from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.references import left_out, rests_on
from runbook_app.engine.ledger import Ledger


class Conditions:
    def __init__(self, plan: Plan, ledger: Ledger) -> None:
        self._plan = plan
        self._ledger = ledger
        self._any = any(item.when or any(s.when for s in item.steps) for item in plan.items)

    def decided(self, work: decisions.ItemWork | None) -> ev.AnyEvent | None:
        """That an item or step is passed over, or why that can't be said; None: it is to be run."""
        if not self._any or work is None:
            return None
        item = self._plan.item(work.item)
        if isinstance(work, decisions.OpenCheckpoint | decisions.RunStep | decisions.VerifyItem):
            found = self._item(item)
            if found is not None:
                return found
        if isinstance(work, decisions.RunStep):
            return self._step(item, work.step)
        return None

    def _item(self, item: Item) -> ev.AnyEvent | None:
        state = self._ledger.state
        if item.when is None or state.items[item.id].started:
            return None
        try:
            reason = left_out(item.when, item.id, state)
        except ActionError as error:
            return ev.RunPaused(reason=f"item {item.id} can't begin: {error}")
        if not reason:
            return None
        return ev.ItemNotApplicable(
            item=item.id, reason=reason, rests_on=rests_on(item.when, item.id)
        )

    def _step(self, item: Item, step_id: str) -> ev.AnyEvent | None:
        when = self._plan.step(step_id)[1].when
        try:
            reason = left_out(when, item.id, self._ledger.state)
        except ActionError:
            return None  # it begins, and fails before it does anything
        if not reason:
            return None
        return ev.StepNotApplicable(
            item=item.id, step=step_id, reason=reason, rests_on=rests_on(when, item.id)
        )
