"""What a person chose for their screens, kept from one run to the next."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


class Remembered:
    """A theme's name in a file; what can't be read or written is not remembered."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def theme(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def keep(self, theme: str) -> None:
        with suppress(OSError):
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path.write_text(f"{theme}\n", encoding="utf-8")
