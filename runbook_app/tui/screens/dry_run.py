"""A dry run as a page: what a plan would do, told without doing anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.widgets import Static

from runbook_app.domain.errors import RunbookError
from runbook_app.domain.forecast import Ahead, Forecast
from runbook_app.ports.dry_run import DryRun
from runbook_app.tui import paint
from runbook_app.tui.commands.dialogs import DialogHelp
from runbook_app.tui.commands.dry_run import (
    CloseDryRun,
    CopyDryRun,
    FindInDryRun,
    ForeseeAgain,
    NextFound,
    NextItemAhead,
    PreviousFound,
    PreviousItemAhead,
)
from runbook_app.tui.foreseer import Foreseer
from runbook_app.tui.screens.keyed import KeyedScreen
from runbook_app.tui.view.dry_run import pieces, sought, status
from runbook_app.tui.view.mode import Mode, dry_marker
from runbook_app.tui.view.words import text_of
from runbook_app.tui.widgets.dry_run_rows import DryRunRows

if TYPE_CHECKING:
    from textual.app import ComposeResult


class DryRunScreen(KeyedScreen[None]):
    """It begins by itself; who closes it before its end ends it."""

    DEFAULT_CSS = f"""
    DryRunScreen {{
        background: $background;
        & > .bar {{ height: auto; padding: 0 1; background: $surface; }}
        & > DryRunRows {{
            height: 1fr;
            border: {Mode.DRY_RUN.border} ${Mode.DRY_RUN.colour};
            background: $background;
        }}
    }}
    """
    KEYS = (
        CloseDryRun(),
        NextItemAhead(),
        PreviousItemAhead(),
        FindInDryRun(),
        NextFound(),
        PreviousFound(),
        ForeseeAgain(),
        CopyDryRun(),
        DialogHelp(),
    )

    def __init__(self, of: str, begin: Callable[[], DryRun]) -> None:
        """`of` says which plan and target, `begin` makes a dry run that has not begun."""
        super().__init__()
        self._of = of
        self._begin = begin
        self._rows = DryRunRows()
        self._found: Forecast | RunbookError | None = None
        self._ahead: Ahead | None = None
        self._sought = ""
        self._foreseer: Foreseer | None = None

    def compose(self) -> ComposeResult:
        yield Static(classes="bar", id="dry-title")
        yield Static(classes="bar", id="dry-status")
        yield self._rows
        yield Static(classes="bar", id="dry-keys")

    def on_mount(self) -> None:
        self._rows.focus()
        self._foresee()

    def on_unmount(self) -> None:
        self._cancel()

    def on_resize(self) -> None:
        self._show()

    # The dry run

    def _foresee(self) -> None:
        self._cancel()
        self._found = self._ahead = None
        app = self.app
        foreseer = Foreseer(
            self._begin,
            lambda ahead: app.call_from_thread(self._told, foreseer, ahead),
            lambda found: app.call_from_thread(self._over, foreseer, found),
        )
        self._foreseer = foreseer
        self._rows.show(pieces(None))
        self._show()
        foreseer.start()

    def _cancel(self) -> None:
        if self._foreseer is not None:
            self._foreseer.cancel()
            self._foreseer = None

    def _told(self, foreseer: Foreseer, ahead: Ahead) -> None:
        if foreseer is self._foreseer:
            self._ahead = ahead
            self._show()

    def _over(self, foreseer: Foreseer, found: Forecast | RunbookError) -> None:
        if foreseer is self._foreseer:
            self._foreseer, self._found = None, found
            self._rows.show(pieces(found))
            self._show()

    def _show(self) -> None:
        width = max(10, self.app.size.width - 2)
        title = paint.edges(dry_marker(self._of), (), width)
        self.query_one("#dry-title", Static).update(title)
        line = status(self._found, self._ahead)
        self.query_one("#dry-status", Static).update(paint.line(line))
        self.query_one("#dry-keys", Static).update(paint.line(self.key_line()))

    # Keys

    def action_again(self) -> None:
        self._foresee()

    def action_item(self, by: int) -> None:
        """Go to another item, round the ends."""
        heads = [place for place, piece in enumerate(self._rows.pieces) if piece.heads]
        if not heads:
            return
        at = self._rows.at
        ways = [p for p in heads if p > at] if by > 0 else [p for p in reversed(heads) if p < at]
        self._rows.go_to(ways[0] if ways else heads[0 if by > 0 else -1])

    async def action_find(self) -> None:
        from runbook_app.tui.screens.text import TextDialog

        def seek(text: str | None) -> None:
            if text:
                self._sought = text
                self.action_found(1)

        await self.app.push_screen(
            TextDialog("Find", "A text, small or capital", self._sought), seek
        )

    def action_found(self, by: int) -> None:
        place = sought(self._rows.pieces, self._sought, self._rows.at, by) if self._sought else None
        if place is not None:
            self._rows.go_to(place)
        elif self._sought:
            self._tell(f"Nothing here holds {self._sought}.")
        else:
            self._tell("Nothing is sought: / searches.")

    def action_copy(self) -> None:
        head = [text_of(dry_marker(self._of)).strip(), text_of(status(self._found, self._ahead))]
        rows = [paint.clean(row) for row in (*head, "", *(p.plain for p in self._rows.pieces))]
        self.app.copy_to_clipboard("\n".join(rows) + "\n")
        self.notify(f"Copied {len(rows)} lines of the dry run.", markup=False, timeout=3)

    def _tell(self, text: str) -> None:
        self.notify(paint.clean(text), severity="warning", markup=False, timeout=5)
