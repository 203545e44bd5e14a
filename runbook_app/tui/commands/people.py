"""Commands by which people tell the record something."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.node import nothing_left

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen

_RECORD = "Record"


class AddNote(UserCommand):
    key = "n"
    label = "note"
    help = "Write a note about the selected item or step into the record."
    group = _RECORD
    footer = 7
    drives = True

    async def run(self, screen: SessionScreen) -> None:
        text = await screen.ask_text("Note", "What should the record say?")
        if text:
            await screen.send(cmd.AddNote, text=text, **_about(screen.situation()))


class RaiseBlocker(UserCommand):
    key = "b"
    label = "blocker"
    help = "Record what blocks the work; it stays on every surface until it is cleared."
    group = _RECORD
    footer = 8
    drives = True

    async def run(self, screen: SessionScreen) -> None:
        text = await screen.ask_text("Blocker", "What blocks the work?")
        if text:
            await screen.send(cmd.RaiseBlocker, text=text, **_about(screen.situation()))


class ClearBlocker(UserCommand):
    key = "B"
    label = "clear blocker"
    help = "Clear the newest open blocker."
    group = _RECORD
    footer = 8
    drives = True

    def refusal(self, situation: Situation) -> str:
        return "" if situation.state.open_blockers() else "No blocker is open."

    async def run(self, screen: SessionScreen) -> None:
        blockers = screen.situation().state.open_blockers()
        if blockers:
            await screen.send(cmd.ClearBlocker, blocker=blockers[-1].id)


class Export(UserCommand):
    key = "x"
    label = "export"
    help = "Write and sign the completion signal, whatever the verdict."
    group = _RECORD
    footer = 1
    drives = True
    needs_engine = False

    def in_footer(self, situation: Situation) -> bool:
        return nothing_left(situation.state)

    async def run(self, screen: SessionScreen) -> None:
        screen.tell("Searching the session's files for secrets, then signing.")
        written = await screen.session.export()
        page, signal = written.paths[:2]
        screen.tell(
            f"{written.verdict}: {page} and {signal.name}."
            f" Check it with: runbook verify {shlex.quote(str(signal))}",
            seconds=20,
        )


def _about(situation: Situation) -> dict[str, object]:
    node = situation.node
    return {"item": node.item, "step": node.step} if node else {}
