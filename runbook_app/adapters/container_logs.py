"""Draining the logs of a project's containers, each in a thread of its own at full speed.

The engine may end a followed log early, without a word, when its reader is slow. So the bytes
that came are counted, and after the container's end its whole stored log is read again and what
is missing is added. A log can't be read again once its container is removed.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from runbook_app.adapters.docker import ONE_OFF, PROJECT, SERVICE, engine_time
from runbook_app.adapters.docker_client import DockerClient, Stream
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.events import LogLost

Write = Callable[[str, bytes], None]

_AGAIN = 1.0
"""Seconds between attempts to reach an engine that went away."""
_STOP_LIMIT = 5.0
_LINE_LIMIT = 65_536


class ContainerLogs:
    """Follows all containers of a project, those that come later included.

    `write(service, lines)` is called from the containers' threads, with whole lines.
    """

    def __init__(self, docker: DockerClient, write: Write) -> None:
        self._docker = docker
        self._write = write
        self._project = ""
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._followed: dict[str, _Log] = {}
        """By container."""
        self._threads: list[threading.Thread] = []
        self._events: Stream | None = None

    def start(self, project: str) -> None:
        """Follow from now on; blocks until the running containers are followed."""
        self._project = project
        ready = threading.Event()
        self._begin(lambda: self._watch(ready), "log events")
        ready.wait(_STOP_LIMIT)

    def stop(self) -> list[LogLost]:
        """End the draining; blocks. Returns what of ended containers did not arrive."""
        self._stopping.set()
        with self._changed:
            threads, logs = list(self._threads), list(self._followed.values())
            self._changed.notify_all()
        if self._events:
            self._events.close()
        for log in logs:
            log.stop_following()
        deadline = time.monotonic() + _STOP_LIMIT
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [log.lost() for log in logs if log.ended and not log.whole]

    def _begin(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=work, name=name, daemon=True)
        with self._changed:
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _watch(self, ready: threading.Event) -> None:
        """Follow what runs, then what starts; an engine that went away is waited for."""
        since = ""
        while not self._stopping.is_set():
            with contextlib.suppress(RunbookError, OSError):
                since = since or engine_time(self._docker.use(lambda api: api.info()["SystemTime"]))
                self._events = self._open_events(since)
                self._follow_running(since)
                ready.set()
                for event in _events(self._events):
                    self._take(event, since)
            self._stopping.wait(_AGAIN)

    def _open_events(self, since: str) -> Stream:
        wanted = {
            "type": ["container"],
            "event": ["start", "die"],
            "label": [f"{PROJECT}={self._project}"],
        }
        stream = self._docker.open(
            "GET", "/events", params={"since": since, "filters": json.dumps(wanted)}
        )
        if self._stopping.is_set():
            stream.close()
        return stream

    def _take(self, event: dict[str, Any], since: str) -> None:
        container = event["Actor"]["ID"]
        if event["Action"] == "start":
            self._follow(container, since)
        elif log := self._followed.get(container):
            with self._changed:
                log.died = max(log.died, event["timeNano"])  # heard again after a lost connection
                self._changed.notify_all()

    def _follow_running(self, since: str) -> None:
        wanted = {"label": [f"{PROJECT}={self._project}"]}
        for entry in self._docker.use(lambda api: api.containers(filters=wanted)):
            self._follow(entry["Id"], since)

    def _follow(self, container: str, since: str) -> None:
        """Have a container's log drained that was started, by the thread that does it already."""
        with contextlib.suppress(RunbookError):  # removed already
            log = self._followed.get(container) or self._log_of(container, since)
            with self._changed:
                if not log:
                    return
                self._followed[container] = log
                log.starts += 1
                if log.idle:
                    log.idle = False
                    self._begin(lambda: self._drain(log), f"log of {log.service or container}")

    def _log_of(self, container: str, since: str) -> _Log | None:
        raw = self._docker.use(lambda api: api.inspect_container(container))
        labels = raw["Config"]["Labels"] or {}
        if labels.get(ONE_OFF) == "True":
            return None
        return _Log(self._docker, raw, labels.get(SERVICE, ""), since, self._write)

    def _drain(self, log: _Log) -> None:
        while not self._stopping.is_set():
            with self._changed:
                starts = log.starts
            log.follow(self._stopping)
            if self._stopping.is_set():
                break
            # The engine ended the answer too early.
            if log.died <= log.complete_to and log.goes_on():
                self._stopping.wait(_AGAIN)
                continue
            log.complete(self._end_of(log))
            with self._changed:
                if starts == log.starts:
                    log.idle = True
                    return
        log.finish()

    def _end_of(self, log: _Log) -> int:
        """When the newest run heard of ended; 0 when the engine does not tell."""
        with self._changed:
            self._changed.wait_for(
                lambda: log.died > log.complete_to or self._stopping.is_set(), _STOP_LIMIT
            )
            return log.died if log.died > log.complete_to else 0


class _Log:
    """The log of one container, over all its runs: one row of bytes, read from one place on.

    The engine's events tell of a run's start and end later than they happen, and a followed answer
    may hold the next run's lines too. So what has arrived is counted from a moment on which both
    sides agree, the end of a run, and never told apart by run.
    """

    def __init__(
        self, docker: DockerClient, raw: dict[str, Any], service: str, since: str, write: Write
    ) -> None:
        self.service = service
        self.starts = 0
        self.idle = True
        """No thread drains it: it never ran, or is complete up to its newest end."""
        self.died = 0
        """Nanoseconds since the epoch: the newest end of a run that the engine told."""
        self.complete_to = 0
        """The end of a run (as `died`) up to which all is passed on; what counts begins there."""
        self.ended = False
        """It was followed to a run's end."""
        self.whole = False
        """The stored log was read again, and nothing of it is missing here."""
        self._docker = docker
        self._container: str = raw["Id"]
        self._tty = raw["Config"]["Tty"]
        self._since = since
        self._write = write
        self._line = b""
        self._bytes = 0
        self._lines = 0
        self._expected = 0
        self._following: Stream | None = None

    def follow(self, stopping: threading.Event) -> None:
        """Read until the engine ends the answer; what had arrived before is left out."""
        self.ended = False
        with contextlib.suppress(RunbookError, OSError):
            stream = self._following = self._open(follow=1)
            if stopping.is_set():
                stream.close()
            self._take_new(stream)
        self._following = None

    def stop_following(self) -> None:
        if stream := self._following:
            stream.close()

    def goes_on(self) -> bool:
        """Whether the container still runs, or its log can't tell."""
        with contextlib.suppress(RunbookError):
            raw = self._docker.use(lambda api: api.inspect_container(self._container))
            return bool(raw["State"]["Running"])
        return False

    def complete(self, until: int) -> None:
        """Read the stored log again up to a run's end (0: all of it), and add what is missing."""
        self.ended, self.whole = True, False
        size = 0
        try:
            size, self._expected = self._take_new(self._open(follow=0, until=until))
        except ActionError:
            # Removed, or a log driver that can't be read back: there is nothing to compare with.
            self._expected = self._lines
        except (RunbookError, OSError):
            return
        self.whole = self._lines >= self._expected
        if size == self._bytes or not size:
            self.finish()
        if until and self.whole:
            self._since, self.complete_to = _moment(until), until
            self._bytes -= size
            self._lines, self._expected = (self._lines - self._expected if self._bytes else 0), 0

    def lost(self) -> LogLost:
        return LogLost(source=self.service, expected=self._expected, stored=self._lines)

    def finish(self) -> None:
        """End the last line."""
        if self._line:
            self._lines += 1
            self._write(self.service, self._line + b"\n")
            self._line = b""

    def _open(self, *, follow: int, until: int = 0) -> Stream:
        return self._docker.open(
            "GET",
            f"/containers/{self._container}/logs",
            params={
                "stdout": 1,
                "stderr": 1,
                "follow": follow,
                "since": self._since,
                **({"until": _moment(until)} if until else {}),
            },
        )

    def _take_new(self, stream: Stream) -> tuple[int, int]:
        """Pass on what comes after the bytes that have arrived; how many bytes and whole lines."""
        position = lines = 0
        try:
            for block in self._blocks(stream):
                lines += block.count(b"\n")
                known = max(0, self._bytes - position)
                position += len(block)
                if known < len(block):
                    self._pass_on(block[known:])
        finally:
            stream.release()
        return position, lines

    def _blocks(self, stream: Stream) -> Iterator[bytes]:
        if self._tty:
            return stream.chunks()
        return (b"".join(data for _, data in batch) for batch in stream.frames())

    def _pass_on(self, block: bytes) -> None:
        self._bytes += len(block)
        data = self._line + block if self._line else block
        end = data.rfind(b"\n") + 1
        if not end and len(data) >= _LINE_LIMIT:
            end = len(data)
        self._line = data[end:]
        if end:
            self._lines += data.count(b"\n", 0, end)
            self._write(self.service, data[:end])


def _moment(nanoseconds: int) -> str:
    """A time as the engine's parameters have it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{seconds}.{rest:09}"


def _events(stream: Stream) -> Iterator[dict[str, Any]]:
    rest = b""
    try:
        for data in stream.chunks():
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line.strip():
                    yield json.loads(line)
    finally:
        stream.release()
