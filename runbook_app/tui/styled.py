"""What both programs share: the themes, and no colour when none is wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.app import App, SystemCommand
from textual.filter import LineFilter, NoColor

from runbook_app.domain.sanitise import neutralise
from runbook_app.tui.palette import OrderedCommands
from runbook_app.tui.remembered import Remembered
from runbook_app.tui.screens.keyed import KeyedScreen
from runbook_app.tui.theme import NIGHT, THEMES
from runbook_app.tui.view.mode import Mode

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.screen import Screen

Result = TypeVar("Result")


class StyledApp(App[Result]):
    """The palette's `Theme` offers our themes alone: nobody has seen what can be read in others."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {OrderedCommands}

    def __init__(self, mode: Mode = Mode.LIVE, remembered: Remembered | None = None) -> None:
        self._shown_mode = mode
        self._remembered = remembered
        super().__init__()
        ours = [theme.name for theme in THEMES]
        for name in self.available_themes:
            self.unregister_theme(name)
        for theme in THEMES:
            self.register_theme(theme)
        known = remembered.theme() if remembered else ""
        self._first_theme = known if known in ours else NIGHT.name
        self.theme = self._first_theme  # set before the first paint, or all styles are made twice

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """A dialog's own commands or those of the program, and the theme; none of Textual's."""
        if isinstance(screen, KeyedScreen) and screen.has_palette:
            yield from screen.palette()
        else:
            yield from self.palette_on(screen)
        names = ", ".join(theme.name for theme in THEMES)
        yield SystemCommand("theme", f"Change the colours: {names}.", self.action_change_theme)

    def palette_on(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The program's commands on a screen."""
        del screen
        return ()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        colour: str = getattr(self.current_theme, self._shown_mode.colour)
        return {"mode": colour, "mode-border": self._shown_mode.border}

    def watch_theme(self, theme: str) -> None:
        if self._remembered and theme != self._first_theme:
            self._first_theme = ""
            self._remembered.keep(theme)

    @property
    def has_terminal(self) -> bool:
        """Whether there is a terminal to give to another program for a while."""
        return self._driver is not None and self._driver.can_suspend

    def call_person(self, words: str) -> None:
        """Ring the terminal's bell, and have it show a notification if it can (OSC 9)."""
        if self._driver is not None:
            self._driver.write(f"\a\x1b]9;runbook: {neutralise(words)}\a")

    def get_line_filters(self) -> Sequence[LineFilter]:
        """With `NO_COLOR` no colour code is written at all; Textual's own way leaves greys."""
        return [NoColor()] if self.no_color else super().get_line_filters()
