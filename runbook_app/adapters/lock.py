"""The driver's lock: an flock on the target's folder itself, gone with the process.

Who holds it is written to a file in `home/locks/`; the file's time of change is the heartbeat.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from runbook_app.adapters.children import start_time
from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.displacing import end_holder
from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.domain.clock import format_duration, to_text
from runbook_app.domain.errors import EnvironmentLacks, LockedError
from runbook_app.domain.times import at_second
from runbook_app.ports.clock import Clock

BEAT = 10.0
"""Seconds between two heartbeats."""
STALE = timedelta(minutes=1)
"""An engine that has shown no life for longer hangs, or was stopped from outside."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a target, for the message to others."""

    session: str
    operator: str
    host: str
    pid: int
    pid_started: str
    since: str
    beats: bool = False
    """Whether it shows life: an engine does, a measurement without a session does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What the details say of a lock, and how its holder lost it."""

    holder: Holder
    heartbeat: datetime
    how: str = "ended"
    """`ended` before anybody wanted the lock; `stopped` or `killed` by a take-over."""


class TargetLock:
    """Implements `ports.journal.Lock`.

    The target gets no file; who holds it is written to `home/locks/`.
    """

    def __init__(self, target: Path, home: Path, clock: Clock | None = None) -> None:
        self._target = target
        self._home = home
        self._clock = clock or SystemClock()
        self._descriptor: int | None = None
        self._next_beat = 0.0

    def acquire(
        self, session: str, operator: str, *, beats: bool = False, take_over: bool = False
    ) -> Held | None:
        """Take the lock, with `take_over` from whoever holds it.

        `beats` promises that `beat` is called again and again. Returns who held it before: the one
        that was displaced, or whose process had ended and left the details behind.

        Raises:
            LockedError: another driver holds it, and is not or can't be displaced.
            EnvironmentLacks: the target or the details can't be opened or written.
        """
        if self._descriptor is not None:
            return None
        descriptor = self._open()
        try:
            before = self._lock(descriptor, take_over=take_over) or self._look(descriptor)
            self._record(descriptor, session, operator, beats=beats)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return before

    def beat(self) -> None:
        """Show life; called often, it writes every `BEAT` seconds."""
        if self._descriptor is not None and self._clock.monotonic() >= self._next_beat:
            self._show_life(self._descriptor)

    def _show_life(self, descriptor: int) -> None:
        self._next_beat = self._clock.monotonic() + BEAT
        now = self._clock.now().timestamp()
        with contextlib.suppress(OSError):  # the details are gone: then nobody is told anything
            os.utime(self._details(descriptor), (now, now))

    def refusal(self) -> LockedError | None:
        """What another driver is told; None when nobody that runs has recorded the lock."""
        descriptor = self._open()
        try:
            return self._locked(descriptor) if self.holder(descriptor) else None
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        try:
            return os.open(self._target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise EnvironmentLacks(
                f"The target {self._target} can't be opened: {error.strerror}.",
                hint="Name an existing folder with --target.",
            ) from error

    def _lock(self, descriptor: int, *, take_over: bool) -> Held | None:
        """Lock the folder; returns who was displaced for it."""
        if self._could_lock(descriptor):
            return None
        displaced = self._displace(descriptor) if take_over else None
        if displaced is None or not self._could_lock(descriptor):
            raise self._locked(descriptor)
        return displaced

    def _could_lock(self, descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise EnvironmentLacks(
                f"The target {self._target} can't be locked: {error.strerror}.",
                hint="Use a target on a local file system.",
            ) from error
        return True

    def _displace(self, descriptor: int) -> Held | None:
        """End the holder's process; None when nobody is known that could be ended.

        Raises:
            LockedError: it is not to be ended from here.
        """
        held = self._look(descriptor)
        if held is None or self.holder(descriptor) is None:
            return None
        holder = held.holder
        if holder.host != socket.gethostname():
            raise LockedError(
                f"{self._who(held)} A process can't be ended from another machine, so it is not"
                " taken over.",
                hint=f"End it on {holder.host}, with: kill {holder.pid}",
            )
        if not holder.beats:
            raise LockedError(
                f"{self._who(held)} It is no engine and can't stop at a safe point, so it is not"
                " taken over.",
                hint=f"Wait until it has ended, or end it with: kill {holder.pid}",
            )
        how = end_holder(holder.pid, holder.pid_started, ask=not self._stale(held))
        return replace(held, how=how)

    def _locked(self, descriptor: int) -> LockedError:
        held = self._look(descriptor)
        if held is None or self.holder(descriptor) is None:
            return LockedError(
                f"Another driver holds {self._target}; who it is was not recorded in {self._home}.",
                hint="It may belong to another account or RUNBOOK_HOME; wait until it has ended.",
            )
        return LockedError(self._who(held), hint=self._way(held))

    def _who(self, held: Held) -> str:
        holder, life = held.holder, ""
        at, age = at_second(to_text(held.heartbeat)), format_duration(self._age(held))
        if self._stale(held):
            life = f"; its engine has shown no life for {age}, since {at}"
        elif holder.beats:
            life = f"; last heartbeat {age} ago, at {at}"
        return (
            f"Session {holder.session} holds {self._target}: driven by {holder.operator} on "
            f"{holder.host}, process {holder.pid}, since {holder.since}{life}."
        )

    def _way(self, held: Held) -> str:
        holder = held.holder
        if not holder.beats:
            return "Wait until it has ended, and try again."
        attach = f"Watch or drive it with: runbook attach {holder.session}"
        if holder.host != socket.gethostname():
            return f"{attach}, on {holder.host}; or stop it there and try again."
        if self._stale(held):
            return (
                f"Look at process {holder.pid}. To end it and drive here: --take-over REASON, with"
                " run, resume or rollback."
            )
        return f"{attach}, or end its engine at the next safe point with: kill {holder.pid}"

    def _stale(self, held: Held) -> bool:
        return held.holder.beats and self._age(held) > STALE

    def _age(self, held: Held) -> timedelta:
        """Of the heartbeat, in whole seconds; none where a clock was set back."""
        age = (self._clock.now() - held.heartbeat).total_seconds()
        return timedelta(seconds=max(0, int(age)))

    def holder(self, descriptor: int) -> Holder | None:
        """Who recorded the lock and still runs; None when nobody did.

        What runs on another machine can't be seen from here, and is believed.
        """
        held = self._look(descriptor)
        if held is None:
            return None
        holder = held.holder
        elsewhere = holder.host != socket.gethostname()
        return holder if elsewhere or start_time(holder.pid) == holder.pid_started else None

    def _look(self, descriptor: int) -> Held | None:
        """What the details say, whether or not it still holds."""
        path = self._details(descriptor)
        try:
            holder = msgspec.json.decode(path.read_bytes(), type=Holder)
            heartbeat = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, msgspec.MsgspecError):
            return None
        return Held(holder=holder, heartbeat=heartbeat)

    def _record(self, descriptor: int, session: str, operator: str, *, beats: bool) -> None:
        holder = Holder(
            session=session,
            operator=operator,
            host=socket.gethostname(),
            pid=os.getpid(),
            pid_started=start_time(os.getpid()) or "",
            since=to_text(self._clock.now()),
            beats=beats,
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
        self._show_life(descriptor)

    def _details(self, descriptor: int) -> Path:
        status = os.fstat(descriptor)
        return self._home / "locks" / f"{status.st_dev}-{status.st_ino}.json"

    def release(self) -> None:
        if self._descriptor is None:
            return
        descriptor, self._descriptor = self._descriptor, None
        self._details(descriptor).unlink(missing_ok=True)
        os.close(descriptor)
