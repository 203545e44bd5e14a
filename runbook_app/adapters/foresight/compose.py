"""The target's Compose project: its file as predicted, and what bringing that up would do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, Protocol

from runbook_app.adapters import compose_file
from runbook_app.adapters.foresight.files import ForeseenFiles
from runbook_app.adapters.foresight.world import ANSWERS, CONTAINERS, DATABASE, World, container
from runbook_app.ports.capabilities import Compose, ComposeEdit, PendingContainer

_ABSENT = object()
_SETTING = re.compile(r"(?:--|-c\s*)?([A-Za-z_][\w.]*)=(.*)", re.DOTALL)


class ProjectReader(Protocol):
    """What is asked of a project with a Compose file that is not there yet."""

    async def check(self, text: bytes) -> None:
        """Let Compose validate the text.

        Raises:
            ActionError: it is refused.
        """

    async def settled(self, text: bytes | None = None) -> Sequence[str]:
        """What differs between the text, or the file as it stands, and what runs."""

    async def pending(
        self, *anew: str, text: bytes | None = None, since: bytes | None = None
    ) -> Sequence[PendingContainer]:
        """Whom `up` with the text would touch; with `since` on a project that was brought up
        with that text in the place of what runs."""


class ForeseenCompose:
    """Implements `Compose`; `database` is the service of the plan's, if it has one."""

    def __init__(
        self,
        world: World,
        files: ForeseenFiles,
        real: Compose,
        reader: ProjectReader,
        database: str,
    ) -> None:
        self._world = world
        self._files = files
        self._real = real
        self._reader = reader
        self._database = database

    @property
    def file(self) -> str:
        return self._real.file

    def document(self) -> Mapping[str, Any]:
        return compose_file.loaded(self._text().decode(), name=self.file)

    async def project(self) -> str:
        self._world.hold()
        name = self.document().get("name") if self._predicted else None
        return str(name) if name else await self._real.project()

    async def edit(self, change: ComposeEdit) -> bool:
        self._world.may_change(f"a change of {self.file}")
        before = self._text()
        after = compose_file.edited(before.decode(), change, name=self.file).encode()
        if after == before:
            return False
        if not self._unread():
            await self._reader.check(after)
        await self._files.write(self.file, after)
        self._tell(before, after)
        return True

    async def capture(self) -> None:
        """Capture nothing: what is about to change it is not run here."""
        self._world.hold()

    async def up(
        self,
        *,
        timeout: timedelta = timedelta(minutes=3),  # noqa: ARG002 - the port's signature
    ) -> None:
        self._world.may_change("bringing the project up")
        self._world.commanded.clear()
        if why := self._unclear():
            self._world.change("container", "of the project", f"may be made anew: {why}")
            self._world.age(CONTAINERS, DATABASE, ANSWERS, by="has brought the project up")
            self._world.up = self._text()
            return
        pending = await self._pending()
        for touched in pending:
            rebuilt = touched.service in self._rebuilt() and touched.change == "is made anew"
            how = f"{touched.change}, if its build makes another image" if rebuilt else ""
            self._world.change("container", touched.name, how or touched.change)
            self._world.age(container(touched.service), ANSWERS, by="has brought the project up")
            if touched.change == "is removed":
                self._world.gone.add(touched.service)
            else:
                self._world.gone.discard(touched.service)
            if touched.service == self._database:
                self._world.age(DATABASE, by="has brought the project up")
        self._world.up = self._text()
        self._world.built.clear()

    async def pending(self, *anew: str) -> Sequence[PendingContainer]:
        self._world.hold()
        if why := self._unclear():
            self._world.cannot(f"whom bringing the project up touches: {why}")
        return await self._pending(*anew)

    async def settled(self) -> Sequence[str]:
        self._world.hold()
        if why := next(iter(self._world.commanded.values()), "") or self._unclear():
            self._world.cannot(f"whether all services run as the Compose file says: {why}")
        if self._world.up is not None or self._world.built:
            return [f"{touched.service}: {touched.change}" for touched in await self._pending()]
        return await self._reader.settled(self._text() if self._predicted else None)

    async def _pending(self, *anew: str) -> Sequence[PendingContainer]:
        text, since = self._text() if self._predicted else None, self._world.up
        if text is None and since is None and not self._world.built:
            return await self._real.pending(*anew)
        self._world.looked = True
        return await self._reader.pending(*anew, *self._rebuilt(), text=text, since=since)

    def _rebuilt(self) -> list[str]:
        """Services whose image would be built before."""
        services: Mapping[str, Any] = self.document().get("services") or {}
        return [name for name, spec in services.items() if spec.get("image") in self._world.built]

    def _unclear(self) -> str:
        """Why nobody can tell what bringing the project up does; empty: one can."""
        if why := self._world.aged(CONTAINERS):
            return why
        name = self._unread()
        return f"Compose reads {name} too, which is predicted to change" if name else ""

    def _unread(self) -> str:
        """A predicted file, besides the Compose file, that Compose reads from the disk."""
        folder = PurePosixPath(self.file).parent
        services: Mapping[str, Any] = self.document().get("services") or {}
        named = [".env"]
        for spec in services.values():
            given = spec.get("env_file") or []
            entries = [given] if isinstance(given, str) else given
            named += [str(e.get("path") if isinstance(e, Mapping) else e) for e in entries]
        places = {str(folder / name) for name in named}
        return next((name for name in self._world.files if name in places), "")

    @property
    def _predicted(self) -> bool:
        return str(PurePosixPath(self.file)) in self._world.files

    def _text(self) -> bytes:
        return self._files.read(self.file)

    def _tell(self, before: bytes, after: bytes) -> None:
        """Write down which parts of which service change, and settings on command lines."""
        was, now = (compose_file.loaded(t.decode(), name=self.file) for t in (before, after))
        for path, how in _parts(was, now):
            self._world.change("compose", path, how)
        services: Mapping[str, Any] = now.get("services") or {}
        for service, spec in services.items():
            old = _settings((was.get("services") or {}).get(service) or {})
            new = _settings(spec)
            for name in [*new, *(name for name in old if name not in new)]:
                if old.get(name) != new.get(name):
                    how = f"{old.get(name, 'not set')} → {new.get(name, 'not set')}"
                    self._world.change("setting", f"{service}: {name}", how)


def _parts(was: Any, now: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """Parts of the document that differ, down to one key of a service; values are in the diff."""
    if not (isinstance(was, Mapping) and isinstance(now, Mapping) and depth < 4):
        if was != now:
            yield path, "is changed"
        return
    for key in [*now, *(key for key in was if key not in now)]:
        old, new = was.get(key, _ABSENT), now.get(key, _ABSENT)
        here = f"{path}.{key}" if path else str(key)
        if old is _ABSENT:
            yield here, "is added"
        elif new is _ABSENT:
            yield here, "is removed"
        else:
            yield from _parts(old, new, here, depth + 1)


def _settings(service: Mapping[str, Any]) -> dict[str, str]:
    """What a command line sets, as in `-c log_connections=on`."""
    command = service.get("command") or []
    words = command.split() if isinstance(command, str) else [str(word) for word in command]
    found = [_SETTING.fullmatch(word) for word in words]
    return {match[1]: match[2] for match in found if match}
