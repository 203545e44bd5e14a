"""A cluster's files in a volume: put there from a tar, and a server tried out on them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from runbook_app.adapters.docker import PROBE_PREFIX, SESSION, container_info
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import ContainerInfo

_PLACE = "/volume"
_NEW = ".runbook-new"
_MAKE_ROOM = f'rm -rf "{_PLACE}/{_NEW}" && mkdir -m 0700 "{_PLACE}/{_NEW}"'
_SWAP = f"""
set -eu
new={_PLACE}/{_NEW}; data="{_PLACE}/$1"
owner=$(stat -c %u:%g "$new/PG_VERSION")
if [ ! -d "$data" ]; then mkdir -p "$data"; chmod 0700 "$data"; fi
find "$data" -mindepth 1 -maxdepth 1 ! -name {_NEW} -exec rm -rf {{}} +
find "$new" -mindepth 1 -maxdepth 1 -exec mv {{}} "$data/" \\;
rmdir "$new"
chown "$owner" "$data"
sync
"""


class DataMount(msgspec.Struct, frozen=True, kw_only=True):
    """Where a cluster lies."""

    kind: str
    """`volume` or `bind`."""
    source: str
    """The volume's name, or a folder of this machine."""
    target: str
    """Where it is mounted."""
    folder: str
    """The cluster's folder below it; `.` for the mount itself."""

    def mounted(self, target: str) -> dict[str, Any]:
        return {"Type": self.kind, "Source": self.source, "Target": target}


def data_mount(container: ContainerInfo, data_directory: str) -> DataMount:
    """The mount of a container that holds a folder.

    Raises:
        ActionError: none does, so the data dies with the container.
    """
    place = PurePosixPath(data_directory)
    around = [m for m in container.raw["Mounts"] if place.is_relative_to(m["Destination"])]
    if not around:
        raise ActionError(
            f"{data_directory} of {container.name} is in no volume.",
            hint="Give the database's data a volume first; now it dies with its container.",
        )
    mount = max(around, key=lambda m: len(m["Destination"]))
    return DataMount(
        kind=mount["Type"],
        source=mount.get("Name") or mount["Source"],
        target=mount["Destination"],
        folder=str(place.relative_to(mount["Destination"])),
    )


class VolumeFiles:
    """Works on volumes by throwaway containers of the database's own image."""

    def __init__(self, docker: DockerClient, session: str) -> None:
        self._docker = docker
        self._session = session

    async def replace(self, mount: DataMount, image: str, tar: Iterator[bytes]) -> None:
        """Let a cluster's folder hold what a tar holds; no server may run on it.

        The tar is unpacked whole beside the old files before these go. Safe to repeat.
        """
        filling = _Filling(self._docker, mount, image, self._label())
        await in_thread(filling.run, tar, abandon=filling.end)

    async def new_volume(self) -> str:
        name = f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}"
        await self._docker.call(lambda api: api.create_volume(name, labels=self._label()))
        return name

    async def start_like(self, container: ContainerInfo, mount: DataMount) -> ContainerInfo:
        """Start a container with another's image and settings on a volume of its own: no network,
        no published port, its other mounts read-only."""
        config = _clone(container.raw, mount, self._label())
        name = f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}"

        def start(api: Any) -> ContainerInfo:
            made = api.create_container_from_config(config, name)
            api.start(made["Id"])
            return container_info(api.inspect_container(made["Id"]))

        return await self._docker.call(start)

    async def status(self, container: str) -> str:
        raw = await self._docker.call(lambda api: api.inspect_container(container))
        return str(raw["State"]["Status"])

    async def last_words(self, container: str) -> str:
        said = await self._docker.call(lambda api: api.logs(container, tail=5))
        return str(said.decode("utf-8", "replace")).strip()

    async def stop(self, container: str) -> None:
        await self._docker.call(lambda api: api.stop(container, timeout=50))

    async def remove(self, *, container: str = "", volume: str = "") -> None:
        from docker.errors import NotFound

        def remove(api: Any) -> None:
            if container:
                with contextlib.suppress(NotFound):
                    api.remove_container(container, force=True, v=True)
            if volume:
                with contextlib.suppress(NotFound):
                    api.remove_volume(volume)

        await self._docker.call(remove)

    def _label(self) -> dict[str, str]:
        return {SESSION: self._session}


def _clone(raw: Mapping[str, Any], data: DataMount, labels: dict[str, str]) -> dict[str, Any]:
    host, config = dict(raw["HostConfig"]), raw["Config"]
    mounts = [
        {
            "Type": m["Type"],
            "Source": m.get("Name") or m["Source"],
            "Target": m["Destination"],
            "ReadOnly": True,
        }
        for m in raw["Mounts"]
        if m["Destination"] != data.target and m["Type"] in ("bind", "volume")
    ]
    host |= {
        "NetworkMode": "none",
        "PortBindings": {},
        "RestartPolicy": {"Name": "no"},
        "Links": None,
        "ExtraHosts": None,
        "Binds": None,
        "VolumesFrom": None,
        "Mounts": [*mounts, data.mounted(data.target)],
    }
    kept = ("Cmd", "Entrypoint", "User", "Env", "WorkingDir", "StopSignal")
    command = list(config.get("Cmd") or [])
    return {
        **{key: config.get(key) for key in kept},
        "Image": raw["Image"],
        "Cmd": [*command, *_HARMLESS] if _is_postgres(command) else command,
        "Labels": labels,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": host,
    }


_HARMLESS = [
    *("-c", "listen_addresses="),
    *("-c", "archive_mode=off"),
    *("-c", "logging_collector=off"),
]


def _is_postgres(command: list[str]) -> bool:
    return bool(command) and (command[0] == "postgres" or command[0].startswith("-"))


class _Filling:
    """One replacement of a folder, which another thread can end."""

    def __init__(
        self, docker: DockerClient, mount: DataMount, image: str, labels: dict[str, str]
    ) -> None:
        self._docker = docker
        self._mount = mount
        self._image = image
        self._labels = labels
        self._ended = False

    def run(self, tar: Iterator[bytes]) -> None:
        """Blocks."""
        with self._container("sh", "-c", _MAKE_ROOM) as container:
            self._finish(container)
        with self._container("sh", "-c", _SWAP, "sh", self._mount.folder) as container:
            self._docker.use(
                lambda api: api.put_archive(container, f"{_PLACE}/{_NEW}", self._until_ended(tar))
            )
            self._finish(container)

    def end(self) -> None:
        self._ended = True

    @contextlib.contextmanager
    def _container(self, *argv: str) -> Iterator[str]:
        config = {
            "Image": self._image,
            "Entrypoint": list(argv),
            "Cmd": [],
            "User": "0",
            "Labels": self._labels,
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {"NetworkMode": "none", "Mounts": [self._mount.mounted(_PLACE)]},
        }
        name = f"{PROBE_PREFIX}{uuid.uuid4().hex[:12]}"
        made = self._docker.use(lambda api: api.create_container_from_config(config, name))
        try:
            yield made["Id"]
        finally:
            self._docker.use(lambda api: api.remove_container(made["Id"], force=True, v=True))

    def _finish(self, container: str) -> None:
        self._docker.use(lambda api: api.start(container))
        code = self._docker.use(lambda api: api.wait(container, timeout=600))["StatusCode"]
        if code != 0:
            said = self._docker.use(lambda api: api.logs(container, tail=5))
            raise ActionError(
                f"The files of {self._mount.source} could not be replaced: "
                f"{said.decode('utf-8', 'replace').strip()}",
                hint="See that the disk has space for two copies of the database.",
            )

    def _until_ended(self, tar: Iterator[bytes]) -> Iterator[bytes]:
        for piece in tar:
            if self._ended:
                raise ActionError("Putting the files back was ended.")
            yield piece
