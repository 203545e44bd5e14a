"""The target's repository: read, and told what a predicted `.gitignore` would have it ignore."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_app.adapters.foresight.world import World
from runbook_app.ports.capabilities import Files, Git

_IGNORES = ".gitignore"
_PATTERN = set("*?[!\\")


class ForeseenGit:
    """Implements `Git`."""

    def __init__(self, world: World, real: Git, files: Files, as_it_is: Files) -> None:
        self._world = world
        self._real = real
        self._files = files
        self._as_it_is = as_it_is

    async def state(self) -> str:
        self._world.hold()
        return await self._real.state()

    async def dirty(self, paths: Sequence[str]) -> Sequence[str]:
        self._world.hold()
        if changed := next(iter(self._world.files), ""):
            self._world.cannot(f"what differs from the last commit, once {changed} is changed")
        return await self._real.dirty(paths)

    async def ignored(self, paths: Sequence[str]) -> Sequence[str]:
        self._world.hold()
        found = set(await self._real.ignored(paths))
        rules = [name for name in self._world.files if name.split("/")[-1] == _IGNORES]
        left = [path for path in paths if path not in found]
        if not (rules and left):
            return [path for path in paths if path in found]
        self._world.looked = True
        named = self._newly_named()
        if rules != [_IGNORES] or any(set(line) & _PATTERN for line in named):
            self._world.cannot(f"what git makes of the patterns in {', '.join(rules)}")
        for path in left:
            if self._as_it_is.exists(path):  # it may be tracked, and then no rule counts
                self._world.cannot(f"whether git ignores {path}, which is there already")
        found |= {path for path in left if f"/{path}" in named}
        return [path for path in paths if path in found]

    def _newly_named(self) -> set[str]:
        now = self._files.read(_IGNORES).decode("utf-8", "replace").splitlines()
        was = self._as_it_is.read(_IGNORES) if self._as_it_is.exists(_IGNORES) else b""
        before = set(was.decode("utf-8", "replace").splitlines())
        return {line for line in now if line.strip() and line not in before and line[0] != "#"}

    async def commit(self, paths: Sequence[str], message: str) -> str:
        self._world.change("git", f"commit of {', '.join(paths)}", "is made", message)
        self._world.cannot("the id of a commit that is not made here")

    async def head(self) -> str:
        self._world.hold()
        return await self._real.head()

    async def find_commit(self, trailer: str) -> str:
        self._world.hold()
        return await self._real.find_commit(trailer)

    async def unstage(self, paths: Sequence[str]) -> None:
        self._world.change("git", f"index of {', '.join(paths)}", "is put back as in HEAD")

    async def exclude(self, paths: Sequence[str]) -> None:
        self._world.change("git", f"exclude file: {', '.join(paths)}", "is added to")
