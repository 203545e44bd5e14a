"""Asks for what a dry run of a plan is made on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import DialogHelp, LeaveIt, NextField, PreviousField
from runbook_app.tui.commands.dry_run import Foresee
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.view.home import HomePlan, Start
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult


class DryRunDialog(Dialog[Start]):
    KEYS = (Foresee(), NextField(), PreviousField(), LeaveIt(), DialogHelp())

    def __init__(self, plan: HomePlan) -> None:
        super().__init__()
        self._plan = plan

    def compose(self) -> ComposeResult:
        with self.framed(f"Dry run of {self._plan.title}"):
            yield Static(
                paint.line(label("Nothing is changed, and no session is begun.", Tone.GOOD))
            )
            yield Static(paint.line(label("Target: the folder of the project")))
            yield Input(self._plan.target, id="target")
            yield Static(paint.line(label("Variables of the plan, if not its own: name=value …")))
            yield Input(id="settings")

    def action_accept(self) -> None:
        target = self.query_one("#target", Input)
        if not target.value.strip():
            target.focus()
            return
        settings = self.query_one("#settings", Input).value.strip()
        self.dismiss(Start(plan=self._plan.path, target=target.value.strip(), settings=settings))
