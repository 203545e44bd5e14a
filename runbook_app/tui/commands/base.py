"""What a user command is."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from runbook_app.tui.situation import Situation

if TYPE_CHECKING:
    from runbook_app.tui.screens.session import SessionScreen


class UserCommand:
    """One thing that an operator can do with one key.

    Several commands may share a key; the first that is enabled is the one meant.
    """

    key: ClassVar[str]
    """As Textual names it, or the character itself."""
    label: ClassVar[str]
    help: ClassVar[str]
    group: ClassVar[str]
    footer: ClassVar[int] = 0
    """Place in the footer, counted from 1; 0 keeps it out."""
    drives: ClassVar[bool] = False
    """Sends something to the engine: never for a read-only observer."""
    needs_engine: ClassVar[bool] = True
    """Of one that drives: somebody has to be there to carry it out."""

    def why_not(self, situation: Situation) -> str:
        """Why it can't be given now; empty when it can."""
        if self.drives and situation.read_only:
            return "You are watching read-only."
        if self.drives and self.needs_engine and not situation.alive:
            return "No engine runs: e starts one."
        return self.refusal(situation)

    def refusal(self, situation: Situation) -> str:
        """Say why the command makes no sense here; empty when it does."""
        del situation
        return ""

    def enabled(self, situation: Situation) -> bool:
        return not self.why_not(situation)

    def listed(self, situation: Situation) -> bool:
        """Whether the help page has it."""
        del situation
        return True

    def in_footer(self, situation: Situation) -> bool:
        """Whether the footer has room for it while it can be given."""
        del situation
        return bool(self.footer)

    def label_in(self, situation: Situation) -> str:
        del situation
        return self.label

    async def run(self, screen: SessionScreen) -> None:
        raise NotImplementedError
