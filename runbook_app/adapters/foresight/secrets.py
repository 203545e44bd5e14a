"""Secrets that a dry run comes upon or makes up: masked, kept in memory alone."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Sequence

from runbook_app.adapters.foresight.world import World

Register = Callable[[str, str], None]
"""Has a value masked everywhere, by its name."""


class ForeseenSecrets:
    """Implements `Secrets`. What it makes up opens nothing: it goes with the dry run."""

    def __init__(self, world: World, mask: Register) -> None:
        self._world = world
        self._mask = mask
        self._values: dict[str, str] = {}

    def register(self, name: str, value: str) -> None:
        self._mask(name, value)
        if value.strip():
            self._values.setdefault(value, name)

    def generate(self, name: str, length: int = 32) -> bytes:
        value = os.urandom(length)
        self.register(name, value.hex())
        self.register(name, base64.b64encode(value).decode())
        return value

    def known(self, name: str) -> Sequence[str]:
        return [value for value, given in self._values.items() if given == name]

    def recipient(self) -> str:
        self._world.hold()
        self._world.cannot("to whom secrets are sealed, which `run --seal-to` says")

    def seal(self, name: str, value: bytes) -> str:  # noqa: ARG002 - the port's signature
        self._world.change("secret", name, "is sealed to the operator")
        return f"sealed/{name}.json"
