"""Asks for what a waiver needs: a reason, an owner and an expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from textual.widgets import Input, Static

from runbook_app.domain.clock import parse_time
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import (
    DialogHelp,
    LeaveIt,
    NextField,
    PreviousField,
    Record,
)
from runbook_app.tui.screens.dialog import Dialog, label
from runbook_app.tui.view.words import Tone

if TYPE_CHECKING:
    from textual.app import ComposeResult

_USUAL = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    reason: str
    owner: str
    expires: str
    """ISO 8601 date."""


def lacking(waiver: Waiver, now: str) -> tuple[str, str] | None:
    """The field that lacks something, and what; None when the waiver is whole."""
    if not waiver.reason:
        return "reason", "A waiver needs a reason."
    if not waiver.owner:
        return "owner", "A waiver needs an owner: who answers for it."
    try:
        expires = date.fromisoformat(waiver.expires)
    except ValueError:
        return "expires", f"{waiver.expires!r} is no date; write it as 2025-12-31."
    if expires <= parse_time(now).date():
        return "expires", f"{waiver.expires} is not in the future."
    return None


class WaiverDialog(Dialog[Waiver]):
    KEYS = (Record(), NextField(), PreviousField(), LeaveIt(), DialogHelp())

    def __init__(self, subject: str, now: str) -> None:
        super().__init__()
        self._subject = subject
        self._now = now

    def compose(self) -> ComposeResult:
        with self.framed("Waiver"):
            yield Static(paint.line(((self._subject, Tone.STRONG),)))
            expires = (parse_time(self._now) + _USUAL).date().isoformat()
            for name, prompt, value in (
                ("reason", "Reason", ""),
                ("owner", "Owner: who answers for it", ""),
                ("expires", "Expires on", expires),
            ):
                yield Static(paint.line(label(prompt)))
                yield Input(value, id=name)
            yield Static(id="lacking", classes="error")

    def _waiver(self) -> Waiver:
        reason, owner, expires = (
            self.query_one(f"#{name}", Input).value.strip()
            for name in ("reason", "owner", "expires")
        )
        return Waiver(reason=reason, owner=owner, expires=expires)

    def action_accept(self) -> None:
        if not self.query_one("#expires").has_focus:
            self.focus_next()
            return
        waiver = self._waiver()
        missing = lacking(waiver, self._now)
        if missing is None:
            self.dismiss(waiver)
            return
        field, words = missing
        self.query_one("#lacking", Static).update(paint.line(label(words, Tone.BAD)))
        self.query_one(f"#{field}").focus()
