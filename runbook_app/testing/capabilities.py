"""Capabilities of an action's context, faked: files are real, the rest is told what to answer.

Each change is entered in one history, after its capture: a test of an action can hold the order.
"""

# ruff: noqa: ARG002 - a fake takes all that its port gives, and looks at some of it
from __future__ import annotations

import copy
import functools
import hashlib
import io
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from runbook_app.domain.errors import ActionError, EnvironmentLacks
from runbook_app.ports.capabilities import (
    Attached,
    ComposeEdit,
    ContainerInfo,
    ExecResult,
    FileState,
    Mount,
    PendingContainer,
    PublishedPort,
)


def result(stdout: str | bytes = b"", *, exit_code: int = 0, stderr: str = "") -> ExecResult:
    data = stdout.encode() if isinstance(stdout, str) else stdout
    return ExecResult(exit_code=exit_code, stdout=data, stderr=stderr.encode())


def container(
    service: str,
    *,
    status: str = "running",
    image: str = "",
    ports: Sequence[PublishedPort] = (),
    addresses: Mapping[str, str] | None = None,
) -> ContainerInfo:
    return ContainerInfo(
        id=f"id-{service}",
        name=f"fake-{service}-1",
        service=service,
        image=image or f"{service}:latest",
        status=status,
        health="healthy" if status == "running" else "",
        started_at="2025-10-24T08:00:00Z",
        ports=tuple(ports),
        addresses={"fake_default": "10.0.0.2"} if addresses is None else addresses,
        environment={},
    )


@dataclass(slots=True, kw_only=True)
class History:
    """What was captured and changed, in order, one line each."""

    lines: list[str] = field(default_factory=list)
    watch: Callable[[str], None] = lambda _: None
    """Called with each line once it holds: after a capture and before its change, or after that."""

    def capture(self, kind: str, name: str) -> None:
        line = f"capture {kind} {name}"
        if line not in self.lines:
            self.lines.append(line)
        self.watch(line)

    def change(self, text: str, *, of: str = "") -> None:
        """Enter a change; `of` is what has to have been captured, such as `database db`.

        Raises:
            AssertionError: it was not.
        """
        if of and of not in self.captured:
            raise AssertionError(f"{text}: {of} was not captured before")
        self.lines.append(text)
        self.watch(text)

    @property
    def captured(self) -> list[str]:
        """What was captured, such as `file nginx/nginx.conf`."""
        return [line.removeprefix("capture ") for line in self.lines if line.startswith("capture ")]

    @property
    def changes(self) -> list[str]:
        return [line for line in self.lines if not line.startswith("capture ")]


Seen = tuple[int, bytes]
"""Mode and bytes of a file."""


def seen(path: Path) -> Seen | None:
    return (path.stat().st_mode, path.read_bytes()) if path.is_file() else None


@dataclass(slots=True, kw_only=True)
class FakeFiles:
    """Real files below a folder. Owners are noted, not set: that would need root."""

    root: Path
    history: History
    owners: dict[str, int] = field(default_factory=dict)
    captured: dict[Path, Seen | None] = field(default_factory=dict)
    """What each file was when it was first captured; None: it was not there."""

    def path(self, relative: str) -> Path:
        path = (self.root / relative).resolve()
        if not path.is_relative_to(self.root.resolve()):
            raise ActionError(f"{relative} leaves the target.", hint="Name a file inside it.")
        return path

    def exists(self, relative: str) -> bool:
        return self.path(relative).exists()

    def state(self, relative: str) -> FileState | None:
        path = self.path(relative)
        if not path.exists():
            return None
        status, data = path.stat(), path.read_bytes()
        return FileState(
            mode=status.st_mode & 0o7777,
            uid=self.owners.get(relative, status.st_uid),
            gid=status.st_gid,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def read(self, relative: str) -> bytes:
        return self.path(relative).read_bytes()

    async def write(
        self, relative: str, data: bytes, *, mode: int | None = None, uid: int | None = None
    ) -> bool:
        before = self.state(relative)
        wanted = mode if mode is not None else (before.mode if before else 0o644)
        owner = uid if uid is not None or before is None else before.uid
        if before and (before.mode, before.uid) == (wanted, owner) and self.read(relative) == data:
            return False
        self._capture(relative)
        path = self.path(relative)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        path.chmod(wanted)
        if uid is not None:
            self.owners[relative] = uid
        self.history.change(f"write {relative} {wanted:04o}", of=f"file {relative}")
        return True

    async def remove(self, relative: str) -> bool:
        if not self.exists(relative):
            return False
        self._capture(relative)
        self.path(relative).unlink()
        self.history.change(f"remove {relative}", of=f"file {relative}")
        return True

    async def capture(self, relative: str) -> None:
        self._capture(relative)

    def _capture(self, relative: str) -> None:
        self.captured.setdefault(self.path(relative), seen(self.path(relative)))
        self.history.capture("file", relative)


Execute = Callable[[str, Sequence[str], bytes], ExecResult]
"""Service, command, standard input."""
RunOnce = Callable[[str, Sequence[str], Mapping[str, str]], ExecResult]
"""Image, command, environment."""


@dataclass(slots=True, kw_only=True)
class FakeContainers:
    history: History
    running: dict[str, ContainerInfo] = field(default_factory=dict)
    on_execute: Execute = lambda *_: result()
    on_run_once: RunOnce = lambda *_: result()
    images: dict[str, str] = field(default_factory=dict)
    histories: dict[str, bytes] = field(default_factory=dict)
    on_logs: Callable[[str], bytes] = lambda _: b""
    executed: list[tuple[str, ...]] = field(default_factory=list)
    """The service, then the command."""
    environments: list[Mapping[str, str]] = field(default_factory=list)
    once: list[tuple[str, ...]] = field(default_factory=list)
    """The image, then the command."""
    mounts: list[Sequence[Mount]] = field(default_factory=list)

    async def find(self, service: str) -> ContainerInfo | None:
        return self.running.get(service)

    async def list(self) -> Sequence[ContainerInfo]:
        return [*self.running.values()]

    async def networks(self) -> Sequence[str]:
        return sorted({name for info in self.running.values() for name in info.addresses})

    async def execute(
        self,
        service: str,
        argv: Sequence[str],
        *,
        user: str = "",
        environment: Mapping[str, str] | None = None,
        workdir: str = "",
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        if service not in self.running:
            raise ActionError(f"The service {service} does not run.")
        self.executed.append((service, *argv))
        self.environments.append(dict(environment or {}))
        return self.on_execute(service, argv, stdin)

    async def run_once(
        self,
        image: str,
        argv: Sequence[str],
        *,
        network: str = "",
        mounts: Sequence[Mount] = (),
        environment: Mapping[str, str] | None = None,
        user: str = "",
        entrypoint: Sequence[str] | None = None,
        extra_hosts: Mapping[str, str] | None = None,
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        self.once.append((image, *argv))
        self.mounts.append(mounts)
        return self.on_run_once(image, argv, dict(environment or {}))

    async def build(
        self, context: str, tag: str, *, dockerfile: str = "Dockerfile", pull: bool = False
    ) -> str:
        self.images[tag] = f"sha256:{hashlib.sha256(tag.encode()).hexdigest()}"
        self.history.change(f"build {tag}")
        return self.images[tag]

    async def image_id(self, tag: str) -> str | None:
        return self.images.get(tag)

    async def image_history(self, image: str) -> bytes:
        return self.histories.get(image, b"[]")

    async def logs(self, service: str, *, since: str = "", tail: int | None = None) -> bytes:
        return self.on_logs(service)


@dataclass(slots=True, kw_only=True)
class FakeCompose:
    """A Compose file that is edited in place, comments kept; what runs is what the test says."""

    files: FakeFiles
    file: str = "docker-compose.yml"
    differences: list[str] = field(default_factory=list)
    """What `settled` returns; `up` clears it."""
    touched: list[PendingContainer] = field(default_factory=list)
    """What `pending` returns, besides what is asked to be made anew."""
    fails: str = ""
    """When set, `up` fails with these words."""

    def document(self) -> Mapping[str, Any]:
        return read_compose(self.files.read(self.file))

    async def project(self) -> str:
        return str(self.document().get("name", "fake"))

    async def edit(self, change: ComposeEdit) -> bool:
        document: Any = copy.deepcopy(read_compose(self.files.read(self.file)))
        change(document)
        text = io.BytesIO()
        _yaml().dump(document, text)
        return await self.files.write(self.file, text.getvalue())

    async def capture(self) -> None:
        self.files.history.capture("project", await self.project())

    async def up(self, *, timeout: timedelta = timedelta(minutes=3)) -> None:
        project = await self.project()
        await self.capture()
        if self.fails:
            raise ActionError(self.fails)
        self.files.history.change("up", of=f"project {project}")
        self.differences.clear()

    async def pending(self, *anew: str) -> Sequence[PendingContainer]:
        known = {change.service for change in self.touched}
        project = await self.project()
        more = [
            PendingContainer(service=name, name=f"{project}-{name}-1", change="is made anew")
            for name in anew
            if name not in known
        ]
        return [*self.touched, *more]

    async def settled(self) -> Sequence[str]:
        return [*self.differences]


@functools.lru_cache(maxsize=64)
def read_compose(data: bytes) -> Mapping[str, Any]:
    """What a Compose file says; reading one takes long, and tests ask again and again."""
    loaded: Mapping[str, Any] = _yaml().load(data)
    return loaded


def _yaml() -> Any:
    from ruamel.yaml import YAML  # only for tests that edit a Compose file

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.width = 4096
    return yaml


@dataclass(slots=True, kw_only=True)
class FakeShell:
    programs: dict[str, Callable[[Sequence[str]], ExecResult]] = field(default_factory=dict)
    executed: list[tuple[str, ...]] = field(default_factory=list)
    environments: list[Mapping[str, str]] = field(default_factory=list)

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        if argv[0] not in self.programs:
            raise EnvironmentLacks(f"There is no program {argv[0]}.", hint="Install it.")
        self.executed.append(tuple(argv))
        self.environments.append(dict(environment or {}))
        return self.programs[argv[0]](argv)

    def which(self, name: str) -> str | None:
        return f"/usr/bin/{name}" if name in self.programs else None


@dataclass(slots=True, kw_only=True)
class FakeRecord:
    written: list[tuple[str, bytes]] = field(default_factory=list)

    attached: list[bytes] = field(default_factory=list)

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        yield from self.written

    def attach(self, file: Path) -> Attached:
        try:
            data = file.read_bytes()
        except OSError as error:
            raise ActionError(f"{file} can't be read: {error.strerror}.") from error
        self.attached.append(data)
        sha256 = hashlib.sha256(data).hexdigest()
        return Attached(path=f"attachments/{file.name}", size=len(data), sha256=sha256)


@dataclass(slots=True, kw_only=True)
class FakeGit:
    """A repository by hand: dirty is what the test says, ignored what it or .gitignore says."""

    root: Path | None = None
    why_not: str = ""
    changed: set[str] = field(default_factory=set)
    ignores: set[str] = field(default_factory=set)

    async def state(self) -> str:
        return self.why_not

    async def dirty(self, paths: Sequence[str]) -> Sequence[str]:
        return [path for path in paths if path in self.changed]

    async def ignored(self, paths: Sequence[str]) -> Sequence[str]:
        file = self.root / ".gitignore" if self.root else None
        lines = file.read_text().splitlines() if file and file.exists() else []
        return [path for path in paths if path in self.ignores or f"/{path}" in lines]

    async def commit(self, paths: Sequence[str], message: str) -> str:
        return "0" * 40

    async def head(self) -> str:
        return "0" * 40

    async def find_commit(self, trailer: str) -> str:
        return ""

    async def unstage(self, paths: Sequence[str]) -> None:
        """Nothing is staged."""

    async def exclude(self, paths: Sequence[str]) -> None:
        self.ignores.update(paths)
