"""A screen whose bindings, key line, help and palette are made from its commands."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import ClassVar, TypeVar

from textual.app import SystemCommand
from textual.screen import Screen

from runbook_app.tui.commands.dialogs import Accept, KeyCommand, bindings
from runbook_app.tui.view.keys import bar
from runbook_app.tui.view.words import Line
from runbook_app.tui.widgets.rows import Rows

Result = TypeVar("Result")
_ROOM = 90
"""Columns of a key line; a narrower terminal cuts it."""


class KeyedScreen(Screen[Result]):
    KEYS: ClassVar[tuple[KeyCommand, ...]] = ()
    has_palette: ClassVar[bool] = True
    """The palette has its own commands, and not those of what is below."""

    def __init_subclass__(cls, **rest: bool) -> None:
        if "KEYS" in vars(cls):
            cls.BINDINGS = bindings(cls.KEYS)
        super().__init_subclass__(**rest)

    @property
    def commands(self) -> list[KeyCommand]:
        """Those that have a meaning now."""
        return list(self.KEYS)

    def key_line(self) -> Line:
        shown = [(command.keys[0], command.label) for command in self.commands if command.shown]
        return bar(shown, _ROOM, 1)[0]

    def helped(self) -> list[KeyCommand]:
        """What its help tells: its own commands, and those of its lists that it leaves them."""
        taken = {key for one in self.commands for key in one.keys}
        listed = dict.fromkeys(command for rows in self.query(Rows) for command in rows.KEYS)
        return [*self.commands, *(one for one in listed if not taken.issuperset(one.keys))]

    def palette(self) -> Iterable[SystemCommand]:
        for command in self.commands:
            give = partial(self.app.run_action, command.action, self)
            yield SystemCommand(f"{command.label} ({command.all_keys})", command.help, give)

    async def on_input_submitted(self) -> None:
        """A field keeps the enter for itself, and says so once all that was typed is in it."""
        for command in self.commands:
            if isinstance(command, Accept):
                await self.run_action(command.action)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_help(self) -> None:
        from runbook_app.tui.screens.help import HelpScreen

        entries = [command.entry() for command in self.helped()]
        self.app.push_screen(HelpScreen(entries))

    def action_next_field(self) -> None:
        self.focus_next()

    def action_previous_field(self) -> None:
        self.focus_previous()
