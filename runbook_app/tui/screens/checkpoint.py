"""The checkpoint before an item: automatic lines, captures, and lines that a person confirms."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widgets import Static

from runbook_app.domain.plan import Item
from runbook_app.domain.state import SessionState
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import (
    Confirm,
    Deny,
    DialogHelp,
    KeyCommand,
    Later,
    ReadGuide,
)
from runbook_app.tui.screens.dialog import WIDTH, Dialog
from runbook_app.tui.screens.question import NO, YES, answers
from runbook_app.tui.view import lines
from runbook_app.tui.view.node import item_state

if TYPE_CHECKING:
    from textual.app import ComposeResult


class CheckpointDialog(Dialog[None]):
    """Each key press confirms the one line that is asked; it closes when the checkpoint is over."""

    KEYS = (Confirm(), Deny(), ReadGuide(), Later(), DialogHelp())

    def __init__(
        self,
        item: Item,
        state: Callable[[], SessionState],
        answer: Callable[[str, str], Awaitable[None]],
        guide: Callable[[], None],
        bytes_of: lines.Size,
    ) -> None:
        super().__init__()
        self.item = item
        self._state = state
        self._answer = answer
        self._guide = guide
        self._bytes = bytes_of
        self._answered = ""
        self._body = Static(id="checkpoint-lines")

    def compose(self) -> ComposeResult:
        title = f"Checkpoint before {self.item.number} {self.item.title}"
        with self.framed(title), VerticalScroll(id="checkpoint-scroll"):
            yield self._body

    @property
    def commands(self) -> list[KeyCommand]:
        guided = bool(self.item.guide)
        return [one for one in self.KEYS if guided or not isinstance(one, ReadGuide)]

    def on_mount(self) -> None:
        self.state_changed()
        self.query_one("#checkpoint-scroll").focus()

    @property
    def _asked(self) -> str:
        state = self._state()
        return lines.asked_line(self.item, item_state(state, self.item), state.question)

    def state_changed(self) -> None:
        state = self._state()
        known = item_state(state, self.item)
        over = known.checkpoint_passed_at or known.checkpoint_error
        other = state.question is not None and not self._asked
        if over or other:
            self.dismiss(None)
            return
        found = lines.checkpoint(
            self.item,
            known,
            self._asked,
            at_work=state.engine is not None and state.question is None,
            width=max(20, min(WIDTH, self.app.size.width * 96 // 100) - 4),
            size=self._bytes,
        )
        self._body.update(paint.lines(found))

    def on_resize(self) -> None:
        self.state_changed()

    async def action_confirm(self) -> None:
        await self._say(0)

    async def action_deny(self) -> None:
        await self._say(1)

    async def _say(self, index: int) -> None:
        """Answer the asked line, once, with its first or second choice."""
        question = self._state().question
        if question is None or not self._asked or question.id == self._answered:
            return
        offered = answers(question) or (YES, NO)
        if index < len(offered):
            self._answered = question.id
            await self._answer(question.id, offered[index])

    def action_guide(self) -> None:
        if self.item.guide:
            self._guide()
