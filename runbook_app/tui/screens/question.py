"""A question of the engine or of an action, to be answered by a person."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static

from runbook_app.domain.answers import misfit, wanted
from runbook_app.domain.events import QuestionAsked
from runbook_app.domain.state import SessionState
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import (
    AnswerIt,
    DialogHelp,
    Later,
    PutOnNo,
    PutOnYes,
    TextDown,
    TextUp,
)
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.view.measured import prose
from runbook_app.tui.view.words import Line, Tone
from runbook_app.tui.widgets.choice_list import ChoiceList

if TYPE_CHECKING:
    from textual.app import ComposeResult

YES, NO = "yes", "no"
_TITLES = {
    "confirm": "Confirm",
    "statement": "Confirm",
    "choice": "Choose",
    "text": "Answer",
    "blast_radius": "Blast radius: confirm what it touches",
    "guarded": "Keep it, or have it reverted",
    "changed": "Changed since the item finished",
    "target": "Go live",
}


def answers(question: QuestionAsked) -> tuple[str, ...]:
    """What can be answered; empty for a free text."""
    if question.choices or question.kind in ("text", "target"):
        return question.choices
    return (YES, NO)


def _text(question: QuestionAsked) -> list[Line]:
    """A list is easier to read where only what is different now stands out."""
    if question.kind != "blast_radius":
        return prose(question.text, Tone.STRONG)
    first, *rows = question.text.splitlines()
    found = prose(first, Tone.STRONG)
    for row in rows:
        changed = row.strip().startswith(("new:", "more:", "gone:"))
        found += prose(row, Tone.WARN if changed else Tone.PLAIN)
    return found


class _Misfit(Static):
    """Says what is wrong with an answer; takes no line before."""

    def on_mount(self) -> None:
        self.display = False

    def say(self, words: str) -> None:
        self.update(paint.line(label(words, Tone.WARN)))
        self.display = True


class QuestionDialog(Dialog[str]):
    """Its result is the answer; it closes by itself when the question is not open any more."""

    KEYS = (AnswerIt(), PutOnYes(), PutOnNo(), TextDown(), TextUp(), Later(), DialogHelp())

    def __init__(self, question: QuestionAsked, state: Callable[[], SessionState]) -> None:
        super().__init__()
        self._question = question
        self._state = state
        self._answers = answers(question)

    def compose(self) -> ComposeResult:
        asked = self._question
        with self.framed(_TITLES.get(asked.kind, "Question")):
            with VerticalScroll(can_focus=False):
                yield Static(paint.lines(_text(asked)))
            if asked.person_required:
                yield Static(paint.line(label("Only a person may answer this.", Tone.WARN)))
            if words := wanted(asked.takes, asked.default, secret=asked.secret):
                yield Static(paint.line(label(words)))
            yield _Misfit()
            yield self._field()

    def _field(self) -> Widget:
        if self._answers:
            default = self._question.default
            rows = [(answer, "by default" if answer == default else "") for answer in self._answers]
            return ChoiceList(rows, id="answers")
        return Input(self._question.default, password=self._question.secret, id="answer")

    def on_mount(self) -> None:
        self.query_one("#answers" if self._answers else "#answer").focus()
        if self._question.kind == "blast_radius" and NO in self._answers:
            # It opens by itself, also again: an enter too many must not confirm what nobody read.
            self.query_one(ChoiceList).place_cursor(self._answers.index(NO))
        elif self._question.default in self._answers:
            self.query_one(ChoiceList).place_cursor(self._answers.index(self._question.default))

    def on_rows_chosen(self) -> None:
        self.action_accept()

    def action_put_on(self, answer: str) -> None:
        """An answer takes two keys: the dialog opens by itself, and `y` copies below it."""
        if answer in self._answers:
            self.query_one(ChoiceList).place_cursor(self._answers.index(answer))

    def action_accept(self) -> None:
        if self._answers:
            self.dismiss(self._answers[self.query_one(ChoiceList).cursor])
            return
        typed = self.query_one(Input).value
        answer = typed if self._question.secret else typed.strip()
        if words := self._misfit(answer):
            self.query_one(_Misfit).say(words)
        else:
            self.dismiss(answer)

    def _misfit(self, answer: str) -> str:
        asked, name = self._question, self._state().target_name
        if asked.kind == "target":
            return "" if answer == name else f"The target's name is {name}: nothing has begun."
        return "" if asked.secret and answer else misfit(asked.takes, answer)

    def state_changed(self) -> None:
        asked = self._state().question
        if asked is None or asked.id != self._question.id:
            self.dismiss(None)
