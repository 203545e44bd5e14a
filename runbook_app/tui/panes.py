"""How the session screen's three panes share the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen

PANES = ("items", "step", "log")
WIDE = 100
"""Columns from which items, step and log stand side by side."""


class Panes:
    """Side by side on a wide terminal; else one is open and the others show their title."""

    def __init__(self, screen: SessionScreen) -> None:
        self._screen = screen
        self.active = "items"
        self.zoomed = False

    def lay_out(self) -> None:
        width = self._screen.app.size.width
        self._screen.set_class(width < WIDE, "narrow")
        self._screen.set_class(self.zoomed, "zoomed")
        self._screen.set_class(self.active == "step", "at-step")
        for name in PANES:
            pane = self._screen.query_one(f"#{name}")
            pane.set_class(name == self.active, "active")

    def show(self, name: str) -> None:
        self.active = name
        self.lay_out()
        self._focus(name)

    def focused(self, name: str) -> None:
        """A click or a dialog's end has moved the focus."""
        if name != self.active:
            self.active = name
            self.lay_out()

    def next(self, by: int) -> None:
        self.show(PANES[(PANES.index(self.active) + by) % len(PANES)])

    def zoom(self) -> None:
        self.zoomed = not self.zoomed
        self.lay_out()

    def _focus(self, name: str) -> None:
        match name:
            case "items":
                self._screen.plan_tree.focus()
            case "step":
                self._screen.panel.focus_body()
            case _:
                self._screen.log_pane.view.focus()
