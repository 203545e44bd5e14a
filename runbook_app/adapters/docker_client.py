"""One client of the Docker engine for the whole process, and its long answers."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from runbook_app.adapters.threads import in_thread
from runbook_app.domain.errors import ActionError, EnvironmentLacks

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")

DEADLINE = 60
"""Seconds without a word from the engine after which a control call fails."""

_DEFAULT = "unix:///var/run/docker.sock"
_CHUNK = 262_144
_HEADER = struct.Struct(">BxxxL")


class Stream:
    """A long answer: read in one thread, closed from any other."""

    def __init__(self, response: Any) -> None:
        self._response = response
        # Below requests and urllib3, as the SDK itself does it: they read a chunk at a time,
        # which is one log line, and offer no way to write or to end a read.
        self._reader = response.raw._fp.fp  # noqa: SLF001
        self._chunked = response.headers.get("Transfer-Encoding", "").lower() == "chunked"

    def chunks(self) -> Iterator[bytes]:
        """Bytes as they come, until the engine ends the answer or somebody closes it.

        Raises:
            OSError: the connection broke.
        """
        blocks = iter(lambda: self._reader.read1(_CHUNK), b"")
        try:
            yield from _unchunk(blocks) if self._chunked else blocks
        except ValueError as error:  # the file below was closed meanwhile
            raise OSError(str(error)) from error

    def frames(self) -> Iterator[list[tuple[int, memoryview]]]:
        """Batches of (1 stdout or 2 stderr, payload) from a multiplexed answer."""
        rest = b""
        for data in self.chunks():
            block = memoryview(rest + data if rest else data)
            batch, position, size = [], 0, len(block)
            while size - position >= 8:
                stream, length = _HEADER.unpack_from(block, position)
                end = position + 8 + length
                if end > size:
                    break
                batch.append((stream, block[position + 8 : end]))
                position = end
            rest = bytes(block[position:])
            if batch:
                yield batch

    def send(self, pieces: Iterable[bytes]) -> None:
        """Write standard input, and end it."""
        for piece in pieces:
            try:
                self._socket.sendall(piece)
            except OSError:  # the command ended without reading it all
                return
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """End the reading; the reader sees the end of the answer."""
        with contextlib.suppress(OSError, AttributeError):  # it has ended already
            self._socket.shutdown(socket.SHUT_RDWR)

    def release(self) -> None:
        self._response.close()

    @property
    def _socket(self) -> socket.socket:
        connection: socket.socket = self._reader.raw._sock  # noqa: SLF001 - see above
        return connection


def _unchunk(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Decode HTTP's chunked encoding, many chunks at once."""
    buffer = b""
    for block in blocks:
        buffer += block
        parts, position = [], 0
        while (eol := buffer.find(b"\r\n", position)) >= 0:
            size = int(buffer[position:eol].partition(b";")[0], 16)
            end = eol + 2 + size + 2
            if size == 0 or end > len(buffer):
                break
            parts.append(buffer[eol + 2 : end - 2])
            position = end
        if parts:
            yield b"".join(parts)
        if eol >= 0 and size == 0:
            return
        buffer = buffer[position:]


class DockerClient:
    """The SDK's low-level client: made when first used, its API version agreed on once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._api: APIClient | None = None

    def api(self) -> APIClient:
        """The SDK's client, for use in a thread.

        Raises:
            EnvironmentLacks: no engine answers.
        """
        with self._lock:
            if self._api is None:
                self._api = _connect()
            return self._api

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Run `function(api, *args)` in a thread; the SDK's errors become ours."""
        return await in_thread(lambda: self.use(function, *args))

    def use(self, function: Callable[..., T], *args: Any) -> T:
        """`call` for code that runs in a thread already."""
        with translated():
            return function(self.api(), *args)

    def open(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str | int] | None = None,
        json: object | None = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Stream:
        """Begin a request whose answer is read as a stream, without a deadline."""
        with translated():
            api = self.api()
            # The SDK's session, without the SDK's reading of the answer: that is several times
            # slower and can't be ended from another thread.
            response = api.request(
                method,
                f"{api.base_url}/v{api.api_version}{path}",
                params=params,
                json=json,
                data=data,
                headers=headers,
                stream=True,
                timeout=None,
            )
            _raise_for_status(response)
            return Stream(response)

    def close(self) -> None:
        with self._lock:
            if self._api is not None:
                self._api.close()
                self._api = None


def _connect() -> APIClient:
    from docker import APIClient
    from docker.errors import DockerException
    from docker.utils import kwargs_from_env

    settings: dict[str, Any] = dict(kwargs_from_env())
    address = settings.setdefault("base_url", _context_host() or _DEFAULT)
    try:
        _knock(address)
        return APIClient(**settings, version="auto", timeout=DEADLINE, max_pool_size=32)
    except (OSError, DockerException) as error:
        raise _no_engine(address, error) from error


def _knock(address: str) -> None:
    """See whether anything answers there: the SDK wraps the system's error many times."""
    if address.startswith("unix://"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(DEADLINE)
            connection.connect(address.removeprefix("unix://"))
    elif address.startswith(("tcp://", "http://", "https://")):
        with contextlib.suppress(ValueError):  # no port: the SDK says so better
            parts = urlsplit(address)
            if parts.hostname and parts.port:
                socket.create_connection((parts.hostname, parts.port), DEADLINE).close()


def _context_host() -> str | None:
    """The engine that `docker context use` chose, as the docker command and Compose take it."""
    from docker.context import ContextAPI

    with contextlib.suppress(Exception):  # an unreadable context file is not ours to judge
        context = ContextAPI.get_current_context()
        if context.name != "default":
            return str(context.Host)
    return None


def _no_engine(address: str, error: Exception) -> EnvironmentLacks:
    if isinstance(error, PermissionError):
        return EnvironmentLacks(
            f"The Docker engine at {address} does not admit this account.",
            hint="Add it to the group `docker` and log in again, or run as root.",
        )
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return EnvironmentLacks(
        f"No Docker engine answers at {address}: {words}.",
        hint="Start one (`systemctl start docker`, or `make engine` in a checkout), "
        "or point DOCKER_HOST to it.",
    )


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Let the SDK's errors out as ours."""
    import requests
    from docker import errors

    try:
        yield
    except errors.ImageNotFound as error:
        raise ActionError(
            f"An image is missing: {error.explanation or error}.", hint="Build or pull it first."
        ) from error
    except errors.APIError as error:
        raise ActionError(f"The Docker engine refused: {error.explanation or error}") from error
    except requests.exceptions.Timeout as error:
        raise ActionError(
            f"The Docker engine did not answer within {DEADLINE} s.",
            hint="It may be overloaded or hung: see `docker info` and its log.",
        ) from error
    except requests.exceptions.ConnectionError as error:
        raise _no_engine(os.environ.get("DOCKER_HOST", _DEFAULT), error) from error


def _raise_for_status(response: Any) -> None:
    from docker import errors
    from requests import HTTPError

    try:
        response.raise_for_status()
    except HTTPError as error:
        errors.create_api_error_from_http_exception(error)
