"""Physical copies of a running cluster: taken without downtime, tried out, put back."""

from __future__ import annotations

import asyncio
import time
import uuid
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import msgspec

from runbook_app.adapters.database_backup import Measured, output
from runbook_app.adapters.database_sums import Keys, cluster_sums, differences, keys
from runbook_app.adapters.psql import Psql
from runbook_app.adapters.threads import in_thread
from runbook_app.adapters.volume_files import DataMount, VolumeFiles, data_mount
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ContainerInfo
from runbook_app.ports.database import TableSum, VolumeCopy
from runbook_app.ports.journal import Artefacts

_LIMIT = timedelta(minutes=60)
_START_LIMIT = 120.0
_POLL = 0.2
_TRIES = 3
_SHOWN = 10

_BASEBACKUP = (
    "pg_basebackup",
    *("--pgdata=-", "--format=tar", "--wal-method=fetch", "--checkpoint=fast"),
    *("--no-manifest", "--label=runbook", "--no-password"),
)


class StoredCopy(msgspec.Struct, frozen=True, kw_only=True):
    """A copy, and what is needed to put it back."""

    copy: VolumeCopy
    mount: DataMount
    image: str
    fields: dict[str, str]
    """State of the database when it was taken, as `database_state` describes it."""
    keys: Keys


Fields = Mapping[str, str]


class VolumeCopies:
    """The session's physical copies; `now` gives the time as ISO 8601."""

    def __init__(self, artefacts: Artefacts, files: VolumeFiles, now: Callable[[], str]) -> None:
        self._artefacts = artefacts
        self._files = files
        self._now = now

    async def find(self, name: str) -> VolumeCopy | None:
        path = f"captures/volume-{name}.sealed"
        if not await in_thread(self._artefacts.exists, path):
            return None
        content = await in_thread(self._artefacts.get_sealed, path)
        return decoded(content).copy

    async def take(self, psql: Psql, name: str, fields: Fields | None = None) -> StoredCopy:
        """Take a copy and try it out; `fields` are the database's state, for comparing later."""
        way = await psql.way()
        ((directory,),) = await psql.rows("SELECT current_setting('data_directory')")
        mount = data_mount(way.container, directory)
        taken = await self._copied(psql, name)
        path = taken.path
        try:
            found, primary = await self._tried_out(psql, way.container, mount, taken)
        except BaseException:
            await in_thread(self._artefacts.remove, path)
            raise
        copy = replace(taken.copy, tables=found, volume=mount.source)
        stored = StoredCopy(
            copy=copy,
            mount=mount,
            image=way.container.raw["Image"],
            fields=dict(fields or {}),
            keys=primary,
        )
        content = msgspec.json.encode(stored)
        await in_thread(self._artefacts.put_sealed, f"volume-{name}", content)
        return stored

    async def _copied(self, psql: Psql, name: str) -> _Taken:
        """Copy until nothing was written meanwhile, or it has been tried often enough."""
        taken = await self._copied_once(psql, name)
        for _ in range(_TRIES - 1):
            if not taken.copy.moved:
                break
            await in_thread(self._artefacts.remove, taken.path)
            taken = await self._copied_once(psql, name)
        return taken

    async def _copied_once(self, psql: Psql, name: str) -> _Taken:
        way, before, taken_at = await psql.way(), await cluster_sums(psql), self._now()
        stem = f"volume-{name}-{uuid.uuid4().hex[:8]}-data"
        command = way.command(psql.containers, _BASEBACKUP, b"")
        plain, packed = Measured(), Measured()

        def store() -> str:
            pieces = packed.through(_compressed(plain.through(output(command))))
            return self._artefacts.put_sealed_stream(stem, pieces)

        path = await psql.containers.wait(command, store, "pg_basebackup", _LIMIT)
        after = await cluster_sums(psql)
        moved = [
            name for name in before.keys() | after.keys() if before.get(name) != after.get(name)
        ]
        copy = VolumeCopy(
            name=name,
            taken_at=taken_at,
            volume="",
            path=path,
            size=plain.size,
            stored=packed.size,
            sha256=packed.sha256,
            tables={},
            moved=tuple(sorted(moved)),
        )
        return _Taken(copy=copy, path=path, expected=before)

    async def _tried_out(
        self, psql: Psql, container: ContainerInfo, mount: DataMount, taken: _Taken
    ) -> tuple[dict[str, TableSum], Keys]:
        """Start a throwaway server on the copy, and read every table."""
        volume = await self._files.new_volume()
        trial = DataMount(kind="volume", source=volume, target=mount.target, folder=mount.folder)
        started = ""
        try:
            await self._files.replace(trial, container.raw["Image"], self._tar(taken.copy))
            server = await self._files.start_like(container, trial)
            started = server.id
            inside = psql.of(server)
            await self._until_ready(inside, server)
            found = await cluster_sums(inside)
            primary = await keys(inside)
        finally:
            await self._files.remove(container=started, volume=volume)
        _hold(taken, found)
        return found, primary

    async def _until_ready(self, psql: Psql, server: ContainerInfo) -> None:
        deadline = time.monotonic() + _START_LIMIT
        while True:
            try:
                await psql.way()
            except ActionError as error:
                status = await self._files.status(server.id)
                if status == "running" and time.monotonic() < deadline:
                    await asyncio.sleep(_POLL)
                    continue
                words = await self._files.last_words(server.id)
                raise ActionError(
                    f"No server starts from the copy of the volume ({status}): {words}",
                    hint="Without a copy that starts, change nothing. See the database's log.",
                ) from error
            return

    def _tar(self, copy: VolumeCopy) -> Iterator[bytes]:
        measured = Measured()
        yield from _decompressed(measured.through(self._artefacts.get_sealed_stream(copy.path)))
        if measured.sha256 != copy.sha256:
            raise ActionError(f"{copy.path} is not the copy that was taken.")

    async def put_back(self, stored: StoredCopy, container: ContainerInfo | None) -> None:
        """Stop the server, and let its volume hold the copy; it is left stopped."""
        if container is not None:
            await self._files.stop(container.id)
        await self._files.replace(stored.mount, stored.image, self._tar(stored.copy))

    async def losses(self, psql: Psql, stored: StoredCopy) -> list[str]:
        """Rows that are there now and not in the copy, one line a table."""
        way, now = await psql.way(), await cluster_sums(psql)
        present = await keys(psql)
        found = []
        for name in sorted(now):
            database, _, table = name.partition(".")
            before = stored.copy.tables.get(name)
            if before is None:
                if now[name].rows:
                    found.append(f"{name}: all {now[name].rows} rows, the copy has no such table")
            elif database == way.database and table in present and table in stored.keys:
                found += _new_keys(name, stored.keys[table], present[table])
            elif now[name].rows > before.rows:
                found.append(f"{name}: {now[name].rows - before.rows} rows")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    copy: VolumeCopy
    path: str
    expected: Mapping[str, TableSum]


def decoded(content: bytes) -> StoredCopy:
    return msgspec.json.decode(content, type=StoredCopy)


def _hold(taken: _Taken, found: Mapping[str, TableSum]) -> None:
    moved = set(taken.copy.moved)
    still = {name: table for name, table in taken.expected.items() if name not in moved}
    also = {name: table for name, table in found.items() if name not in moved}
    if wrong := list(differences(still, also)):
        raise ActionError(
            f"The copy of the volume is not what runs: {'; '.join(wrong[:_SHOWN])}",
            hint="Without a true copy, change nothing. Run the database's own checks first.",
        )


def _new_keys(
    name: str, before: list[tuple[str, ...]], now: list[tuple[str, ...]]
) -> Iterator[str]:
    known = set(before)
    new = [key for key in now if key not in known]
    if new:
        shown = ", ".join("/".join(key) for key in new[:_SHOWN])
        more = ", …" if len(new) > _SHOWN else ""
        yield f"{name}: {len(new)} rows (key {shown}{more})"


def _compressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1)
    for piece in pieces:
        if packed := packer.compress(piece):
            yield packed
    yield packer.flush()


def _decompressed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj()
    for piece in pieces:
        if plain := unpacker.decompress(piece):
            yield plain
    yield unpacker.flush()
