"""What an action may do to the target, one protocol a kind of thing.

Every changing method takes a capture first, by itself, and makes it durable before the effect.
Blocking calls run in threads inside the adapters; a cancelled call returns only when its thread
or child has really ended. All paths are relative to the target and may not leave it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from runbook_app.domain.errors import NotMeasured


@dataclass(frozen=True, slots=True, kw_only=True)
class FileState:
    mode: int
    uid: int
    gid: int
    size: int
    sha256: str


class Files(Protocol):
    """The target's files."""

    def path(self, relative: str) -> Path:
        """Absolute path of a file of the target.

        Raises:
            ActionError: it leaves the target, by `..` or by a symbolic link.
        """

    def exists(self, relative: str) -> bool: ...

    def state(self, relative: str) -> FileState | None:
        """None when there is no such file."""

    def read(self, relative: str) -> bytes: ...

    async def write(
        self, relative: str, data: bytes, *, mode: int | None = None, uid: int | None = None
    ) -> bool:
        """Capture, then write atomically (never visible half, never readable too widely).

        `mode` None keeps the file's mode, or 0644 for a new one. Makes missing folders (0755).
        Returns false, and changes nothing, when content, mode and owner are already so.
        """

    async def remove(self, relative: str) -> bool:
        """Capture, then remove; false when there was none."""

    async def capture(self, relative: str) -> None:
        """Capture what a command of the action's own is about to change, or to make."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedPort:
    host_ip: str
    host_port: int
    container_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInfo:
    id: str
    name: str
    service: str
    image: str
    status: str
    """As the engine says: `running`, `exited`, …"""
    health: str
    """`healthy`, `unhealthy`, `starting`, or empty without a healthcheck."""
    started_at: str
    ports: tuple[PublishedPort, ...]
    addresses: Mapping[str, str]
    """IPv4 address by network name."""
    environment: Mapping[str, str]
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The engine's whole inspect answer."""

    @property
    def cut_off(self) -> bool:
        """Whether it runs, and is attached to no network: nothing reaches it then."""
        mode = str(self.raw.get("HostConfig", {}).get("NetworkMode", ""))
        return self.status == "running" and not self.addresses and not mode.startswith("container:")

    def must_be_attached(self) -> None:
        """Refuse to go on with a container that is cut off.

        Raises:
            NotMeasured: it is.
        """
        if self.cut_off:
            raise NotMeasured(
                f"The service {self.service} is cut off: its container {self.name} runs, and is"
                " attached to no network.",
                hint="Attach it again, under the name that others know it by:"
                f" docker network connect --alias {self.service} NETWORK {self.name}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecResult:
    exit_code: int
    stdout: bytes
    stderr: bytes

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A bind mount for a throwaway container; `source` is absolute."""

    source: Path
    target: str
    read_only: bool = True


class Containers(Protocol):
    """The target's containers, through the Docker SDK."""

    async def find(self, service: str) -> ContainerInfo | None:
        """The service's container, running or not; None when there is none."""

    async def list(self) -> Sequence[ContainerInfo]:
        """All containers of the target's Compose project."""

    async def networks(self) -> Sequence[str]:
        """Names of the project's networks."""

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
        """Run a command in a running container; output goes to the log as it comes.

        Raises:
            ActionError: the service does not run, or the time is over (the command was ended).
        """

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
        """Run a throwaway container to its end and remove it, also when it fails.

        It is labelled `runbook.session` and its name starts with `runbook_probe_`.
        `network` empty means none at all.
        """

    async def build(
        self, context: str, tag: str, *, dockerfile: str = "Dockerfile", pull: bool = False
    ) -> str:
        """Build an image from a folder of the target, streaming the log; returns its id."""

    async def image_id(self, tag: str) -> str | None: ...

    async def image_history(self, image: str) -> bytes:
        """What an image was made of and is started with, as the engine's JSON."""

    async def logs(self, service: str, *, since: str = "", tail: int | None = None) -> bytes:
        """The engine's stored log of a service, stdout and stderr together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingContainer:
    """What bringing a Compose project up would do to one container."""

    service: str
    name: str
    """Of the container; of the service for one that is not there yet."""
    change: str
    """`is made`, `is made anew`, `is started`, `is restarted` or `is removed`."""


ComposeEdit = Callable[[MutableMapping[str, Any]], None]


class Compose(Protocol):
    """The target's Compose project."""

    @property
    def file(self) -> str:
        """Path of the Compose file, relative to the target."""

    def document(self) -> Mapping[str, Any]:
        """The Compose file as data."""

    async def project(self) -> str:
        """Name of the project."""

    async def edit(self, change: ComposeEdit) -> bool:
        """Capture, then change the Compose file in place; comments and order are kept.

        The result is validated by Compose before it replaces the file. Returns false when the
        edit changed nothing.
        """

    async def up(self, *, timeout: timedelta = timedelta(minutes=3)) -> None:
        """Capture the project, then `up -d --wait --remove-orphans`.

        Raises:
            ActionError: a container did not get healthy; the message names it and ends with
                its last log lines. A port that is taken is named with the way to change it.
        """

    async def capture(self) -> None:
        """Capture the project, which a command of the action's own is about to change."""

    async def pending(self, *anew: str) -> Sequence[PendingContainer]:
        """Whom `up` would touch, by the Compose file as it stands; those that it leaves alone are
        left out. `anew` are services whose part of the file is going to change before that."""

    async def settled(self) -> Sequence[str]:
        """What differs between the Compose file and what runs: one line each, empty when all
        services run, are healthy, have the file's configuration, and there are no orphans."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    status: int
    headers: Sequence[tuple[str, str]]
    """In order, duplicates kept, names in lower case."""
    body: bytes
    seconds: float
    http_version: str

    def header(self, name: str) -> str | None:
        """The first value, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key == wanted), None)

    def all(self, name: str) -> Sequence[str]:
        wanted = name.lower()
        return [value for key, value in self.headers if key == wanted]


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """Outcome of one TLS handshake attempt."""

    ok: bool
    version: str
    cipher: str
    certificate: bytes
    """The peer's certificate, DER; empty when there was none."""
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Latencies of one load run, seconds; failures are answers other than the expected one."""

    samples: Sequence[float]
    failures: int
    statuses: Mapping[int, int]
    seconds: float
    concurrency: int
    warmup: int
    connection: str
    """`keep-alive` or `new`."""

    def percentile(self, share: float) -> float:
        """Nearest-rank percentile, seconds; `share` between 0 and 1."""
        ordered = sorted(self.samples)
        return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


class Http(Protocol):
    """HTTP and TLS from this machine, on loopback."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        ca: Path | None = None,
        headers: Mapping[str, str] | None = None,
        json: object | None = None,
        content: bytes | None = None,
        form: Mapping[str, str] | None = None,
        http2: bool = False,
        timeout: timedelta = timedelta(seconds=10),
    ) -> Response:
        """One request, redirects not followed, the chain always verified: with `ca` if given,
        else with the system's.

        Raises:
            ActionError: no answer; the message tells refused, timed out, or TLS and why.
        """

    async def handshake(
        self,
        host: str,
        port: int,
        *,
        server_name: str = "localhost",
        minimum: str = "",
        maximum: str = "",
        ciphers: str = "",
        ca: Path | None = None,
        verify: bool = True,
        alpn: Sequence[str] = (),
    ) -> Handshake:
        """One TLS handshake; versions are written `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`.
        Old versions are offered with OpenSSL's security level 0, or they would not be at all."""

    async def load(
        self,
        url: str,
        *,
        requests: int,
        concurrency: int,
        warmup: int,
        ca: Path | None = None,
        expect: int = 200,
        keep_alive: bool = True,
        timeout: timedelta = timedelta(seconds=10),
    ) -> Latency:
        """A bounded load test against one URL."""


class Shell(Protocol):
    """Commands on this machine; each child is journaled before it is used."""

    async def run(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=5),
        log: bool = True,
    ) -> ExecResult:
        """Run in the target's folder, without a shell.

        Raises:
            EnvironmentLacks: there is no such program.
            ActionError: the time is over (the child was ended).
        """

    def which(self, name: str) -> str | None: ...


class Secrets(Protocol):
    """Secret values the session knows, so that nothing else ever shows them."""

    def register(self, name: str, value: str) -> None:
        """From now on the value is written as `[secret:NAME]` everywhere."""

    def generate(self, name: str, length: int = 32) -> bytes:
        """Random bytes; registered, as hex and as base64, before they are returned."""

    def known(self, name: str) -> Sequence[str]:
        """The values registered by this name in this session, also by an earlier engine; oldest
        first."""

    def recipient(self) -> str:
        """Fingerprint of the key that `seal` seals to, a passphrase's too; empty for none."""

    def seal(self, name: str, value: bytes) -> str:
        """Seal what only the operator may open; returns the file's path in the session's folder.

        Raises:
            NeedsRecipient: the operator gave no key and no passphrase to seal to.
        """


class Record(Protocol):
    """What this session has written down about itself."""

    def pieces(self) -> Iterator[tuple[str, bytes]]:
        """Every text of the journal and the log, with the name of where it is stored.

        Raises:
            NotMeasured: one of them can't be read.
        """

    def attach(self, file: Path) -> Attached:
        """Copy a file into the session's folder, readable by its owner alone.

        Raises:
            ActionError: there is none that can be read, or it is too large.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """A file that somebody gave as evidence."""

    path: str
    """Of the copy, in the session's folder."""
    size: int
    """Bytes."""
    sha256: str


class Git(Protocol):
    """The target's repository, as the session uses it for commits."""

    async def state(self) -> str:
        """Empty when commits are possible, else why not (`no repository`, `HEAD is detached`,
        `user.name is not set`)."""

    async def dirty(self, paths: Sequence[str]) -> Sequence[str]:
        """Those of the paths that differ from HEAD; untracked ones count, ignored ones don't."""

    async def ignored(self, paths: Sequence[str]) -> Sequence[str]: ...

    async def commit(self, paths: Sequence[str], message: str) -> str:
        """Commit exactly these paths, hooks included; the operator's index stays as it was.

        Returns the commit's id, or an empty string when they don't differ from HEAD.

        Raises:
            ActionError: it could not be made; the hook's or git's own words are in the message.
        """

    async def head(self) -> str: ...

    async def find_commit(self, trailer: str) -> str:
        """Id of the newest commit on HEAD's history whose message has this line, or empty."""

    async def unstage(self, paths: Sequence[str]) -> None:
        """Have the index hold these paths as HEAD does; the files stay as they are.

        A commit that was cut short may have reached the branch and not the index.
        """

    async def exclude(self, paths: Sequence[str]) -> None:
        """List paths in the repository's local exclude file, once."""
