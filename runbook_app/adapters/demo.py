"""The sample target: copied, filled in, built and started."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import shutil
import ssl
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from runbook_app.adapters.children import Children
from runbook_app.adapters.compose_engine import find_compose, words
from runbook_app.adapters.compose_file import loaded
from runbook_app.adapters.demo_settings import (
    Network,
    Settings,
    choose,
    fill,
    host_routes,
    port_free,
)
from runbook_app.adapters.docker import PROJECT, SERVICE, WORKING_DIR
from runbook_app.adapters.docker_build import Build
from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError, EnvironmentLacks, RunbookError, UsageError
from runbook_app.ports.capabilities import ExecResult
from runbook_app.resources import sample_target

COMPOSE = "docker-compose.staging.yml"
MARKER = Path(".runbook") / "demo.json"
BASE_IMAGE = "debian:bookworm-slim"
_NOT_COPIED = shutil.ignore_patterns(
    "__pycache__", "*.pyc", ".*_cache", ".coverage", ".env", ".venv"
)
_START_LIMIT = timedelta(minutes=5)
_GIT_LIMIT = timedelta(minutes=1)
_LAST_LINES = 15
_PORT_TAKEN = re.compile(r"port is already allocated|address already in use", re.IGNORECASE)

Say = Callable[[str], None]


class Demo:
    """One copy of the sample target in a folder."""

    def __init__(self, folder: Path, *, say: Say, project: str = "") -> None:
        self._folder = folder.expanduser().absolute()
        self._say = say
        self._project = project
        self._docker = DockerClient()
        self._children = Children(_forget)

    def prepare(self) -> str:
        """Make the demo or take the one that is there, start it, and return its URL.

        Raises:
            UsageError: the folder holds something else.
            EnvironmentLacks: no engine, no Compose, no port or no right to write.
        """
        return asyncio.run(self._prepare())

    def remove(self) -> None:
        """Remove its containers, volumes and networks, then the folder.

        Raises:
            UsageError: the folder is no demo.
        """
        asyncio.run(self._remove())

    async def _prepare(self) -> str:
        await in_thread(self._docker.api)
        await find_compose(self._children)
        with _one_at_a_time():
            settings = self._existing()
            if settings:
                self._say(f"{self._folder} holds a demo already, project {settings.project}.")
            else:
                settings = await self._create()
            await self._build_images()
            await self._start(settings)
        url = await in_thread(_url, settings.api_port)
        self._say(f"The demo answers at {url} (Compose project {settings.project}).")
        return url

    # Making

    def _existing(self) -> Settings | None:
        found = read_marker(self._folder)
        if found is None and self._folder.exists() and any(self._folder.iterdir()):
            raise UsageError(
                f"{self._folder} is not empty, and no demo.",
                hint="Give an empty or a new folder: runbook demo DIR",
            )
        return found

    async def _create(self) -> Settings:
        settings = choose(
            project=self._project,
            others=await self._docker.call(_other_demos),
            networks=[*await self._docker.call(_docker_networks), *host_routes()],
            free=port_free,
        )
        self._say(f"Copying the sample target to {self._folder}")
        try:
            copy_sample(sample_target(), self._folder, settings)
        except OSError as error:
            raise EnvironmentLacks(
                f"The demo can't be written to {self._folder}: {error.strerror}.",
                hint="Give a folder that this account may write to, on a disk with space.",
            ) from error
        await self._commit()
        return settings

    async def _commit(self) -> None:
        """Make it a repository with one commit."""
        await self._git("init", "--quiet", "--initial-branch=main")
        for key, value in (("user.name", "runbook demo"), ("user.email", "demo@localhost")):
            if not (await self._run_git("config", "--get", key)).ok:
                await self._git("config", key, value)
        await self._git("add", "--all")
        await self._git(
            "-c",
            "commit.gpgsign=false",
            "commit",
            "--quiet",
            "--no-verify",
            "--message=Import the customer accounts service",
        )

    async def _git(self, *arguments: str) -> None:
        answer = await self._run_git(*arguments)
        if not answer.ok:
            said = answer.stderr.decode("utf-8", "replace").strip()
            raise ActionError(f"git {arguments[0]} failed in {self._folder}: {said}")

    async def _run_git(self, *arguments: str) -> ExecResult:
        removed = [name for name in os.environ if name.startswith("GIT_")]
        return await self._children.run(
            ["git", *arguments],
            cwd=self._folder,
            environment={**dict.fromkeys(removed), "GIT_TERMINAL_PROMPT": "0"},
            timeout=_GIT_LIMIT,
        )

    # Starting

    async def _build_images(self) -> None:
        for image, context, dockerfile in _builds(self._folder):
            self._say(f"Building {image}; what has not changed comes from the cache")
            build = Build(
                self._docker, context, image, dockerfile=dockerfile, log=_Steps(self._say)
            )
            try:
                await in_thread(build.run, abandon=build.end)
            except ActionError as error:
                raise await self._not_built(error) from error

    async def _not_built(self, error: ActionError) -> RunbookError:
        if await self._docker.call(_has_image, BASE_IMAGE):
            return error
        return EnvironmentLacks(
            f"The base image {BASE_IMAGE} is not here and could not be pulled: {error.message}",
            hint="Without a container registry: `make base` in a checkout makes it from packages.",
        )

    async def _start(self, settings: Settings) -> None:
        self._say("Starting it and waiting until it is healthy")
        answer = await self._compose(
            "-f", str(self._folder / COMPOSE), "up", "--detach", "--wait", "--no-build"
        )
        if answer.ok:
            return
        said = words(answer)
        if _PORT_TAKEN.search(said):
            raise EnvironmentLacks(
                f"A port of the demo is taken: {said}",
                hint=f"Stop what listens there, then: runbook demo {self._folder}",
            )
        raise ActionError(
            f"The demo did not start: {said}\n{await self._last_words(settings)}".rstrip(),
            hint=f"Mend the cause, then: runbook demo {self._folder}",
        )

    async def _last_words(self, settings: Settings) -> str:
        """The last log lines of the containers that are not healthy."""
        return await self._docker.call(_unhealthy_logs, settings.project)

    async def _compose(self, *arguments: str) -> ExecResult:
        command = await find_compose(self._children)
        own = {name: None for name in os.environ if name.startswith("COMPOSE_")}
        return await self._children.run(
            [*command, "--ansi", "never", "--progress", "quiet", *arguments],
            cwd=self._folder,
            environment=own,
            timeout=_START_LIMIT,
        )

    # Removing

    async def _remove(self) -> None:
        settings = read_marker(self._folder)
        if settings is None:
            raise UsageError(f"{self._folder} is no demo, so it is not removed.")
        answer = await self._compose(
            "--project-name", settings.project, "down", "--volumes", "--remove-orphans"
        )
        if not answer.ok:
            raise ActionError(f"The demo could not be taken down: {words(answer)}")
        await in_thread(shutil.rmtree, self._folder)
        self._say(f"Removed {self._folder} and the containers and volumes of {settings.project}.")


def copy_sample(source: Path, folder: Path, settings: Settings) -> None:
    """Copy the sample and fill its tokens in; the marker is written last."""
    shutil.copytree(source, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)
    tokens = settings.tokens()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            _fill_file(path, tokens)
    marker = folder / MARKER
    marker.parent.mkdir(exist_ok=True)
    marker.write_bytes(msgspec.json.encode(settings))


def _fill_file(path: Path, tokens: dict[str, str]) -> None:
    data = path.read_bytes()
    if b"@@" not in data:
        return
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return
    path.write_text(fill(text, tokens, name=path.name), encoding="utf-8")


def read_marker(folder: Path) -> Settings | None:
    """The settings of the demo in a folder; None when it holds none."""
    try:
        return msgspec.json.decode((folder / MARKER).read_bytes(), type=Settings)
    except (OSError, msgspec.DecodeError):
        return None


class _Steps:
    """Says the steps of a build that are really run, and nothing of their output."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._step = ""

    def __call__(self, data: bytes) -> None:
        for line in data.decode("utf-8", "replace").splitlines():
            if line.startswith("Step "):
                self._step = line[:100]
            elif line.startswith(" ---> Running in") and self._step:
                self._say(f"  {self._step}")
                self._step = ""


def _builds(folder: Path) -> list[tuple[str, Path, str]]:
    """Image, context and Dockerfile of each service that says how it is built."""
    model = loaded((folder / COMPOSE).read_text(encoding="utf-8"), name=COMPOSE)
    return [
        (str(service["image"]), folder / build["context"], str(build["dockerfile"]))
        for service in model["services"].values()
        if (build := service.get("build"))
    ]


def _other_demos(api: Any) -> list[Settings]:
    """Demos with containers on this engine, running or not."""
    containers = api.containers(all=True, filters={"label": WORKING_DIR})
    folders = {container["Labels"][WORKING_DIR] for container in containers}
    return [found for folder in folders if (found := read_marker(Path(folder)))]


def _docker_networks(api: Any) -> list[Network]:
    configs = [
        config
        for network in api.networks()
        for config in (network.get("IPAM") or {}).get("Config") or []
    ]
    subnets = [str(config.get("Subnet", ":")) for config in configs]
    return [Network(subnet, strict=False) for subnet in subnets if ":" not in subnet]


def _has_image(api: Any, tag: str) -> bool:
    return bool(api.images(name=tag))


def _unhealthy_logs(api: Any, project: str) -> str:
    parts = []
    for container in api.containers(all=True, filters={"label": f"{PROJECT}={project}"}):
        if "(healthy)" in container["Status"]:
            continue
        log = api.logs(container["Id"], tail=_LAST_LINES).decode("utf-8", "replace").rstrip()
        parts.append(f"{container['Labels'].get(SERVICE, '?')}, {container['Status']}:\n{log}")
    return "\n".join(parts)


def _url(port: int) -> str:
    """How the API answers now: plainly at first, by HTTPS after the plan's second item."""
    plain = f"http://127.0.0.1:{port}/health"
    try:
        with urllib.request.urlopen(plain, timeout=5):
            return plain
    except (urllib.error.URLError, OSError, ssl.SSLError):
        return f"https://localhost:{port}/health"


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Wait for other demos of this account that are being prepared: they pick ports too."""
    path = Path(tempfile.gettempdir()) / f"runbook-demo-{os.getuid()}.lock"
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


async def _forget(_: object) -> None:
    """No engine, no journal: nothing here outlives this process to be found later."""
