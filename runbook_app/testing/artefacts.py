"""Artefacts in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook_app.domain.errors import JournalError

_MASK = bytes(byte ^ 0x5A for byte in range(256))


class MemoryArtefacts:
    """Implements `ports.journal.Artefacts`; sealing is a mere disguise here."""

    def __init__(self, folder: Path = Path("session")) -> None:
        self._folder = folder
        self.files: dict[str, bytes] = {}

    def put_sealed(self, name: str, plain: bytes) -> str:
        path = f"captures/{name}.sealed"
        self.put(path, plain.translate(_MASK))
        return path

    def get_sealed(self, path: str) -> bytes:
        return self.get(path).translate(_MASK)

    def put_sealed_stream(self, name: str, plain: Iterable[bytes]) -> str:
        return self.put_sealed(name, b"".join(plain))

    def get_sealed_stream(self, path: str) -> Iterator[bytes]:
        yield self.get_sealed(path)

    def exists(self, path: str) -> bool:
        return _checked(path) in self.files

    def remove(self, path: str) -> None:
        self.files.pop(_checked(path), None)

    def put(self, path: str, data: bytes) -> None:
        self.files[_checked(path)] = data

    def get(self, path: str) -> bytes:
        try:
            return self.files[_checked(path)]
        except KeyError as error:
            raise JournalError(f"There is no artefact {path}.") from error

    def folder(self) -> Path:
        return self._folder


def _checked(path: str) -> str:
    parts = Path(path).parts
    if not parts or Path(path).is_absolute() or ".." in parts:
        raise JournalError(f"{path!r} is not a path inside the session's folder.")
    return Path(path).as_posix()
