"""Commands of the log: what is seen of it, where, and copies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from runbook_app.tui import log_copy
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.log_rows import LogRows
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.logquery import parts
from runbook_app.tui.view.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runbook_app.ports.journal import LogLine
    from runbook_app.tui.screens.session import SessionScreen

_LOG = "Log"
_ELSEWHERE = "That is a key of the log: l goes there."
_NOTHING = "Nothing is sought: / searches."


class SearchLog(UserCommand):
    key = "/"
    label = "search"
    help = "Search what is shown of the log; enter goes up from the end, then n and N."
    group = _LOG
    footer = 10

    async def run(self, screen: SessionScreen) -> None:
        screen.panes.show("log")
        screen.log_pane.open_search()


class FollowLog(UserCommand):
    key = "f"
    label = "follow"
    help = "Keep the log at its newest line, as end does. Scrolling up holds it where it is."
    group = _LOG
    footer = 9

    def refusal(self, situation: Situation) -> str:
        return "The log is followed already." if situation.following else ""

    async def run(self, screen: SessionScreen) -> None:
        screen.log_pane.view.follow()


class InLog(UserCommand):
    """A command that has a meaning in the log only."""

    group = _LOG

    def refusal(self, situation: Situation) -> str:
        return "" if situation.log_focused else _ELSEWHERE


class NextMatch(InLog):
    key = "n"
    label = "next match"
    help = "The next line below that holds what is sought."
    footer = 7

    def refusal(self, situation: Situation) -> str:
        return super().refusal(situation) or ("" if situation.searching else _NOTHING)

    async def run(self, screen: SessionScreen) -> None:
        await screen.log_pane.find(forward=True)


class PreviousMatch(NextMatch):
    key = "N"
    label = "previous match"
    help = "The nearest line above that holds what is sought."

    async def run(self, screen: SessionScreen) -> None:
        await screen.log_pane.find(forward=False)


class OnlyMatches(NextMatch):
    key = "&"
    label = "only matches"
    help = "Show only the lines that hold what is sought, or all of them again."

    async def run(self, screen: SessionScreen) -> None:
        view = screen.log_pane.view
        view.sift(only_hits=not view.rows.only_hits)


class ToggleRegex(InLog):
    key = "ctrl+r"
    label = "plain or regular"
    help = "Take what is sought as a regular expression (RE2), or as plain text again."

    async def run(self, screen: SessionScreen) -> None:
        screen.log_pane.toggle_regex()


class NextLevel(InLog):
    key = "L"
    label = "level"
    help = "Show all lines; warnings and errors, by the words in them; errors alone."

    async def run(self, screen: SessionScreen) -> None:
        screen.log_pane.next_level()


class ChoosePart(InLog):
    key = "o"
    label = "only …"
    help = "Choose what is shown: the whole session, one step, or one source."
    footer = 10

    async def run(self, screen: SessionScreen) -> None:
        stored = await asyncio.to_thread(screen.session.logs.parts)
        node = screen.situation().node
        found = parts(screen.session.plan, stored, node.step if node else "")
        chosen = await screen.choose("Log", [(part.name, part.kind) for part in found])
        if chosen is not None:
            screen.log_pane.show_part(found[chosen])


class WrapLog(InLog):
    key = "w"
    label = "wrap"
    help = "Break long lines, or let left and right scroll along them again."

    async def run(self, screen: SessionScreen) -> None:
        view = screen.log_pane.view
        view.set_wrap(wrap=not view.wrap)


class GoToTime(InLog):
    key = "@"
    label = "to time"
    help = "Go to the first line of a time (UTC) or after it."

    async def run(self, screen: SessionScreen) -> None:
        text = await screen.ask_text("Go to time", "09:11, 09:11:58 or 2025-10-24T09:11, in UTC")
        if text:
            await screen.log_pane.go_to_time(text)


class GoToStep(InLog):
    key = "J"
    label = "to step"
    help = "Go to where the step began that is selected among the items."

    def refusal(self, situation: Situation) -> str:
        began = situation.step_state and situation.step_state.started_at
        return super().refusal(situation) or (
            "" if began else "Select a step that has begun among the items first."
        )

    async def run(self, screen: SessionScreen) -> None:
        step = screen.situation().step_state
        if step and step.started_at:
            await screen.log_pane.go_to_time(step.started_at)


class FirstError(InLog):
    key = "E"
    label = "first error"
    help = "Go to the first line that speaks of an error; n goes to the next."

    async def run(self, screen: SessionScreen) -> None:
        await screen.log_pane.go_to_first_error()


class MarkLog(InLog):
    key = "v"
    label = "mark"
    help = "Begin a selection at the cursor; up and down make it longer, escape gives it up."

    async def run(self, screen: SessionScreen) -> None:
        screen.log_pane.view.toggle_mark()


class CopyLog(InLog):
    key = "y"
    label = "copy"
    help = (
        "Copy the line, or the selection with times and sources, to the terminal's clipboard"
        " (OSC 52); what is too long for it goes to a file in the session's folder."
    )
    footer = 10

    async def run(self, screen: SessionScreen) -> None:
        view = screen.log_pane.view
        marked = view.mark is not None
        low, high = view.selection()
        await _copy(screen, view.rows.pages(low, high), head=marked)
        if marked:
            view.toggle_mark()


class CopyStep(InLog):
    key = "Y"
    label = "copy step"
    help = "Copy all lines of the step that the line belongs to, in the same way."

    async def run(self, screen: SessionScreen) -> None:
        line = screen.log_pane.view.current_line()
        if line is None or not line.step:
            screen.tell("That line belongs to no step.", severity="warning")
            return
        part = screen.session.logs.part(step=line.step)
        try:
            await _copy(screen, LogRows(part).pages(0, part.count()), head=True)
        finally:
            part.close()


async def _copy(screen: SessionScreen, pages: Iterable[Sequence[LogLine]], *, head: bool) -> None:
    copied = await asyncio.to_thread(log_copy.take, pages, screen.session.folder, head=head)
    count = plural(copied.lines, "line")
    if copied.file:
        screen.tell(f"{count}, too long for the clipboard, in {copied.file}.", seconds=10)
    elif copied.lines:
        screen.app.copy_to_clipboard(copied.text)
        screen.tell(f"{count} copied.")
