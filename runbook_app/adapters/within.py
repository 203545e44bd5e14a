"""Paths that may not leave the target."""

from __future__ import annotations

from pathlib import Path

from runbook_app.domain.errors import ActionError


def inside(root: Path, relative: str) -> Path:
    """Absolute path of a file of the target, its symbolic links resolved; `root` is resolved.

    Raises:
        ActionError: it leaves the target, by `..` or by a symbolic link.
    """
    path = _resolve(root / _checked(relative), relative)
    if path == root or not path.is_relative_to(root):
        raise _leaves(relative)
    return path


def canonical(root: Path, relative: str) -> str:
    """The one name of a file within the target, whichever way it is written."""
    return inside(root, relative).relative_to(root).as_posix()


def place(root: Path, name: str) -> Path:
    """Path of a captured file; where a link stands in its place now, it is the link's.

    Raises:
        ActionError: one of its folders has become a link.
    """
    path = root / _checked(name)
    if _resolve(path.parent, name) != path.parent:
        raise ActionError(
            f"A folder on the way to {name} has become a symbolic link.",
            hint="Put the folder back, then roll back again.",
        )
    return path


def aside(path: Path) -> Path:
    """Where a file is written before it is renamed; the same each time, so nothing piles up."""
    return path.with_name(f".{path.name}.runbook-new")


def _checked(relative: str) -> str:
    parts = Path(relative).parts
    if not parts or "\0" in relative or Path(relative).is_absolute() or ".." in parts:
        raise _leaves(relative)
    return relative


def _resolve(path: Path, name: str) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise ActionError(f"The path {name} can't be followed: {error}.") from error


def _leaves(relative: str) -> ActionError:
    return ActionError(
        f"{relative!r} is not a file inside the target.",
        hint="Give a path relative to the target's folder, without `..` or a link out of it.",
    )
