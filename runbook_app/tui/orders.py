"""Commands on their way to the engine, and what became of them."""

from __future__ import annotations

from collections.abc import Callable

from runbook_app.domain.commands import Command
from runbook_app.ports.session import Session


class Orders:
    """Sends commands and reports each rejection once."""

    def __init__(self, session: Session, rejected: Callable[[str], None]) -> None:
        self._session = session
        self._rejected = rejected
        self._sent: dict[str, str] = {}

    async def send(self, kind: type[Command], **fields: object) -> str:
        """Send a command; its id."""
        command_id = await self._session.send(kind, **fields)
        self._sent[command_id] = kind.__name__
        self.report()
        return command_id

    def report(self) -> None:
        answered = self._session.state.answered
        for command_id in [sent for sent in self._sent if sent in answered]:
            name, reason = self._sent.pop(command_id), answered[command_id]
            if reason:
                self._rejected(f"{name} was rejected: {reason}")
