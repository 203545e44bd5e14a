"""Files that survive a power cut: written aside, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path, mode: int) -> list[Path]:
    """Make the missing folders with exactly this mode, durably; returns them, outermost first."""
    missing = missing_folders(folder)
    for path in missing:
        path.mkdir(exist_ok=True)
        path.chmod(mode)
        sync_folder(path.parent)
    return missing


def missing_folders(folder: Path) -> list[Path]:
    """List the folders on the way that do not exist, outermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    return missing[::-1]


def write_durably(
    path: Path,
    data: bytes,
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    aside: Path | None = None,
) -> None:
    """Replace a file in one moment; nobody ever sees half of it, or all of it too widely.

    `aside` is where it is written first, in the same folder. A file left there by a crash is
    replaced.
    """
    write_all_durably(path, (data,), mode=mode, owner=owner, aside=aside)


def write_all_durably(
    path: Path,
    pieces: Iterable[bytes],
    *,
    mode: int = 0o600,
    owner: tuple[int, int] | None = None,
    aside: Path | None = None,
) -> None:
    """`write_durably` for what comes in pieces."""
    aside = aside or path.with_name(f".{path.name}.{os.urandom(4).hex()}.new")
    aside.unlink(missing_ok=True)
    try:
        _write_new(aside, pieces, mode, owner)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def _write_new(
    path: Path, pieces: Iterable[bytes], mode: int, owner: tuple[int, int] | None
) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        for data in pieces:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
        if owner is not None:
            os.fchown(descriptor, *owner)
        os.fchmod(descriptor, mode)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
