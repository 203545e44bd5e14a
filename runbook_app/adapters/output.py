"""Output of a command: kept whole, and given to the log line by line."""

from __future__ import annotations

from collections.abc import Callable

Log = Callable[[bytes], None]

LINE_LIMIT = 65_536
"""Bytes after which a line goes to the log in parts."""


class Output:
    """One stream. Whole lines are passed on, so that streams side by side don't mix in a line."""

    def __init__(self, log: Log | None) -> None:
        self._log = log
        self._whole = bytearray()
        self._line = bytearray()

    def add(self, data: bytes | memoryview) -> None:
        self._whole += data
        if self._log is None:
            return
        self._line += data
        end = self._line.rfind(b"\n") + 1
        if not end and len(self._line) >= LINE_LIMIT:
            end = len(self._line)
        if end:
            self._log(bytes(self._line[:end]))
            del self._line[:end]

    def finish(self) -> None:
        """Pass on a last line without an end."""
        if self._log and self._line:
            self._log(bytes(self._line))
            self._line.clear()

    def bytes(self) -> bytes:
        return bytes(self._whole)
