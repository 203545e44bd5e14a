"""What this machine has on record of rehearsals on copies of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from runbook_app.domain.events import RehearsalNoted


class Rehearsals(Protocol):
    @property
    def is_copy(self) -> bool:
        """The target is itself a rehearsal's copy: nothing is required of it."""

    async def noted(self) -> Sequence[RehearsalNoted]:
        """The newest of each item, held against the plan and the target as they are now."""


class NoRehearsals:
    """Where no record is kept."""

    is_copy = False

    async def noted(self) -> Sequence[RehearsalNoted]:
        return ()
