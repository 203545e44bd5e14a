"""The commands of the palette, in the order in which the program gives them."""

from __future__ import annotations

from textual.command import DiscoveryHit, Hits
from textual.system_commands import SystemCommandsProvider


class OrderedCommands(SystemCommandsProvider):
    """Textual's own sorts them by title, so that what can't be given now stands among what can."""

    async def discover(self) -> Hits:
        for title, words, callback, _ in self.app.get_system_commands(self.screen):
            yield DiscoveryHit(title, callback, help=words)
