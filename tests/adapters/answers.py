"""An answer of the engine, cut as a test says."""

from __future__ import annotations

from collections.abc import Sequence


class Answer:
    """Its bytes come in given pieces; a piece that is an error is raised."""

    def __init__(self, pieces: Sequence[bytes | Exception], *, chunked: bool = False) -> None:
        self.headers = {"Transfer-Encoding": "chunked"} if chunked else {}
        self.raw = self._fp = self.fp = self
        self._pieces = list(pieces)

    def raise_for_status(self) -> None:
        """It is an answer."""

    def read1(self, _: int) -> bytes:
        piece = self._pieces.pop(0) if self._pieces else b""
        if isinstance(piece, Exception):
            raise piece
        return piece

    def close(self) -> None:
        """Nothing is open."""
