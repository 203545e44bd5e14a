"""User commands of dialogs and of the lists in them: their key lines, help and palette."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType

from runbook_app.tui.view.help import HelpEntry


class KeyCommand:
    """One thing that can be done in a dialog, by an action of its screen or widget."""

    keys: ClassVar[tuple[str, ...]]
    """As Textual names them, or the characters themselves; the first one is shown."""
    action: ClassVar[str]
    """As Textual writes it; `{key}` stands for the key that was pressed."""
    label: ClassVar[str]
    help: ClassVar[str]
    group: ClassVar[str] = "This dialog"
    shown: ClassVar[bool] = True
    """Stands in the key line too, and not in the help alone."""
    above_lists: ClassVar[bool] = False
    """Is meant also while a list has the focus that knows the key. Textual takes such a key before
    what was typed ahead of it has reached its field: for nothing that reads a field."""

    @property
    def all_keys(self) -> str:
        return "/".join(self.keys)

    def bindings(self) -> list[BindingType]:
        return [
            Binding(key, self.action.format(key=key), show=False, priority=self.above_lists)
            for key in self.keys
        ]

    def entry(self) -> HelpEntry:
        return HelpEntry(
            group=self.group, key=self.all_keys, label=self.label, help=self.help, usable=True
        )


def bindings(commands: Iterable[KeyCommand]) -> list[BindingType]:
    return [binding for command in commands for binding in command.bindings()]


class Accept(KeyCommand):
    keys = ("enter",)
    action = "accept"
    label = "accept"
    help = "Take what is typed."


class Choose(Accept):
    label = "choose"
    help = "Take the row that the cursor is on; a click on a row does it too."


class AnswerIt(Accept):
    label = "answer"
    help = "Give the answer that is typed, or the one that the cursor is on."


class Record(Accept):
    label = "go on, then record"
    help = "Go to the next field; in the last one, put the waiver on record."


class Begin(Accept):
    label = "start"
    help = "Check plan and target, and begin the session; nothing is begun if anything is wrong."


class GiveAnswers(Accept):
    label = "go on, then start"
    help = "Go to the next question; at the last one begin the session with the answers."


class Retry(KeyCommand):
    keys = ("ctrl+s",)
    action = "retry"
    label = "retry"
    help = "Run the step again with these parameters; it counts only if its check then passes."


class NextField(KeyCommand):
    keys = ("tab", "down")
    action = "next_field"
    label = "next field"
    help = "Go to the next field."


class PreviousField(KeyCommand):
    keys = ("shift+tab", "up")
    action = "previous_field"
    label = "previous field"
    help = "Go to the field before."
    shown = False


class Confirm(KeyCommand):
    keys = ("enter", "y")
    action = "confirm"
    label = "confirm ▶"
    help = "Confirm the line that is asked, with your name and the time."


class Deny(KeyCommand):
    keys = ("x",)
    action = "deny"
    label = "does not hold"
    help = "Say that the line that is asked does not hold: the checkpoint fails."


class ReadGuide(KeyCommand):
    keys = ("g",)
    action = "guide"
    label = "guide"
    help = "Read the item's guide; the checkpoint stays open."


class FindByName(KeyCommand):
    keys = ("ctrl+p",)
    action = "app.command_palette"
    label = "find by name"
    help = "Find any command of the screen below by its name."
    above_lists = True


class LeaveIt(KeyCommand):
    keys: ClassVar[tuple[str, ...]] = ("escape",)
    action = "close"
    label = "leave it"
    help = "Close without doing anything."


class Later(LeaveIt):
    label = "later"
    help = "Put it off: it goes on waiting, and enter opens it again."


class CloseMessage(LeaveIt):
    keys = ("enter", "escape")
    label = "close"
    help = "Back to where you were."


class CloseHelp(LeaveIt):
    keys = ("escape", "q", "?", "f1")
    label = "close"
    help = "Back to where you were."


class CloseGuide(LeaveIt):
    keys = ("escape", "q", "g")
    label = "close"
    help = "Back to where you were."


class TextDown(KeyCommand):
    keys = ("pagedown",)
    action = "text_page(1)"
    label = "text down"
    help = "Scroll the text down."
    shown = False
    above_lists = True


class TextUp(TextDown):
    keys = ("pageup",)
    action = "text_page(-1)"
    label = "text up"
    help = "Scroll the text up."


class ScrollUp(KeyCommand):
    keys = ("k",)
    action = "up"
    label = "up"
    help = "A line up; the arrow keys and page up do it too."
    shown = False


class ScrollDown(KeyCommand):
    keys = ("j",)
    action = "down"
    label = "down"
    help = "A line down; the arrow keys and page down do it too."
    shown = False


class DialogHelp(KeyCommand):
    keys = ("f1", "?")
    action = "help"
    label = "help"
    help = "This page. Where text is typed, ? is text and only f1 helps."


class InList(KeyCommand):
    group = "List"
    shown = False


class RowUp(InList):
    keys = ("up", "k")
    action = "move(-1)"
    label = "up"
    help = "To the row above."


class RowDown(InList):
    keys = ("down", "j")
    action = "move(1)"
    label = "down"
    help = "To the row below."


class ListPageUp(InList):
    keys = ("pageup",)
    action = "move_page(-1)"
    label = "page up"
    help = "As many rows up as are seen."


class ListPageDown(InList):
    keys = ("pagedown",)
    action = "move_page(1)"
    label = "page down"
    help = "As many rows down as are seen."


class FirstRow(InList):
    keys = ("home",)
    action = "move_to(0)"
    label = "first"
    help = "To the first row."


class LastRow(InList):
    keys = ("end",)
    action = "move_to(-1)"
    label = "last"
    help = "To the last row."


class ChooseRow(InList):
    keys = ("enter",)
    action = "choose"
    label = "choose"
    help = "Take the row that the cursor is on."


class PutOnYes(InList):
    keys = ("y",)
    action = "put_on('yes')"
    label = "yes"
    help = "To the row that says yes, where there is one; enter takes it."


class PutOnNo(InList):
    keys = ("n",)
    action = "put_on('no')"
    label = "no"
    help = "To the row that says no, where there is one; enter takes it."


class ChooseNumber(InList):
    keys = tuple("123456789")
    action = "choose_number({key})"
    label = "choose"
    help = "Take the row of that number at once."

    @property
    def all_keys(self) -> str:
        return "1-9"


ROWS: tuple[KeyCommand, ...] = (
    RowUp(),
    RowDown(),
    ListPageUp(),
    ListPageDown(),
    FirstRow(),
    LastRow(),
)
CHOICES: tuple[KeyCommand, ...] = (ChooseRow(), ChooseNumber())
