"""The least that Textual can show: the limit of a first paint."""

from __future__ import annotations

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("Objective 0")


if __name__ == "__main__":
    Bare().run()
