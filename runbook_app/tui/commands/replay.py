"""Commands of a replay: where in the record one is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.logquery import moment

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen


class InReplay(UserCommand):
    group = "Replay"

    def refusal(self, situation: Situation) -> str:
        return "" if situation.replaying else "That is a key of a replay: runbook replay."

    def listed(self, situation: Situation) -> bool:
        return situation.replaying


class Later(InReplay):
    key = ">"
    label = "later"
    help = "To where something begins or turns next: checkpoint, step, question, failure, rollback."
    footer = 1

    async def run(self, screen: SessionScreen) -> None:
        screen.replayer.mark(1)


class Earlier(InReplay):
    key = "<"
    label = "earlier"
    help = "To where something began or turned before."
    footer = 2

    async def run(self, screen: SessionScreen) -> None:
        screen.replayer.mark(-1)


class NextEntry(InReplay):
    key = ")"
    label = "one entry on"
    help = "One entry of the record further."

    async def run(self, screen: SessionScreen) -> None:
        screen.replayer.step(1)


class PreviousEntry(InReplay):
    key = "("
    label = "one entry back"
    help = "One entry of the record back."

    async def run(self, screen: SessionScreen) -> None:
        screen.replayer.step(-1)


class Play(InReplay):
    key = "space"
    label = "play"
    help = "Let the record go on by itself, all of it within a minute; once more stops it."
    footer = 3

    async def run(self, screen: SessionScreen) -> None:
        screen.replayer.play()


class GoToMoment(InReplay):
    key = "T"
    label = "to time"
    help = "To the state at a time (UTC)."
    footer = 4

    async def run(self, screen: SessionScreen) -> None:
        text = await screen.ask_text("To time", "UTC: 09:11, 09:11:58 or 2025-10-24T09:11")
        if text:
            screen.replayer.time(moment(text, screen.replayer.end))


REPLAY_COMMANDS: tuple[UserCommand, ...] = (
    Later(),
    Earlier(),
    NextEntry(),
    PreviousEntry(),
    Play(),
    GoToMoment(),
)
