"""Asks for what a new session is started with, and stays until it has begun."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from runbook_app.domain.errors import RunbookError, Unanswered
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import (
    Begin,
    DialogHelp,
    LeaveIt,
    NextField,
    PreviousField,
)
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.screens.message import MessageDialog
from runbook_app.tui.screens.questions import QuestionsDialog
from runbook_app.tui.view.home import HomePlan, Start
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult

_PASSPHRASE = "passphrase"  # noqa: S105 - the word that asks for one


class StartDialog(Dialog[str]):
    """Its result is the id of the session that was begun."""

    KEYS = (Begin(), NextField(), PreviousField(), LeaveIt(), DialogHelp())
    DEFAULT_CSS = """
    StartDialog .passphrase { display: none; }
    StartDialog.sealed-by-passphrase .passphrase { display: block; }
    """

    def __init__(self, plan: HomePlan, begin: Callable[[Start], str]) -> None:
        super().__init__()
        self._plan = plan
        self._begin = begin
        self._answers: dict[str, str] = {}
        """To what the plan asked before, to be filled in again."""

    def compose(self) -> ComposeResult:
        with self.framed(f"Start {self._plan.title}"):
            for name, prompt, value in (
                ("target", "Target: the folder of the project", self._plan.target),
                ("settings", "Variables of the plan, if not its own: name=value …", ""),
                ("seal-to", "Seal secrets to: a public key's file, or the word passphrase", ""),
            ):
                yield Static(paint.line(label(prompt)))
                yield Input(value, id=name)
            for name, prompt in (
                ("passphrase", "Passphrase to seal to"),
                ("again", "The same again"),
            ):
                yield Static(paint.line(label(prompt)), classes="passphrase")
                yield Input(password=True, id=name, classes="passphrase")
            yield Static(paint.line(label("Window: now, to let it begin now whatever its date")))
            yield Input(id="window")
            yield Static(id="lacking", classes="error")

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.input.id == "seal-to":
            self.set_class(event.value.strip() == _PASSPHRASE, "sealed-by-passphrase")

    def action_accept(self) -> None:
        lacking = self._lacking()
        if lacking:
            field, words = lacking
            self._say(words)
            self.query_one(f"#{field}").focus()
            return
        self._say("Checking plan and target …", Tone.DIM)
        self.run_worker(self._start({}), exclusive=True, exit_on_error=False)

    def _value(self, name: str) -> str:
        return self.query_one(f"#{name}", Input).value.strip()

    def _lacking(self) -> tuple[str, str] | None:
        """The field that lacks something, and what."""
        if not self._value("target"):
            return "target", "A session needs a target: the folder of the project."
        if self._value("window") not in ("", "now"):
            return "window", "The window begins as the plan says, or now."
        sealed = self._value("seal-to") == _PASSPHRASE
        if sealed and self._value("passphrase") != self._value("again"):
            return "again", "These are two different passphrases."
        return None

    async def _start(self, answers: Mapping[str, str]) -> None:
        start = Start(
            plan=self._plan.path,
            target=self._value("target"),
            settings=self._value("settings"),
            answers=answers,
            seal_to=self._value("seal-to"),
            passphrase=self._value("passphrase"),
            window_from_now=self._value("window") == "now",
        )
        try:
            session = await asyncio.to_thread(self._begin, start)
        except Unanswered as asked:
            await self._ask(asked)
        except RunbookError as error:
            self._say("It was not begun.")
            self.app.push_screen(MessageDialog("Not begun", error))
        else:
            self.dismiss(session)

    async def _ask(self, asked: Unanswered) -> None:
        self._say("")
        answers = await self.app.push_screen_wait(QuestionsDialog(asked.questions, self._answers))
        if answers is not None:
            self._answers = answers
            await self._start(answers)

    def _say(self, text: str, tone: Tone = Tone.BAD) -> None:
        self.query_one("#lacking", Static).update(paint.line(label(text, tone)))
