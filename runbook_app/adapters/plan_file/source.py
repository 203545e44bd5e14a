"""A plan file's text, and the mistakes found in it, each with its place."""

from __future__ import annotations

import codecs
import re
from typing import Protocol

import msgspec

from runbook_app.domain.errors import Mistake
from runbook_app.domain.plan import Position

MAX_BYTES = 16 * 1024 * 1024
PAGE = 2 * MAX_BYTES
"""Lines that each file may have: those of the n-th included one are counted from n pages on."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML 1.1, and so libyaml, counts as the end of a line."""


class Mark(Protocol):
    """A place in the text; line and column count from 0."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


class Place(msgspec.Struct, frozen=True):
    line: int = 0
    column: int = 0


KeyPlaces = dict[Place, dict[str, Place]]


class Source:
    """One file's text, and the mistakes found in it so far."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        self.mistakes: list[Mistake] = []
        self.keys: KeyPlaces | None = None
        """Filled by `key_mark`."""
        self._lines: list[str] | None = None
        self._shown: dict[int, str] = {}
        self._pages: list[Source] = []
        """The files that this one includes, directly or not."""

    def add(self, page: Source) -> int:
        """Take in an included file; returns the line that its first one counts as."""
        self._pages.append(page)
        return len(self._pages) * PAGE

    def page(self, line: int) -> tuple[Source, int]:
        """The file that a line is of, and what its first line counts as."""
        if line < PAGE:
            return self, 0
        number = line // PAGE
        return self._pages[number - 1], number * PAGE

    def position(self, mark: Mark | None) -> Position:
        if mark is None:
            return Position(self.file, 1, 1)
        line = mark.line
        if line < PAGE:
            return Position(self.file, line + 1, mark.column + 1)
        page, base = self.page(line)
        return Position(page.file, line - base + 1, mark.column + 1)

    def line(self, number: int) -> str:
        """The text of a line, counted from 0; what a terminal might obey is replaced."""
        if number >= PAGE:
            page, base = self.page(number)
            return page.line(number - base)
        if number not in self._shown:
            raw = self._raw(number)
            self._shown[number] = "".join(c if c.isprintable() else " " for c in raw)
        return self._shown[number]

    def character(self, mark: Mark) -> str:
        """What stands at a place; empty at the end of a line."""
        return self._raw(mark.line)[mark.column : mark.column + 1]

    def _raw(self, number: int) -> str:
        if self._lines is None:
            self._lines = _LINE_BREAK.split(self.text)
        return self._lines[number] if number < len(self._lines) else ""

    def wrong(
        self, mark: Mark | None, message: str, *, suggestion: str = "", warning: bool = False
    ) -> None:
        self.mistakes.append(self.mistake(mark, message, suggestion=suggestion, warning=warning))

    def wrong_at(self, position: Position, message: str, suggestion: str = "") -> None:
        files = [self.file, *(page.file for page in self._pages)]
        base = files.index(position.file) * PAGE
        place = Place(base + position.line - 1, position.column - 1)
        self.wrong(place, message, suggestion=suggestion)

    def mistake(
        self, mark: Mark | None, message: str, *, suggestion: str = "", warning: bool = False
    ) -> Mistake:
        return Mistake(
            message=message,
            position=self.position(mark),
            source_line=self.line(mark.line) if mark is not None else "",
            suggestion=suggestion,
            warning=warning,
        )


def read_source(file: str, data: bytes) -> Source:
    """Decode a file; a byte that is not UTF-8 is a mistake with its place."""
    if len(data) > MAX_BYTES:
        source = Source(file, "")
        source.wrong(None, f"the file has {len(data)} bytes; a plan has at most {MAX_BYTES}")
        return source
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        source = Source(file, "")
        source.wrong(None, "the file is UTF-16; save it as UTF-8")
        return source
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        return Source(file, body.decode())
    except UnicodeDecodeError as error:
        source = Source(file, body.decode(errors="replace"))
        before = body[: error.start].decode()
        source.wrong(
            place_of(before, len(before)),
            f"byte 0x{body[error.start]:02x} is not UTF-8; save the file as UTF-8",
        )
        return source


def place_of(text: str, offset: int) -> Place:
    """Line and column of a character."""
    line, start = 0, 0
    for found in _LINE_BREAK.finditer(text, 0, offset):
        line, start = line + 1, found.end()
    return Place(line, offset - start)
