"""Every user command of the session screen, in the order in which shared keys are tried."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_app.tui.commands import log, look, pages, people, work
from runbook_app.tui.commands.base import UserCommand
from runbook_app.tui.commands.replay import REPLAY_COMMANDS
from runbook_app.tui.situation import Situation
from runbook_app.tui.view.help import HelpEntry
from runbook_app.tui.view.keys import KeyLabel

SESSION_COMMANDS: tuple[UserCommand, ...] = (
    *REPLAY_COMMANDS,
    work.StartEngine(),
    work.Answer(),
    work.ChooseWay(),
    work.RunNext(),
    work.RunAuto(),
    work.Pause(),
    work.RollBack(),
    work.RollBackWithDependents(),
    work.RunItem(),
    work.CancelStep(),
    work.SkipPending(),
    work.GoInByHand(),
    work.MeasureScore(),
    log.NextMatch(),
    log.PreviousMatch(),
    people.AddNote(),
    people.RaiseBlocker(),
    people.ClearBlocker(),
    people.Export(),
    pages.WriteBrief(),
    look.ShowLog(),
    log.FollowLog(),
    log.SearchLog(),
    log.OnlyMatches(),
    log.ToggleRegex(),
    log.NextLevel(),
    log.ChoosePart(),
    log.WrapLog(),
    log.GoToTime(),
    log.GoToStep(),
    log.FirstError(),
    log.MarkLog(),
    log.CopyLog(),
    log.CopyStep(),
    look.ShowGuide(),
    look.ShowDryRun(),
    *pages.OPEN_PAGES,
    look.NextPane(),
    look.PreviousPane(),
    look.ShowItems(),
    look.ShowStep(),
    look.ShowThird(),
    look.Zoom(),
    look.GoToNow(),
    look.ShowHelp(),
    look.Leave(),
)


def meant(
    key: str, situation: Situation, commands: Sequence[UserCommand] = SESSION_COMMANDS
) -> tuple[UserCommand | None, str]:
    """The first enabled command of a key; else None and why the last of them is not."""
    refusal = ""
    for command in commands:
        if command.key == key:
            refusal = command.why_not(situation)
            if not refusal:
                return command, ""
    return None, refusal


def help_entries(commands: Sequence[UserCommand], situation: Situation) -> list[HelpEntry]:
    """What the help page says of commands."""
    return [
        HelpEntry(
            group=command.group,
            key=command.key,
            label=command.label,
            help=command.help,
            usable=command.enabled(situation),
        )
        for command in commands
        if command.listed(situation)
    ]


def footer(situation: Situation) -> list[KeyLabel]:
    """What the footer shows: enabled commands by their place, one a key."""
    found: dict[str, UserCommand] = {}
    for command in SESSION_COMMANDS:
        if command.in_footer(situation) and command.enabled(situation):
            found.setdefault(command.key, command)
    shown = sorted(found.values(), key=lambda command: command.footer)
    return [(command.key, command.label_in(situation)) for command in shown]
