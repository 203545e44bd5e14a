"""There is no session, and so no record of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from runbook_app.adapters.foresight.world import World
from runbook_app.ports.capabilities import Attached


class NoRecord:
    """Implements `Record`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        self._world.hold()
        self._world.cannot("the session's own record, which begins with a run")

    def attach(self, file: Path) -> Attached:
        self._world.hold()
        self._world.cannot(
            f"a copy of {file.name} in the session's folder, which begins with a run"
        )
