"""What a user command looks at to know whether it can be given."""

from __future__ import annotations

from dataclasses import dataclass

from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.state import ItemState, SessionState, StepState
from runbook_app.tui.view.clocks import engine_dead
from runbook_app.tui.view.menu import Choice, choices
from runbook_app.tui.view.node import Node, step_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    plan: Plan
    state: SessionState
    node: Node | None
    """The selected one."""
    alive: bool
    read_only: bool
    log_focused: bool = False
    searching: bool = False
    following: bool = True
    replaying: bool = False

    @property
    def dead(self) -> bool:
        return engine_dead(self.state, alive=self.alive)

    @property
    def item(self) -> Item | None:
        return self.plan.item(self.node.item) if self.node else None

    @property
    def item_state(self) -> ItemState | None:
        return self.state.items.get(self.node.item) if self.node else None

    @property
    def step(self) -> Step | None:
        item = self.item
        return step_of(item, self.node.step) if item and self.node and self.node.step else None

    @property
    def step_state(self) -> StepState | None:
        item = self.item_state
        return item.steps.get(self.node.step) if item and self.node else None

    @property
    def busy(self) -> bool:
        """The engine does or measures something; a question that waits is neither."""
        state = self.state
        waits = state.question is not None or not state.intent.active
        works = state.running_step or state.rolling_back or state.measuring
        return self.alive and bool(works or not waits)

    @property
    def menu(self) -> list[Choice]:
        return choices(self.plan, self.state, self.node)
