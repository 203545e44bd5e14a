"""The target's files, with what is predicted of them laid over."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from runbook_app.adapters.file_captures import (
    Packed,
    attributes,
    shown_whole,
    text_for_all,
    unified,
)
from runbook_app.adapters.foresight.world import World
from runbook_app.adapters.within import canonical
from runbook_app.domain.errors import ActionError
from runbook_app.domain.forecast import Foreseen
from runbook_app.ports.capabilities import Files, FileState

_NEW_FILE = 0o644
_ABOUT_SECRETS = (".py", ".md")
"""Source and documents may have the word in their name."""
_ABSENT = Packed(version=1, exists=False)


class ForeseenFiles:
    """Implements `Files`. Where a path has to be there for somebody else to read, the predicted
    version is written below `scratch`, a private folder."""

    def __init__(self, world: World, real: Files, scratch: Path) -> None:
        self._world = world
        self._real = real
        self._scratch = scratch

    def path(self, relative: str) -> Path:
        real, name = self._real.path(relative), canonical(self._world.root, relative)
        if name in self._world.files:
            self._world.looked = True
            return self._written(name, self._scratch / "files" / name)
        if self._below(name):
            self._world.looked = True
            return self._merged(name, real)
        return real

    def exists(self, relative: str) -> bool:
        name = canonical(self._world.root, relative)
        if version := self._laid(name):
            return version.exists
        return any(v.exists for v in self._below(name).values()) or self._real.exists(relative)

    def state(self, relative: str) -> FileState | None:
        version = self._laid(canonical(self._world.root, relative))
        if version is None:
            return self._real.state(relative)
        if not version.exists:
            return None
        return FileState(
            mode=version.mode,
            uid=version.uid,
            gid=version.gid,
            size=len(version.data),
            sha256=hashlib.sha256(version.data).hexdigest(),
        )

    def read(self, relative: str) -> bytes:
        name = canonical(self._world.root, relative)
        version = self._laid(name)
        if version is None:
            return self._real.read(relative)
        if not version.exists:
            raise ActionError(
                f"The target has no file {name} by then.", hint="A step before it removes it."
            )
        return version.data

    async def write(
        self, relative: str, data: bytes, *, mode: int | None = None, uid: int | None = None
    ) -> bool:
        self._world.may_change(f"a change of {relative}")
        name = canonical(self._world.root, relative)
        before = self.version(name)
        if before.exists:
            wanted = Packed(
                version=1,
                exists=True,
                data=data,
                mode=before.mode if mode is None else mode,
                uid=before.uid if uid is None else uid,
                gid=before.gid,
            )
        else:
            wanted = Packed(
                version=1,
                exists=True,
                data=data,
                mode=_NEW_FILE if mode is None else mode,
                uid=os.geteuid() if uid is None else uid,
                gid=os.getegid(),
            )
        if wanted == before:
            return False
        self._world.lay(name, wanted)
        return True

    async def remove(self, relative: str) -> bool:
        self._world.may_change(f"the removal of {relative}")
        name = canonical(self._world.root, relative)
        if not self.version(name).exists:
            return False
        self._world.lay(name, _ABSENT)
        return True

    async def capture(self, relative: str) -> None:
        """Capture nothing; what the command makes of it nobody can tell."""
        self._world.may_change(f"a capture of {relative}")
        name = canonical(self._world.root, relative)
        if name not in self._world.handed:
            self._world.handed.append(name)

    def version(self, name: str) -> Packed:
        """A file as predicted, else as it is."""
        return self._world.files.get(name) or self._as_it_is(name)

    def difference(self, name: str) -> Foreseen | None:
        """What this step would make of a file; None when it is left as it was before.

        Private and binary files are told by size, mode and owner alone.
        """
        before = self._world.before(name) or self._as_it_is(name)
        after = self._world.files[name]
        if before == after:
            return None
        how = "is changed" if before.exists else "is made"
        how = how if after.exists else "is removed"
        named_after = name.lower().endswith(_ABOUT_SECRETS) and text_for_all(after, before)
        shown = named_after or shown_whole(name, after, before)
        text = unified(name, (before, "now"), (after, "predicted")) if shown else ""
        if not text:
            how = f"{how}: {_told(after if after.exists else before)}"
            if before.exists and after.exists:
                how = f"{how}; now {_told(before)}"
        return Foreseen(kind="file", name=name, how=how, text=text)

    def _as_it_is(self, name: str) -> Packed:
        state = self._real.state(name)
        if state is None:
            return _ABSENT
        return Packed(
            version=1,
            exists=True,
            data=self._real.read(name),
            mode=state.mode,
            uid=state.uid,
            gid=state.gid,
        )

    def _laid(self, name: str) -> Packed | None:
        version = self._world.files.get(name)
        if version is not None:
            self._world.looked = True
        return version

    def _below(self, name: str) -> dict[str, Packed]:
        return {
            path: version
            for path, version in self._world.files.items()
            if path.startswith(f"{name}/")
        }

    def _written(self, name: str, place: Path) -> Path:
        version = self._world.files[name]
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        if version.exists:
            place.touch(mode=0o600)
            place.write_bytes(version.data)
            place.chmod(version.mode)
        return place

    def _merged(self, name: str, real: Path) -> Path:
        """A folder with what is predicted in it; what stays as it is is linked to."""
        made = self._scratch / "folders" / name
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700, parents=True)
        for path in sorted(real.rglob("*")) if real.is_dir() else ():
            place = made / path.relative_to(real)
            if path.is_dir() and not path.is_symlink():
                place.mkdir(exist_ok=True)
            else:
                place.symlink_to(path)
        for laid in self._below(name):
            self._written(laid, made / Path(laid).relative_to(name))
        return made


def _told(packed: Packed) -> str:
    return f"{len(packed.data)} bytes, {attributes(packed)}"
