"""Files of a session beside its journal: captures, reports, fingerprints."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from runbook_app.adapters.durable import make_folders, write_all_durably, write_durably
from runbook_app.domain.errors import JournalError
from runbook_app.ports.journal import Sealer

_READ = 1 << 20


class FolderArtefacts:
    """Implements `ports.journal.Artefacts` in the session's folder."""

    def __init__(self, folder: Path, sealer: Sealer) -> None:
        self._folder = folder
        self._sealer = sealer

    def put_sealed(self, name: str, plain: bytes) -> str:
        path = f"captures/{name}.sealed"
        self.put(path, self._sealer.seal(plain))
        return path

    def get_sealed(self, path: str) -> bytes:
        return self._sealer.open(self.get(path))

    def put_sealed_stream(self, name: str, plain: Iterable[bytes]) -> str:
        path = f"captures/{name}.sealed"
        place = self._place(path)
        with self._writing(place):
            write_all_durably(place, self._sealer.seal_stream(plain))
        return path

    def get_sealed_stream(self, path: str) -> Iterator[bytes]:
        place = self._place(path)
        with self._reading(place), place.open("rb") as file:
            yield from self._sealer.open_stream(iter(lambda: file.read(_READ), b""))

    def put(self, path: str, data: bytes) -> None:
        place = self._place(path)
        with self._writing(place):
            write_durably(place, data)

    def get(self, path: str) -> bytes:
        place = self._place(path)
        with self._reading(place):
            return place.read_bytes()

    def exists(self, path: str) -> bool:
        return self._place(path).is_file()

    def remove(self, path: str) -> None:
        self._place(path).unlink(missing_ok=True)

    def folder(self) -> Path:
        return self._folder

    @contextlib.contextmanager
    def _writing(self, place: Path) -> Iterator[None]:
        try:
            make_folders(place.parent, 0o700)
            yield
        except OSError as error:
            raise JournalError(
                f"{place} could not be written: {error.strerror}.",
                hint=f"Free space on the disk that holds {self._folder}, or make it writable.",
            ) from error

    @contextlib.contextmanager
    def _reading(self, place: Path) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise JournalError(
                f"{place} could not be read: {error.strerror}.",
                hint="The session's folder is incomplete; restore it from a backup.",
            ) from error

    def _place(self, path: str) -> Path:
        parts = Path(path).parts
        if not parts or Path(path).is_absolute() or ".." in parts:
            raise JournalError(f"{path!r} is not a path inside the session's folder.")
        return self._folder / path
