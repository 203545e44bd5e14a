"""Where the plan's account finds its password: the first of the plan's places that has it."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ContainerInfo, ExecResult

Execute = Callable[[str, Sequence[str]], Awaitable[ExecResult]]
"""Runs a command in a service's container, and writes none of its output to the log."""

DEFAULT = "environment:POSTGRES_PASSWORD"


class Passwords:
    """Looks through `places`, divided by ` or `; see `domain.plan.Database.password_from`."""

    def __init__(self, places: str, root: Path, execute: Execute) -> None:
        self._places = [place.strip() for place in (places or DEFAULT).split(" or ")]
        self._root = root
        self._execute = execute

    async def find(self, container: ContainerInfo) -> str:
        """Return the password; empty when no place has one, and none of them is at fault.

        Raises:
            ActionError: the last place is a file or a command, and gives none.
        """
        for number, place in enumerate(self._places, 1):
            kind, _, name = place.partition(":")
            last = number == len(self._places)
            if kind == "environment":
                found = container.environment.get(name, "")
            elif kind == "command":
                found = await self._told(name)
            else:
                found = self._read(name) if last or (self._root / name).exists() else ""
            if found:
                return found
        return ""

    def _read(self, name: str) -> str:
        try:
            return (self._root / name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ActionError(
                f"The database's password can't be read from {name}: {error.strerror}.",
                hint="Check `password_from` in the plan and the file's permissions.",
            ) from error

    async def _told(self, place: str) -> str:
        service, _, command = place.partition(":")
        answer = await self._execute(service, shlex.split(command))
        if answer.ok and (password := answer.text.strip()):
            return password
        # What it wrote may hold a part of the password.
        raise ActionError(
            f"The command in {service} that tells the database's password failed with exit code"
            f" {answer.exit_code}.",
            hint=f"Check `password_from` in the plan, and the log of {service}.",
        )
