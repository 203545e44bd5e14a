"""What the engine itself needs of a target: capturing, restoring and the fingerprint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from runbook_app.domain.events import CaptureTaken, LogLost
from runbook_app.domain.fingerprint import Fingerprint
from runbook_app.ports.action import Recorder, Run
from runbook_app.ports.capabilities import Git


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """The prior state of one thing, as bytes that its kind can restore."""

    kind: str
    name: str
    content: bytes
    summary: str
    dirty: bool = False


Capture = Callable[[Prior], Awaitable[None]]
"""Makes a prior state durable, once per item and thing; the capabilities call it."""


class Capturable(Protocol):
    """One kind of thing that can be captured and restored."""

    kind: str
    rank: int
    """Restoring goes by rank, lowest first (files 0, Compose project 10), then newest first."""

    async def prior(self, name: str) -> Prior: ...

    async def state(self, name: str) -> str:
        """A digest of the present state, comparable with later ones."""

    async def restore(self, taken: CaptureTaken, content: bytes) -> bool:
        """Put the thing back; true when something had to be changed. Safe to repeat."""

    async def difference(self, taken: CaptureTaken, content: bytes, *, since: bool = False) -> str:
        """What restoring would change, or what has changed since; empty for nothing.

        For people: a unified diff for files, signed lines for the rest.
        """


@runtime_checkable
class Fallback(Capturable, Protocol):
    """A capture that is put back only on the operator's word, when the item's own rollback steps
    fail: it takes more back than the item changed."""

    async def losses(self, taken: CaptureTaken, content: bytes) -> Sequence[str]:
        """What putting it back would lose, one line each."""


class Target(Protocol):
    """A target's adapters, put together by the composition root."""

    @property
    def git(self) -> Git: ...

    def capturables(self) -> Sequence[Capturable]: ...

    def context(self, *, item: str, step: str, capture: Capture, recorder: Recorder) -> Run:
        """The context of one action; its capabilities call `capture` before any change."""

    async def fingerprint(self) -> Fingerprint: ...

    async def start_database(self) -> None:
        """Start the database's container, if there is one that does not run.

        What takes changes back needs it, and what was broken off may have been making it anew.

        Raises:
            ActionError: it does not come up.
        """

    async def end_survivors(self, others: Iterable[str] = ()) -> Sequence[str]:
        """End what an older engine left running inside the target's containers; one line each.

        `others` are sessions besides this one whose engines have ended.
        """

    def follow_logs(self, write: Callable[[str, bytes], None]) -> None:
        """Drain each project container's log from now on, each in a thread of its own, into
        `write(service, bytes)`; containers that are created later are followed as well."""

    async def stop_logs(self) -> Sequence[LogLost]:
        """End the draining, and say which ended containers' logs did not arrive whole."""

    async def close(self) -> None: ...
