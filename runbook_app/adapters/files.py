"""The target's files: written only after their prior state is captured, and put back exactly.

A file is replaced by renaming a new one over it, so nobody ever sees half of it. A container that
has this one file bind-mounted keeps the old one until it restarts; a mounted folder shows the new.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from runbook_app.adapters.durable import make_folders, sync_folder, write_durably
from runbook_app.adapters.file_captures import FileCapturable, stat_file
from runbook_app.adapters.threads import in_thread
from runbook_app.adapters.within import aside, canonical, inside
from runbook_app.domain.errors import ActionError
from runbook_app.ports.capabilities import FileState, Git
from runbook_app.ports.target import Capture

__all__ = ["FileCapturable", "TargetFiles"]

_NEW_FILE = 0o644
_NEW_FOLDER = 0o755


class TargetFiles:
    """Implements `ports.capabilities.Files`; `capture` is called before every change."""

    def __init__(self, root: Path, capture: Capture, git: Git | None = None) -> None:
        self._root = root.resolve()
        self._capture = capture
        self._prior = FileCapturable(root, git)

    def path(self, relative: str) -> Path:
        return inside(self._root, relative)

    def exists(self, relative: str) -> bool:
        return self.path(relative).exists()

    def state(self, relative: str) -> FileState | None:
        path = self.path(relative)
        status = stat_file(path, relative)
        if status is None:
            return None
        data = _read(path, relative)
        return FileState(
            mode=status.st_mode & 0o7777,
            uid=status.st_uid,
            gid=status.st_gid,
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )

    def read(self, relative: str) -> bytes:
        return _read(self.path(relative), relative)

    async def write(
        self, relative: str, data: bytes, *, mode: int | None = None, uid: int | None = None
    ) -> bool:
        name = canonical(self._root, relative)
        wanted = await in_thread(self._wanted, name, data, mode, uid)
        if wanted is None:
            return False
        await self._capture(await self._prior.prior(name))
        await in_thread(self._write, name, data, *wanted)
        return True

    def _wanted(
        self, name: str, data: bytes, mode: int | None, uid: int | None
    ) -> tuple[int, int, int] | None:
        """Mode and owner that the file is to have; None when all is so already."""
        before = self.state(name)
        if before is None:
            owner = os.geteuid() if uid is None else uid
            return (_NEW_FILE if mode is None else mode), owner, -1
        wanted = (
            before.mode if mode is None else mode,
            before.uid if uid is None else uid,
            before.gid,
        )
        same = wanted == (before.mode, before.uid, before.gid)
        return None if same and self.read(name) == data else wanted

    def _write(self, name: str, data: bytes, mode: int, uid: int, gid: int) -> None:
        path = self._root / name
        try:
            make_folders(path.parent, _NEW_FOLDER)
            write_durably(path, data, mode=mode, owner=(uid, gid), aside=aside(path))
        except OSError as error:
            raise _failed("written", name, error) from error

    async def remove(self, relative: str) -> bool:
        name = canonical(self._root, relative)
        if stat_file(self._root / name, name) is None:
            return False
        await self._capture(await self._prior.prior(name))
        await in_thread(self._remove, name)
        return True

    async def capture(self, relative: str) -> None:
        await self._capture(await self._prior.prior(canonical(self._root, relative)))

    def _remove(self, name: str) -> None:
        path = self._root / name
        try:
            path.unlink()
            sync_folder(path.parent)
        except OSError as error:
            raise _failed("removed", name, error) from error


def _read(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ActionError(
            f"The target has no file {name}.", hint="Check the path in the step's parameters."
        ) from error
    except OSError as error:
        raise _failed("read", name, error) from error


def _failed(doing: str, name: str, error: OSError) -> ActionError:
    return ActionError(
        f"The target's file {name} could not be {doing}: {error.strerror}.",
        hint="Check its folder's permissions and the space on its disk, then retry the step.",
    )
