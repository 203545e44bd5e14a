"""What a plan asks for before a session begins, in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from runbook_app.domain.variables import Question, answered, expected, unfit
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import (
    DialogHelp,
    GiveAnswers,
    LeaveIt,
    NextField,
    PreviousField,
)
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class QuestionsDialog(Dialog[dict[str, str]]):
    """Its result are the answers by the names of the variables, as `--set` takes them."""

    KEYS = (GiveAnswers(), NextField(), PreviousField(), LeaveIt(), DialogHelp())
    DEFAULT_CSS = """
    QuestionsDialog .error { display: none; }
    """

    def __init__(self, questions: Sequence[Question], typed: Mapping[str, str]) -> None:
        super().__init__()
        self._questions = questions
        self._typed = typed
        """What was answered before, to be filled in again."""

    def compose(self) -> ComposeResult:
        with self.framed("The plan asks"), VerticalScroll(can_focus=False):
            for question in self._questions:
                yield Static(paint.line(((question.text, Tone.STRONG),)))
                yield Static(paint.line(label(f"{question.name}, {expected(question)}")))
                yield Input(
                    self._typed.get(question.name, question.default or ""),
                    id=question.name,
                    suggester=SuggestFromList(question.choices) if question.choices else None,
                )
                yield Static(id=f"{question.name}-unfit", classes="error")

    def on_input_changed(self, event: Input.Changed) -> None:
        """A field that was found wanting is judged anew as it is mended."""
        for question in self._questions:
            shown = self.query_one(f"#{question.name}-unfit", Static)
            if event.input.id == question.name and shown.display:
                self._judge(question)

    def action_accept(self) -> None:
        at = next((at for at, q in enumerate(self._questions) if self._field(q).has_focus), 0)
        if not self._judge(self._questions[at]):
            return
        if at + 1 < len(self._questions):
            self.focus_next()
            return
        wrong = [question for question in self._questions if not self._judge(question)]
        if wrong:
            self._field(wrong[0]).focus()
        else:
            self.dismiss({q.name: answered(q, self._field(q).value) for q in self._questions})

    def _field(self, question: Question) -> Input:
        return self.query_one(f"#{question.name}", Input)

    def _judge(self, question: Question) -> bool:
        """Say below a field what is wrong with its answer."""
        words = unfit(question, self._field(question).value)
        shown = self.query_one(f"#{question.name}-unfit", Static)
        shown.update(paint.line(label(words, Tone.BAD)))
        shown.display = bool(words)
        return not words
