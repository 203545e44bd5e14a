"""The driver's lock: an flock on the target's folder itself, gone with the process."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from pathlib import Path

import msgspec

from runbook_app.adapters.children import start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import EnvironmentLacks, LockedError
from runbook_app.ports.clock import Clock


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a target, for the message to others."""

    session: str
    operator: str
    host: str
    pid: int
    pid_started: str
    since: str


class TargetLock:
    """Implements `ports.journal.Lock`.

    The target gets no file; who holds it is written to `home/locks/`.
    """

    def __init__(self, target: Path, home: Path, clock: Clock | None = None) -> None:
        self._target = target
        self._home = home
        self._clock = clock or SystemClock()
        self._descriptor: int | None = None

    def acquire(self, session: str, operator: str) -> None:
        if self._descriptor is not None:
            return
        descriptor = self._open()
        try:
            self._lock(descriptor)
            self._record(descriptor, session, operator)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor

    def _open(self) -> int:
        try:
            return os.open(self._target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise EnvironmentLacks(
                f"The target {self._target} can't be opened: {error.strerror}.",
                hint="Name an existing folder with --target.",
            ) from error

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise self._locked(descriptor) from None
            raise EnvironmentLacks(
                f"The target {self._target} can't be locked: {error.strerror}.",
                hint="Use a target on a local file system.",
            ) from error

    def _locked(self, descriptor: int) -> LockedError:
        holder = self.holder(descriptor)
        if holder is None:
            return LockedError(
                f"Another driver holds {self._target}; who it is was not recorded in {self._home}.",
                hint="It may belong to another account or RUNBOOK_HOME; wait until it has ended.",
            )
        return LockedError(
            f"Session {holder.session} holds {self._target}: driven by {holder.operator} on "
            f"{holder.host}, process {holder.pid}, since {holder.since}.",
            hint=f"Watch or drive it with `runbook attach {holder.session}`, or stop it there "
            "and try again.",
        )

    def holder(self, descriptor: int) -> Holder | None:
        """Who recorded the lock and still runs; None when nobody did."""
        try:
            holder = msgspec.json.decode(self._details(descriptor).read_bytes(), type=Holder)
        except (OSError, msgspec.MsgspecError):
            return None
        return holder if start_time(holder.pid) == holder.pid_started else None

    def _record(self, descriptor: int, session: str, operator: str) -> None:
        holder = Holder(
            session=session,
            operator=operator,
            host=socket.gethostname(),
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            since=to_text(self._clock.now()),
        )
        path = self._details(descriptor)
        try:
            make_folders(path.parent, 0o700)
            write_durably(path, msgspec.json.encode(holder))
        except OSError as error:
            raise EnvironmentLacks(
                f"The lock's details can't be written to {path}: {error.strerror}.",
                hint=f"Make {self._home} writable, or set RUNBOOK_HOME.",
            ) from error

    def _details(self, descriptor: int) -> Path:
        status = os.fstat(descriptor)
        return self._home / "locks" / f"{status.st_dev}-{status.st_ino}.json"

    def release(self) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        self._details(descriptor).unlink(missing_ok=True)
        os.close(descriptor)
