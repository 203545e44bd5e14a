"""Commands that open a page, and those that work on one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runbook_app.domain import commands as cmd
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.situation import Situation

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen

_PAGES = "Pages"
_HERE = "This page"


class OpenPage(UserCommand):
    """Its page is the one of its key."""

    group = _PAGES

    async def run(self, screen: SessionScreen) -> None:
        screen.open_page(self.key)


class ShowScore(OpenPage):
    key = "S"
    label = "score"
    help = "The security score, before and now: every check with its source and its evidence."

    def refusal(self, situation: Situation) -> str:
        measurable = situation.plan.score.measurable or situation.state.scores
        return "" if measurable else "The plan has no checks for a score."


class ShowTimeline(OpenPage):
    key = "t"
    label = "timeline"
    help = "Planned against actual on the window: overruns, what was suspiciously fast."


class ShowReports(OpenPage):
    key = "p"
    label = "reports"
    help = "Where we are, and every status report so far, newest first."


class ShowEvidence(OpenPage):
    key = "v"
    label = "evidence"
    help = "What stands on record for the selected item, with when, who, size and place."


class ShowDiff(OpenPage):
    key = "d"
    label = "diff"
    help = "What the selected item changed since its checkpoint: files, containers, database."

    async def run(self, screen: SessionScreen) -> None:
        screen.diffs.forget()
        await super().run(screen)


class CompareAgain(UserCommand):
    key = "u"
    label = "compare again"
    help = "Compare what the item captured with what is there now."
    group = _HERE

    async def run(self, screen: SessionScreen) -> None:
        screen.diffs.forget()
        screen.show()


class WriteBrief(UserCommand):
    key = "W"
    label = "write where we are"
    help = "Put a handover brief on record: item, step, what waits, undo by, risks, next action."
    group = "Record"
    drives = True

    async def run(self, screen: SessionScreen) -> None:
        await screen.send(cmd.WriteBrief)


class NextItem(UserCommand):
    key = "]"
    label = "next item"
    help = "The same of the next item of the plan."
    group = _HERE
    step = 1

    async def run(self, screen: SessionScreen) -> None:
        screen.select_item(self.step)


class PreviousItem(NextItem):
    key = "["
    label = "previous item"
    help = "The same of the item before."
    step = -1


class CopyPage(UserCommand):
    key = "y"
    label = "copy"
    help = "Copy the whole page as plain text to the terminal's clipboard (OSC 52)."
    group = _HERE

    async def run(self, screen: SessionScreen) -> None:
        screen.copy_page()


class ClosePage(UserCommand):
    key = "q"
    label = "close"
    help = "Back to the session; escape does it too."
    group = _HERE

    async def run(self, screen: SessionScreen) -> None:
        screen.close_page()


class PageHelp(UserCommand):
    key = "?"
    label = "help"
    help = "What this page shows, and its keys."
    group = _HERE

    async def run(self, screen: SessionScreen) -> None:
        screen.show_help()


OPEN_PAGES: tuple[UserCommand, ...] = (
    ShowScore(),
    ShowEvidence(),
    ShowReports(),
    ShowTimeline(),
    ShowDiff(),
)
"""They go from one page to another too."""
CLOSE_AND_HELP: tuple[UserCommand, ...] = (ClosePage(), PageHelp())
