"""User commands of the dry run's page."""

from __future__ import annotations

from runbook_app.tui.commands.dialogs import Accept, KeyCommand, LeaveIt


class Foresee(Accept):
    label = "dry run"
    help = "Show what the plan would do to this target; nothing is changed."


class OfDryRun(KeyCommand):
    group = "Dry run"


class CloseDryRun(LeaveIt):
    keys = ("escape", "q", "D")
    group = "Dry run"
    label = "close"
    help = "Back to where you were; a dry run that goes on is ended."


class NextItemAhead(OfDryRun):
    keys = ("]",)
    action = "item(1)"
    label = "next item"
    help = "To the next item of the plan."


class PreviousItemAhead(OfDryRun):
    keys = ("[",)
    action = "item(-1)"
    label = "previous item"
    help = "To the item before."
    shown = False


class FindInDryRun(OfDryRun):
    keys = ("/",)
    action = "find"
    label = "find"
    help = "Go to the next line below that holds a text."


class NextFound(OfDryRun):
    keys = ("n",)
    action = "found(1)"
    label = "next match"
    help = "The next line below that holds what is sought, round the end."


class PreviousFound(OfDryRun):
    keys = ("N",)
    action = "found(-1)"
    label = "previous match"
    help = "The nearest line above that holds what is sought."
    shown = False


class ForeseeAgain(OfDryRun):
    keys = ("u",)
    action = "again"
    label = "again"
    help = "Make the dry run anew, of the target as it is by then."


class CopyDryRun(OfDryRun):
    keys = ("y",)
    action = "copy"
    label = "copy"
    help = "Copy all of it as plain text to the terminal's clipboard (OSC 52)."
