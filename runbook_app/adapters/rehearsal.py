"""A copy of a target to rehearse on: its folder, its volumes, its containers; made and removed."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.artefacts import FolderArtefacts
from runbook_app.adapters.children import Children, start_time
from runbook_app.adapters.compose import ProjectRunner
from runbook_app.adapters.compose_engine import ComposeCommand, words
from runbook_app.adapters.compose_file import edited
from runbook_app.adapters.database_copy import StoredCopy, VolumeCopies
from runbook_app.adapters.demo_settings import Network, host_routes, port_free
from runbook_app.adapters.docker import PROBE_PREFIX, PROJECT, SERVICE, SESSION, ProjectContainers
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.durable import make_folders
from runbook_app.adapters.folder_copy import FolderCopy, check_apart
from runbook_app.adapters.footing import footing
from runbook_app.adapters.git import GitRepository
from runbook_app.adapters.psql import Psql
from runbook_app.adapters.rehearsal_names import Model, Names, choose, edit, shared
from runbook_app.adapters.rehearsal_record import Begun, RehearsalRecord
from runbook_app.adapters.rehearsal_removal import image_ids, image_names
from runbook_app.adapters.sealer import FileKeySealer
from runbook_app.adapters.threads import in_thread
from runbook_app.adapters.volume_files import VolumeFiles
from runbook_app.domain.errors import ActionError, EnvironmentLacks, UsageError
from runbook_app.domain.plan import Plan
from runbook_app.domain.rehearsal import Footing

Say = Callable[[str], None]
Now = Callable[[], str]

_DATABASE = "rehearsal"
_UP_LIMIT = timedelta(minutes=5)


class _Side:
    """The target's or the copy's Compose project."""

    def __init__(
        self, plan: Plan, root: Path, docker: DockerClient, children: Children, label: str
    ) -> None:
        self.root = root
        self.git = GitRepository(root, children)
        self.command = ComposeCommand(root, plan.target.compose, children)
        self.containers = ProjectContainers(
            docker, self.command.project, root, session=label, log=_say_nothing
        )
        self.runner = ProjectRunner(self.command, docker, self.containers, plan.variables)
        self.psql = Psql(plan.target.database, self.containers)


class Rehearsal:
    """One rehearsal's copy. The target is read, and never written to."""

    def __init__(
        self,
        plan: Plan,
        target: Path,
        *,
        record: RehearsalRecord,
        key: Path,
        workdir: Path | None,
        say: Say,
        now: Now,
    ) -> None:
        self._plan = plan
        self._target = target
        self._record = record
        self._key = key
        self._say = say
        self._now = now
        self._id = f"{now()[:19].replace('-', '').replace(':', '')}-{uuid.uuid4().hex[:6]}"
        own = record.folder(self._id) / "work"
        self._folder = workdir / f"runbook-rehearsal-{self._id}" if workdir else own
        self._docker = DockerClient()
        self._children = Children(_forget)
        self._side = _Side(plan, target, self._docker, self._children, self._id)
        self._begun: Begun | None = None

    @property
    def last(self) -> Begun | None:
        """Its record; None as long as nothing was made."""
        return self._begun

    @property
    def begun(self) -> Begun:
        if self._begun is None:
            raise ActionError("The rehearsal has not begun.")
        return self._begun

    async def plan_names(self) -> tuple[Names, Footing]:
        """Choose the copy's names, having seen that it can be made apart; nothing is made yet.

        Raises:
            UsageError: the copy would share something with the target, or reach outside of it.
            EnvironmentLacks: no engine, no Compose, no port or no subnet.
        """
        await in_thread(self._docker.api)
        await in_thread(check_apart, self._target)
        await self._require_database()
        self._check_place()
        model = await self._side.command.model()
        names = choose(
            model,
            self._plan.variables,
            others=[begun.names for begun in self._record.begun()],
            networks=[*await self._docker.call(_networks), *host_routes()],
            free=port_free,
        )
        text = self._edited(model, names)
        _refuse(shared(model, await self._side.command.model(text), self._target))
        return names, await footing(self._plan, self._target, self._side.git)

    async def _require_database(self) -> None:
        service = self._plan.target.database.service
        if service and await self._side.containers.find(service) is None:
            raise EnvironmentLacks(
                f"The target's database {service} has no container to copy from.",
                hint=f"Start the target: docker compose -f {self._plan.target.compose} up -d",
            )

    def _check_place(self) -> None:
        if self._folder.resolve().is_relative_to(self._target.resolve()):
            raise UsageError(
                "The copy would lie inside of the target.", hint="Give another --workdir."
            )
        within = any((folder / ".git").exists() for folder in self._folder.resolve().parents)
        if within and not (self._target / ".git").exists():
            raise UsageError(
                f"{self._folder.parent} is in a git repository, and the target has none of its own:"
                " commits of the rehearsal would end up there.",
                hint="Give another folder with --workdir.",
            )

    def _edited(self, model: Model, names: Names) -> bytes:
        file = self._plan.target.compose
        before = (self._target / file).read_text(encoding="utf-8")
        return edited(before, lambda document: edit(document, model, names), name=file).encode()

    async def make(self, names: Names) -> Path:
        """Copy the target with its data, and start the copy; its folder."""
        self._begun = Begun(
            id=self._id,
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            target=str(self._target),
            folder=str(self._folder),
            names=names,
            images=await self._docker.call(image_ids),
        )
        self._record.write(self._begun)
        copies = VolumeCopies(self._artefacts(), self._files(), self._now)
        stored = await self._database(copies)
        copy = await self._copy_folder(stored)
        side = _Side(self._plan, copy, self._docker, self._children, self._id)
        model = await self._side.command.model()
        await self._rename(side, model, names)
        await self._fill(side, copies, stored, model)
        self._say("Starting the copy and waiting until it is healthy")
        await side.runner.up(timeout=_UP_LIMIT)
        return copy

    def remember(self, session: str) -> None:
        """Record the session on the copy, so that it goes with it."""
        self._begun = msgspec.structs.replace(self.begun, session=session)
        self._record.write(self._begun)

    async def note_images(self) -> None:
        """Record what the copy's containers are made of: an item may have built an image."""
        used = await self._docker.call(image_names, self.begun.names.project)
        self._begun = msgspec.structs.replace(self.begun, used=tuple(sorted(used)))
        self._record.write(self._begun)

    def keep(self) -> None:
        self._begun = msgspec.structs.replace(self.begun, kept=True)
        self._record.write(self._begun)

    async def close(self) -> None:
        await in_thread(self._docker.close)

    def _artefacts(self) -> FolderArtefacts:
        make_folders(self._folder, 0o700)
        return FolderArtefacts(self._folder, FileKeySealer(self._key))

    def _files(self) -> VolumeFiles:
        return VolumeFiles(self._docker, self._id)

    async def _database(self, copies: VolumeCopies) -> StoredCopy | None:
        if not self._plan.target.database.service:
            return None
        self._say("Copying the database as it runs, and trying the copy out")
        return await copies.take(self._side.psql, _DATABASE)

    async def _copy_folder(self, stored: StoredCopy | None) -> Path:
        copy = self.begun.copy
        self._say(f"Copying {self._target} to {copy}")
        bound = stored is not None and stored.mount.kind == "bind"
        left_out = frozenset([Path(stored.mount.source)] if stored and bound else [])
        work = FolderCopy(self._target, copy, left_out)
        await in_thread(work.run, abandon=work.end)
        return copy

    async def _rename(self, side: _Side, model: Model, names: Names) -> None:
        """Give the copy its names. Where the Compose file was as committed, it is so again."""
        file = self._plan.target.compose
        clean = not await side.git.dirty([file]) and not await side.git.state()
        path = side.root / file
        path.write_bytes(self._edited(model, names))
        _refuse(shared(model, await side.command.model(), side.root))
        if clean:
            await side.git.commit([file], "Give the rehearsal's copy names of its own")

    async def _fill(
        self, side: _Side, copies: VolumeCopies, stored: StoredCopy | None, model: Model
    ) -> None:
        """Make the copy's volumes, and let them hold what the target's do."""
        await self._docker.call(_tag_images, model, self.begun.names)
        answer = await side.command.run("create", "--no-build")
        if not answer.ok:
            raise ActionError(f"The copy's containers could not be made: {words(answer)}")
        resolved = await side.command.model()
        of_copy = {key: v["name"] for key, v in (resolved.get("volumes") or {}).items()}
        own = {v["name"]: of_copy[key] for key, v in (model.get("volumes") or {}).items()}
        if stored is not None:
            await copies.put_back(self._moved(stored, own), None)
        left = {a: b for a, b in own.items() if stored is None or a != stored.mount.source}
        present = await self._docker.call(_volumes)
        for source, place in sorted(left.items()):
            if source in present:
                self._say(f"Copying the volume {source} as it is now")
                image = await self._docker.call(_some_image, self.begun.names.project)
                work = _VolumeCopy(self._docker, source, place, image, self._id)
                await in_thread(work.run, abandon=work.end)

    def _moved(self, stored: StoredCopy, own: Mapping[str, str]) -> StoredCopy:
        """The same copy, to be put into the copy's own volume or folder."""
        source = stored.mount.source
        if stored.mount.kind == "volume":
            if source not in own:
                raise UsageError(f"The database's volume {source} is not in the Compose file.")
            place = own[source]
        else:
            place = str(self.begun.copy / Path(source).relative_to(self._target))
        mount = msgspec.structs.replace(stored.mount, source=place)
        return msgspec.structs.replace(stored, mount=mount)


class _VolumeCopy:
    """One volume's files put into another, which another thread can end."""

    def __init__(
        self, docker: DockerClient, source: str, place: str, image: str, label: str
    ) -> None:
        self._docker = docker
        self._source = source
        self._place = place
        self._image = image
        self._label = label
        self._ended = False

    def end(self) -> None:
        self._ended = True

    def run(self) -> None:
        """Blocks. Both containers are never started.

        The folder itself is in the archive, or its owner and mode would stay behind.
        """
        with self._holding(self._source, True) as old, self._holding(self._place, False) as new:
            pieces, _ = self._docker.use(lambda api: api.get_archive(old, "/volume"))
            self._docker.use(lambda api: api.put_archive(new, "/", self._until_ended(pieces)))

    def _until_ended(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        for piece in pieces:
            if self._ended:
                raise ActionError("The copying was ended.")
            yield piece

    @contextlib.contextmanager
    def _holding(self, volume: str, read_only: bool) -> Iterator[str]:
        mount = {"Type": "volume", "Source": volume, "Target": "/volume", "ReadOnly": read_only}
        config = {
            "Image": self._image,
            "Labels": {SESSION: self._label},
            "HostConfig": {"NetworkMode": "none", "Mounts": [mount]},
        }
        name = f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}"
        made = self._docker.use(lambda api: api.create_container_from_config(config, name))
        try:
            yield made["Id"]
        finally:
            self._docker.use(lambda api: api.remove_container(made["Id"], force=True))


def _tag_images(api: Any, model: Model, names: Names) -> None:
    """Let the copy's image names mean what runs in the target."""
    by_service = {
        c["Labels"].get(SERVICE): c["ImageID"]
        for c in api.containers(all=True, filters={"label": [f"{PROJECT}={names.before}"]})
    }
    for service, spec in model["services"].items():
        if spec.get("build") and service in by_service:
            api.tag(by_service[service], names.image(service), "latest", force=True)


def _volumes(api: Any) -> set[str]:
    return {volume["Name"] for volume in api.volumes()["Volumes"] or ()}


def _some_image(api: Any, project: str) -> str:
    found = api.containers(all=True, filters={"label": [f"{PROJECT}={project}"]})
    return str(found[0]["ImageID"])


def _networks(api: Any) -> list[Network]:
    subnets = [
        str(config.get("Subnet", ":"))
        for network in api.networks()
        for config in (network.get("IPAM") or {}).get("Config") or ()
    ]
    return [Network(subnet, strict=False) for subnet in subnets if ":" not in subnet]


def _refuse(found: Sequence[str]) -> None:
    if found:
        raise UsageError(
            f"A copy would not be apart from the target. It would share {'; '.join(found)}.",
            hint="A rehearsal needs names, ports and mounts that a copy can have of its own.",
        )


async def _forget(_: object) -> None:
    """No engine, no journal: nothing here outlives this process to be found later."""


def _say_nothing(_: bytes) -> None:
    """Log nothing."""
