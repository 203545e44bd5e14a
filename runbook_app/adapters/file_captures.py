"""Capturing a file of the target, and putting it back byte for byte, with mode and owner."""

from __future__ import annotations

import difflib
import hashlib
import os
import stat
from pathlib import Path

import msgspec

from runbook_app.adapters.durable import make_folders, missing_folders, sync_folder, write_durably
from runbook_app.adapters.threads import in_thread
from runbook_app.adapters.within import aside, canonical, place
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.events import CaptureTaken
from runbook_app.ports.capabilities import Git
from runbook_app.ports.target import Prior

_PRIVATE = (".pem", ".key", ".p12", ".pfx", ".env", ".htpasswd", ".pgpass")
_PRIVATE_WORDS = ("secret", "password", "credential", "token", ".env")
_SHOWN = 256 * 1024
"""A larger file is shown as its hash alone."""


class Packed(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A file at one moment, as a capture holds it. Fields may only be added at the end."""

    version: int
    exists: bool
    data: bytes = b""
    mode: int = 0
    uid: int = 0
    gid: int = 0
    missing: tuple[str, ...] = ()
    """Folders that did not exist, outermost first, relative to the target."""


class FileCapturable:
    """Implements `ports.target.Capturable` for files, by their name within the target."""

    kind = "file"
    rank = 0

    def __init__(self, root: Path, git: Git | None = None) -> None:
        self._root = root.resolve()
        self._git = git

    async def prior(self, name: str) -> Prior:
        name = canonical(self._root, name)
        packed = await in_thread(self._pack, name)
        return Prior(
            kind=self.kind,
            name=name,
            content=msgspec.msgpack.encode(packed),
            summary=_summary(packed),
            dirty=await self._dirty(name),
        )

    async def _dirty(self, name: str) -> bool:
        """Without a usable repository nothing is committed, so nothing needs to be kept apart."""
        if self._git is None:
            return False
        try:
            return bool(await self._git.dirty([name]))
        except RunbookError:
            return False

    def _pack(self, name: str) -> Packed:
        path = place(self._root, name)
        status = stat_file(path, name)
        if status is None:
            missing = missing_folders(path.parent)
            names = tuple(folder.relative_to(self._root).as_posix() for folder in missing)
            return Packed(version=1, exists=False, missing=names)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ActionError(
                f"{name} can't be captured, so it may not be changed: {error.strerror}.",
                hint="Make it readable for this account, then retry the step.",
            ) from error
        return Packed(
            version=1,
            exists=True,
            data=data,
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
        )

    async def state(self, name: str) -> str:
        return await in_thread(self._state, name)

    def _state(self, name: str) -> str:
        path = place(self._root, name)
        if path.is_symlink():
            return f"a link to {path.readlink()}"
        return _summary(self._pack(name)) if path.exists() else "absent"

    async def restore(self, taken: CaptureTaken, content: bytes) -> bool:
        return await in_thread(self._restore, taken.name, _unpack(taken.name, content))

    def _restore(self, name: str, packed: Packed) -> bool:
        path = place(self._root, name)
        try:
            aside(path).unlink(missing_ok=True)
            if packed.exists:
                return self._put_back(path, name, packed)
            return self._take_away(path, packed.missing)
        except OSError as error:
            raise ActionError(
                f"{name} could not be restored: {error.strerror}.",
                hint="Check its folder's permissions and the space on its disk, then roll back "
                "again: the capture is kept.",
            ) from error

    def _put_back(self, path: Path, name: str, packed: Packed) -> bool:
        if not path.is_symlink() and self._pack(name) == packed:
            return False
        make_folders(path.parent, 0o755)
        owner = (packed.uid, packed.gid)
        write_durably(path, packed.data, mode=packed.mode, owner=owner, aside=aside(path))
        return True

    def _take_away(self, path: Path, missing: tuple[str, ...]) -> bool:
        """Remove the file, then the folders that were made for it and hold nothing else."""
        changed = path.is_symlink() or path.exists()
        if changed:
            path.unlink()
            sync_folder(path.parent)
        for folder in reversed([self._root / name for name in missing]):
            if not folder.is_dir() or any(folder.iterdir()):
                break
            folder.rmdir()
            sync_folder(folder.parent)
            changed = True
        return changed

    async def difference(self, taken: CaptureTaken, content: bytes, *, since: bool = False) -> str:
        packed = _unpack(taken.name, content)
        return await in_thread(self._difference, taken.name, packed, since)

    def _difference(self, name: str, packed: Packed, since: bool) -> str:
        path = place(self._root, name)
        if path.is_symlink():
            return f"{name}: a link to {path.readlink()} now, {_summary(packed)} before"
        now = self._pack(name)
        if _same(now, packed):
            return ""
        if shown_whole(name, now, packed):
            return _unified(name, now, packed, since=since)
        return f"{name}: {_summary(now)} now, {_summary(packed)} before"


def stat_file(path: Path, name: str) -> os.stat_result | None:
    """Status of a regular file; None when there is nothing.

    Raises:
        ActionError: something else is there.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ActionError(f"{name} can't be looked at: {error.strerror}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise ActionError(
            f"{name} is not a regular file.", hint="Only regular files are read and written."
        )
    return status


def _unpack(name: str, content: bytes) -> Packed:
    try:
        return msgspec.msgpack.decode(content, type=Packed)
    except msgspec.MsgspecError as error:
        raise ActionError(
            f"The capture of {name} can't be read: {error}.",
            hint="Restore the session's captures from a backup.",
        ) from error


def _same(now: Packed, before: Packed) -> bool:
    """Folders that are missing now say nothing about the file."""
    return msgspec.structs.replace(now, missing=()) == msgspec.structs.replace(before, missing=())


def _summary(packed: Packed) -> str:
    if not packed.exists:
        return "absent"
    digest = hashlib.sha256(packed.data).hexdigest()
    owner = f"{packed.uid}:{packed.gid}"
    return f"{len(packed.data)} bytes, mode {packed.mode:04o}, owner {owner}, sha256 {digest}"


def shown_whole(name: str, *states: Packed) -> bool:
    """Text that others may read; a private or binary file is shown as its hash."""
    lower = name.lower()
    if lower.endswith(_PRIVATE) or any(word in Path(lower).name for word in _PRIVATE_WORDS):
        return False
    return text_for_all(*states)


def text_for_all(*states: Packed) -> bool:
    """Whether all versions are text that other accounts may read, and none is a key."""
    for state in states:
        if state.exists and not state.mode & 0o077:
            return False
        if len(state.data) > _SHOWN or b"\0" in state.data or b"PRIVATE KEY-----" in state.data:
            return False
        try:
            state.data.decode()
        except UnicodeDecodeError:
            return False
    return True


def _unified(name: str, now: Packed, before: Packed, *, since: bool) -> str:
    old, new = (before, "before"), (now, "now")
    if not since:
        old, new = new, old
    # Without a line that differs it is mode, owner, or the last line's end.
    return unified(name, old, new) or f"{name}: {_summary(now)} now, {_summary(before)} before"


def unified(name: str, old: tuple[Packed, str], new: tuple[Packed, str]) -> str:
    """A unified diff of two versions of a text, each with what it is called; empty when no line
    differs."""
    sides = [
        (packed.data.decode().splitlines(), f"{name} {called} ({attributes(packed)})")
        for packed, called in (old, new)
    ]
    (before, before_name), (after, after_name) = sides
    return "\n".join(difflib.unified_diff(before, after, before_name, after_name, lineterm=""))


def attributes(packed: Packed) -> str:
    """Mode and owner, for people."""
    if not packed.exists:
        return "absent"
    return f"mode {packed.mode:04o}, owner {packed.uid}:{packed.gid}"
