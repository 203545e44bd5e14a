"""The terminal program: one session on the screen, or the home screen."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import SystemCommand

from runbook_app.domain.clock import to_text
from runbook_app.ports.session import Replay, Session
from runbook_app.tui.commands.all import SESSION_COMMANDS
from runbook_app.tui.remembered import Remembered
from runbook_app.tui.screens.live import LivePage
from runbook_app.tui.screens.session import SessionScreen
from runbook_app.tui.styled import StyledApp
from runbook_app.tui.view.mode import mode_of

if TYPE_CHECKING:
    from textual.screen import Screen

    from runbook_app.tui.commands.base import UserCommand
    from runbook_app.tui.desk import Desk
    from runbook_app.tui.view.home import HomeChoice


def wall_clock() -> str:
    return to_text(datetime.now(UTC))


class RunbookApp(StyledApp[int]):
    """Shows one session. Leaving it stops nothing."""

    TITLE = "runbook"

    def __init__(
        self,
        session: Session,
        now: Callable[[], str] = wall_clock,
        remembered: Remembered | None = None,
    ) -> None:
        replaying = isinstance(session, Replay)
        super().__init__(mode_of(session.state, replaying=replaying), remembered)
        self.session = session
        self.session_screen = SessionScreen(session, now)

    def get_default_screen(self) -> Screen[None]:
        return self.session_screen

    def palette_on(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every command, those that can be given now first."""
        situation = self.session_screen.situation()
        commands = screen.kind.commands if isinstance(screen, LivePage) else SESSION_COMMANDS
        refused: list[SystemCommand] = []
        for command in (command for command in commands if command.listed(situation)):
            title = f"{command.label_in(situation)} ({command.key})"
            if refusal := command.why_not(situation):
                words = f"not now: {refusal}"
                refused.append(SystemCommand(title, words, self._refuser(refusal)))
            else:
                yield SystemCommand(title, command.help, self._giver(command))
        yield from refused

    def _giver(self, command: UserCommand) -> Callable[[], None]:
        return lambda: self.session_screen.give(command)

    def _refuser(self, refusal: str) -> Callable[[], None]:
        return lambda: self.session_screen.tell(refusal, severity="warning")

    def action_help_quit(self) -> None:
        """Ctrl-C asks, as `q` does."""
        self.session_screen.action_command("q")


def run(session: Session, settings: Path) -> int:
    """Show a session until its operator leaves; the exit code for the shell.

    `settings` is the file in which the person's theme is kept.
    """
    now = session.now if isinstance(session, Replay) else wall_clock
    app = RunbookApp(session, now, Remembered(settings))
    result = app.run()
    return result if result is not None else app.return_code or 0


def home(desk: Desk, settings: Path, said: str = "") -> HomeChoice | None:
    """Let the operator pick a session to return to, or start one; None when leaving.

    `settings` is the file in which the person's theme is kept, `said` why what was chosen before
    could not be shown.
    """
    from runbook_app.tui.screens.home import HomeApp

    return HomeApp(desk, said, Remembered(settings)).run()
