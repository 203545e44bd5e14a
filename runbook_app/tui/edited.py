"""Asks about a plan that was edited since a session of it began."""

from __future__ import annotations

from typing import Any

from textual.app import App

from runbook_app.domain.errors import PlanEdited
from runbook_app.tui.view.home import ACCEPT_EDIT, edited_lines


async def accepts(app: App[Any], edited: PlanEdited) -> bool:
    """Show the edited lines; whether they are to be gone on with."""
    from runbook_app.tui.screens.choose import ChooseDialog

    text = edited_lines(edited.plan, edited.difference)
    dialog = ChooseDialog("The plan was edited", text, ACCEPT_EDIT)
    return await app.push_screen_wait(dialog) == 1
