"""A whole folder copied: bytes, modes, owners, links and times; no sockets, pipes or devices."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from runbook_app.domain.errors import ActionError, EnvironmentLacks, UsageError

_WORK_TREE = re.compile(r"^\s*worktree\s*=", re.MULTILINE | re.IGNORECASE)


class FolderCopy:
    """One copy, which another thread can end."""

    def __init__(self, source: Path, place: Path, left_out: frozenset[Path] = frozenset()) -> None:
        self._source = source
        self._place = place
        self._left_out = left_out
        """Folders that the copy has empty."""
        self._ended = False

    def end(self) -> None:
        self._ended = True

    def run(self) -> None:
        """Blocks.

        Raises:
            EnvironmentLacks: something can't be read, or not be given its owner.
        """
        try:
            shutil.copytree(
                self._source,
                self._place,
                symlinks=True,
                ignore=self._ignored,
                copy_function=self._copy,
            )
            self._own()
        except (OSError, shutil.Error) as error:
            raise EnvironmentLacks(
                f"{self._source} can't be copied: {_words(error)}",
                hint="Use an account that may read all of it and give files to their owners, and"
                " see that the disk has space (--workdir chooses another).",
            ) from error

    def _ignored(self, folder: str, names: list[str]) -> list[str]:
        here = Path(folder)
        if here in self._left_out:
            return names
        return [name for name in names if not _copied(os.lstat(here / name).st_mode)]

    def _copy(self, source: str, place: str) -> str:
        if self._ended:
            raise ActionError("The copying was ended.")
        shutil.copy2(source, place, follow_symlinks=False)
        return place

    def _own(self) -> None:
        for place in _below(self._place):
            source = self._source / place.relative_to(self._place)
            wanted, now = source.lstat(), place.lstat()
            if (wanted.st_uid, wanted.st_gid) != (now.st_uid, now.st_gid):
                os.chown(place, wanted.st_uid, wanted.st_gid, follow_symlinks=False)
            if not stat.S_ISLNK(wanted.st_mode):  # a change of the owner takes set-uid bits away
                place.chmod(stat.S_IMODE(wanted.st_mode))


def _copied(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _below(root: Path) -> Iterator[Path]:
    yield root
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            yield Path(folder) / name


def _words(error: OSError | shutil.Error) -> str:
    if isinstance(error, shutil.Error):
        return "; ".join(str(why) for _, _, why in error.args[0][:3])
    return str(error)


def check_apart(root: Path) -> None:
    """See that work on a copy of a folder could not reach the folder itself.

    Raises:
        UsageError: a link, or the repository, leads back to it.
    """
    repository = root / ".git"
    if repository.is_symlink() or repository.is_file():
        raise UsageError(
            f"{root} is a linked work tree: commits on a copy would reach its repository.",
            hint="Rehearse on a clone of it, which has a repository of its own.",
        )
    if _WORK_TREE.search(_text(repository / "config")):
        raise UsageError(
            f"The repository of {root} names its work tree by its path (core.worktree).",
            hint="Rehearse on a clone of it, which has no such setting.",
        )
    back = [str(link.relative_to(root)) for link in _links(root) if _leads_back(link, root)]
    if back:
        raise UsageError(
            f"These links lead into {root} from outside, so a copy would reach it:"
            f" {', '.join(back[:5])}.",
            hint="Make them relative, within the folder.",
        )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _links(root: Path) -> Iterator[Path]:
    return (path for path in _below(root) if path.is_symlink())


def _leads_back(link: Path, root: Path) -> bool:
    way = Path(os.path.normpath(link.relative_to(root).parent / link.readlink()))
    leaves = way.is_absolute() or way.parts[:1] == (os.pardir,)
    return leaves and Path(os.path.realpath(link)).is_relative_to(root.resolve())
