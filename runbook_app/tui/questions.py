"""Opens the dialog for what waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.domain.plan import ConfirmLine, Item
from runbook_app.domain.state import SessionState
from runbook_app.tui.pages import bytes_of
from runbook_app.tui.view import lines

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen


class Questions:
    """Each question, and each checkpoint, opens by itself once; `enter` opens it again."""

    def __init__(self, screen: SessionScreen) -> None:
        self._screen = screen
        self._shown: set[str] = set()

    @property
    def _state(self) -> SessionState:
        return self._screen.session.state

    def attend(self, *, asked: bool = False) -> None:
        """Open what waits, unless it was put off; `asked` opens it anyhow."""
        screen = self._screen
        if screen.app.screen is not screen or screen.session.read_only or not screen.alive:
            return
        item, question = self._checkpoint(), self._state.question
        if item is not None:
            opened_at = self._state.items[item.id].checkpoint_opened_at
            if self._may_open(f"{item.id} {opened_at}", asked=asked):
                self._open_checkpoint(item)
        elif question is not None and self._may_open(question.id, asked=asked):
            screen.work(self._ask())

    def _may_open(self, key: str, *, asked: bool) -> bool:
        first = key not in self._shown
        self._shown.add(key)
        return first or asked

    def _checkpoint(self) -> Item | None:
        """The item whose checkpoint is being passed and has lines for a person."""
        plan, state = self._screen.session.plan, self._state
        if state.question is not None:
            ours = lines.is_checkpoint_question(state)
            return plan.item(state.question.item) if ours else None
        return next((item for item in plan.items if _awaits_person(item, state)), None)

    def _open_checkpoint(self, item: Item) -> None:
        from runbook_app.tui.screens.checkpoint import CheckpointDialog

        async def answer(question: str, text: str) -> None:
            await self._screen.send(cmd.AnswerQuestion, question=question, answer=text)

        def guide() -> None:
            self._screen.show_guide(item)

        def size(path: str) -> int | None:
            return bytes_of(self._screen.session.folder / path)

        dialog = CheckpointDialog(item, lambda: self._state, answer, guide, size)
        self._screen.app.push_screen(dialog)

    async def _ask(self) -> None:
        from runbook_app.tui.screens.question import QuestionDialog

        question = self._state.question
        if question is None:
            return
        dialog = QuestionDialog(question, lambda: self._state)
        answer = await self._screen.app.push_screen_wait(dialog)
        if answer is not None:
            await self._screen.send(cmd.AnswerQuestion, question=question.id, answer=answer)


def _awaits_person(item: Item, state: SessionState) -> bool:
    known = state.items.get(item.id)
    if known is None or not known.checkpoint_opened_at or not known.needs_checkpoint:
        return False
    if known.checkpoint_error or known.rollback_started is not None:
        return False
    return any(isinstance(line, ConfirmLine) for line in item.checkpoint)
