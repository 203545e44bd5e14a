"""What calls a person elsewhere: a phone, a chat, a mailbox."""

from __future__ import annotations

from typing import Protocol


class Notifier(Protocol):
    @property
    def wanted(self) -> bool:
        """Whether anybody is to be called at all."""

    def lacks(self) -> str:
        """Why that can't be done here; empty when it can."""

    async def send(self, title: str, text: str) -> str:
        """Send to every address; how that went, in words that hold no address."""


class NobodyToCall:
    """Implements `Notifier` where nothing is configured."""

    wanted = False

    def lacks(self) -> str:
        return ""

    async def send(self, title: str, text: str) -> str:  # noqa: ARG002 - the port's signature
        return "nobody is to be called"
