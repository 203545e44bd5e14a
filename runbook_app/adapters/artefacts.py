"""Files of a session beside its journal: captures, reports, fingerprints."""

from __future__ import annotations

from pathlib import Path

from runbook_app.adapters.durable import make_folders, write_durably
from runbook_app.domain.errors import JournalError
from runbook_app.ports.journal import Sealer


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

    def put(self, path: str, data: bytes) -> None:
        place = self._place(path)
        try:
            make_folders(place.parent, 0o700)
            write_durably(place, data)
        except OSError as error:
            raise JournalError(
                f"{place} could not be written: {error.strerror}.",
                hint=f"Free space on the disk that holds {self._folder}, or make it writable.",
            ) from error

    def get(self, path: str) -> bytes:
        place = self._place(path)
        try:
            return place.read_bytes()
        except OSError as error:
            raise JournalError(
                f"{place} could not be read: {error.strerror}.",
                hint="The session's folder is incomplete; restore it from a backup.",
            ) from error

    def folder(self) -> Path:
        return self._folder

    def _place(self, path: str) -> Path:
        parts = Path(path).parts
        if not parts or Path(path).is_absolute() or ".." in parts:
            raise JournalError(f"{path!r} is not a path inside the session's folder.")
        return self._folder / path
