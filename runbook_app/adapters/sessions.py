"""The sessions of this machine: one private folder each, named so that they sort by time."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import msgspec

from runbook_app.adapters.clock import SystemClock
from runbook_app.adapters.durable import make_folders, sync_folder, write_durably
from runbook_app.domain.clock import to_text
from runbook_app.domain.errors import EnvironmentLacks, UsageError
from runbook_app.ports.clock import Clock
from runbook_app.ports.sessions import SessionSummary

__all__ = ["SessionFolders", "SessionSummary"]

_META = "session.json"
_JOURNAL = "journal.db"
_NAME = re.compile(r"(\d{4})(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-.+")
_SHOWN = 5


class _Meta(msgspec.Struct, frozen=True, kw_only=True):
    plan: str
    title: str
    target: str
    created: str


class SessionFolders:
    """Makes and finds session folders. One counts as a session from its journal on."""

    def __init__(self, home: Path, clock: Clock | None = None) -> None:
        self._home = home
        self._clock = clock or SystemClock()

    def create(self, plan_id: str, target: Path, *, title: str = "") -> Path:
        """Make a folder (0700) for a new session; its name is the session's id."""
        now = self._clock.now()
        name = f"{now:%Y%m%d-%H%M%S}-{_slug(plan_id)}-{secrets.token_hex(2)}"
        folder = self._home / name
        meta = _Meta(
            plan=plan_id, title=title or plan_id, target=str(target.resolve()), created=to_text(now)
        )
        try:
            make_folders(self._home, 0o700)
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)
            sync_folder(self._home)
            write_durably(folder / _META, msgspec.json.encode(meta))
        except OSError as error:
            raise EnvironmentLacks(
                f"The session's folder {folder} can't be made: {error.strerror}.",
                hint=f"Make {self._home} writable and see that its disk has space, "
                "or set RUNBOOK_HOME.",
            ) from error
        return folder

    def list(self, target: Path | None = None) -> list[SessionSummary]:
        """Sessions, newest first; those on one target when it is given."""
        found = [_summary(path.parent) for path in self._home.glob(f"*/{_JOURNAL}")]
        if target is not None:
            wanted = target.resolve()
            found = [summary for summary in found if summary.target == wanted]
        return sorted(found, key=lambda summary: (summary.created, summary.id), reverse=True)

    def latest(self, target: Path) -> SessionSummary | None:
        return next(iter(self.list(target)), None)

    def find(self, prefix: str) -> SessionSummary:
        """Find a session by its id, by the beginning of it, or by its last four characters.

        Raises:
            UsageError: there is none, or more than one.
        """
        sessions = self.list()
        matches = [s for s in sessions if s.id == prefix] or [
            s
            for s in sessions
            if prefix and (s.id.startswith(prefix) or s.id.endswith("-" + prefix))
        ]
        if len(matches) == 1:
            return matches[0]
        if matches:
            names = ", ".join(s.id for s in matches[:_SHOWN])
            raise UsageError(
                f"{prefix!r} fits {len(matches)} sessions: {names}.",
                hint="Write more of the session's id.",
            )
        newest = ", ".join(s.id for s in sessions[:_SHOWN])
        raise UsageError(
            f"There is no session {prefix!r} in {self._home}.",
            hint=f"The newest are {newest}." if newest else "Start one with `runbook open`.",
        )


def _summary(folder: Path) -> SessionSummary:
    try:
        meta = msgspec.json.decode((folder / _META).read_bytes(), type=_Meta)
    except (OSError, msgspec.MsgspecError):
        meta = _Meta(plan="", title="", target="", created=_created(folder.name))
    return SessionSummary(
        id=folder.name,
        folder=folder,
        plan=meta.plan,
        title=meta.title,
        target=Path(meta.target) if meta.target else None,
        created=meta.created,
    )


def _created(name: str) -> str:
    """A session's start as its name tells it."""
    found = _NAME.fullmatch(name)
    return "{}-{}-{}T{}:{}:{}.000Z".format(*found.groups()) if found else ""


def _slug(plan_id: str, length: int = 32) -> str:
    text = re.sub(r"[^a-z0-9]+", "-", plan_id.lower()).strip("-")
    if len(text) > length:
        text = text[: length + 1].rpartition("-")[0] or text[:length]
    return text or "plan"
