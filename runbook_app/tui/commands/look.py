"""Commands that only change what is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.tui import ways
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.situation import Situation

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen

_LOOK = "Look"


class ShowLog(UserCommand):
    key = "l"
    label = "log"
    help = "Go to the log; once more gives it the whole screen."
    group = _LOOK
    footer = 9

    async def run(self, screen: SessionScreen) -> None:
        if screen.log_pane.has_focus_within:
            screen.panes.zoom()
        else:
            screen.panes.show("log")


class ShowItems(UserCommand):
    key = "1"
    label = "items"
    help = "Go to the plan tree. Left and right fold an item."
    group = _LOOK

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.show("items")


class ShowStep(UserCommand):
    key = "2"
    label = "step"
    help = "Go to the panel of the selected step, checkpoint or item."
    group = _LOOK

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.show("step")


class ShowThird(ShowLog):
    key = "3"
    help = "Go to the log."
    footer = 0

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.show("log")


class NextPane(UserCommand):
    key = "tab"
    label = "pane"
    help = "Go round items, step and log."
    group = _LOOK
    footer = 12

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.next(1)


class PreviousPane(UserCommand):
    key = "shift+tab"
    label = "previous pane"
    help = "Go round the other way."
    group = _LOOK

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.next(-1)


class Zoom(UserCommand):
    key = "z"
    label = "zoom"
    help = "Give the pane you are in the whole screen, or give it back."
    group = _LOOK

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.zoom()


class GoToNow(UserCommand):
    key = "."
    label = "now"
    help = "Select what the work is at, and stay with it as it goes on."
    group = _LOOK

    async def run(self, screen: SessionScreen) -> None:
        screen.stay_with_work()


class ShowGuide(UserCommand):
    key = "g"
    label = "guide"
    help = "Read the selected item's guide."
    group = _LOOK
    footer = 11

    def refusal(self, situation: Situation) -> str:
        item = situation.item
        return "" if item and item.guide else "The selected item has no guide."

    async def run(self, screen: SessionScreen) -> None:
        item = screen.situation().item
        if item is not None:
            screen.show_guide(item)


class ShowDryRun(UserCommand):
    key = "D"
    label = "dry run"
    help = "Show what is still to do, step by step, as it would change the target; changes nothing."
    group = _LOOK

    def refusal(self, situation: Situation) -> str:
        if situation.replaying:
            return "A replay shows the record: nothing is ahead of it."
        return "Work is under way: it changes what a dry run looks at." if situation.busy else ""

    async def run(self, screen: SessionScreen) -> None:
        screen.foresee()


class ShowHelp(UserCommand):
    key = "?"
    label = "help"
    help = "This page."
    group = _LOOK
    footer = 99

    async def run(self, screen: SessionScreen) -> None:
        screen.show_help()


class Leave(UserCommand):
    key = "q"
    label = "leave"
    help = "Leave this screen; the engine goes on unless you stop it."
    group = _LOOK
    footer = 98

    async def run(self, screen: SessionScreen) -> None:
        await ways.leave(screen)
