"""What a faked Compose project says of a file that is not there yet, for dry runs of actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_app.ports.capabilities import PendingContainer
from runbook_app.testing.capabilities import FakeCompose, read_compose


class FakeProjectReader:
    """What a faked project says of another Compose file: services whose part differs from what
    there is are made anew."""

    def __init__(self, compose: FakeCompose) -> None:
        self._compose = compose

    async def check(self, text: bytes) -> None:
        read_compose(text)

    async def settled(self, text: bytes | None = None) -> Sequence[str]:
        own = [f"{change.service}: {change.change}" for change in self._differing(text, None)]
        return [*await self._compose.settled(), *own]

    async def pending(
        self, *anew: str, text: bytes | None = None, since: bytes | None = None
    ) -> Sequence[PendingContainer]:
        found = self._differing(text, since)
        known = {change.service for change in found}
        more = await self._compose.pending(*anew) if since is None else []
        return [*found, *(change for change in more if change.service not in known)]

    def _differing(self, text: bytes | None, since: bytes | None) -> list[PendingContainer]:
        file = self._compose.files.read(self._compose.file)
        now, then = (_services(given or file) for given in (since, text))
        changes = {
            **{name: "is made anew" for name in then if now.get(name) != then[name]},
            **{name: "is made" for name in then if name not in now},
            **{name: "is removed" for name in now if name not in then},
        }
        return [PendingContainer(service=n, name=n, change=how) for n, how in changes.items()]


def _services(text: bytes) -> Mapping[str, Any]:
    services: Mapping[str, Any] = read_compose(text).get("services") or {}
    return services
