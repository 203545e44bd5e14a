"""Work on the target by hand: the ways in, and what was recorded of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runbook_app.domain.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class WayIn:
    name: str
    """`shell`, `psql`, `psql-app`, or `container:NAME`."""
    what: str
    """In words, for the record: `psql as postgres in db`."""
    remark: str = ""


class ByHand(Protocol):
    """What a screen has of it. A screen that goes in gives its terminal away until they are out."""

    def ways(self) -> list[WayIn]:
        """The ways in that are open now; blocks."""

    def go_in(self, way: str, hands: str) -> int:
        """Give this process's terminal to a way in, record what it shows, return its exit code.

        `hands` is the id under which the engine has it on record. Blocks.

        Raises:
            RunbookError: it did not begin.
        """

    def process(self) -> tuple[int, str]:
        """Number and start time of this process, by which the engine sees whether it lives."""


class NoWayIn:
    """Implements `ByHand` where there is nothing to work on, as in a replay."""

    def ways(self) -> list[WayIn]:
        return []

    def go_in(self, way: str, hands: str) -> int:  # noqa: ARG002 - the port's signature
        raise UsageError("There is nothing here to work on by hand.")

    def process(self) -> tuple[int, str]:
        return 0, ""


class Transcripts(Protocol):
    """What the engine has of it."""

    def recorded(self, hands: str) -> bytes:
        """What the terminal showed, masked; empty when nothing was recorded."""

    def drop(self, hands: str) -> None: ...

    def lives(self, pid: int, pid_started: str) -> bool: ...
