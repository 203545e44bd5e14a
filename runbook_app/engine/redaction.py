"""Redaction: known secret values never reach the journal, the log, or a report.

A value is found as it is and in the forms it takes on the way: JSON, URL and base64 (at each of
the three alignments that base64 of a longer text can give it). Text is masked as UTF-8 bytes.
"""

from __future__ import annotations

import base64
import json
import re
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar
from urllib.parse import quote, quote_plus

import msgspec

SHORTEST = 8
"""A shorter value is weak: masking it in free text would tear words apart."""
_LONG_LINE = 16
"""From this length on, a line of a many-line value (a private key) is masked alone too."""
_HEAD = 8
_GROUPED = 3
_SHORT = 512
_WORD = 8
_NEVER = re.compile(rb"(?!)")

T = TypeVar("T")


class Redactor:
    """Masks registered values as `[secret:NAME]`. Safe to use from several threads."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names: set[str] = set()
        self._values: dict[str, str] = {}
        """Name by value."""
        self._matcher: _Matcher | None = _Matcher({})
        self._lock = threading.Lock()
        self.reserve(names)

    def reserve(self, names: Iterable[str]) -> None:
        """Names of the plan: a value equal to one of them is weak, and stays in free text."""
        with self._lock:
            self._names.update(name.casefold() for name in names)
            self._matcher = None

    def register(self, name: str, value: str) -> None:
        """From now on, mask the value. Blanks around it don't belong to it."""
        value = value.strip()
        with self._lock:
            if value and value not in self._values:
                self._values[value] = _label_name(name)
                self._matcher = None

    def weak(self) -> list[str]:
        """Names of the values that are not masked in free text, as they are too weak for it."""
        with self._lock:
            return sorted(name for value, name in self._values.items() if self._is_weak(value))

    def _is_weak(self, value: str) -> bool:
        return len(value) < SHORTEST or value.casefold() in self._names

    def text(self, text: str) -> str:
        matcher = self.matcher()
        if matcher.empty:
            return text
        data = text.encode("utf-8", "surrogatepass")
        clean = matcher.mask(data)
        return text if clean is data else clean.decode("utf-8", "surrogatepass")

    def data(self, data: bytes) -> bytes:
        return self.matcher().mask(data)

    def field(self, value: str) -> str:
        """Mask a field whose whole value may be a secret: here a weak one is masked as well."""
        name = self._values.get(value.strip())
        return f"[secret:{name}]" if name else self.text(value)

    def structure(self, value: T) -> T:
        """Mask every text inside a value: strings, lists, tuples, dicts and msgspec structs."""
        if self.matcher().empty:
            return value
        masked: T = self._structure(value)  # type: ignore[assignment]
        return masked

    def _structure(self, value: object) -> object:
        match value:
            case str():
                return self.text(value) if type(value) is str else value
            case dict():
                return {self._structure(k): self._structure(v) for k, v in value.items()}
            case list():
                return [self._structure(item) for item in value]
            case tuple():
                return tuple(self._structure(item) for item in value)
            case msgspec.Struct():
                fields = {
                    name: self._structure(getattr(value, name)) for name in value.__struct_fields__
                }
                return msgspec.structs.replace(value, **fields)
            case _:
                return value

    def search(self, data: bytes) -> tuple[int, str] | None:
        """Where the first known value begins, in whatever form, and its name."""
        return self.matcher().first(data)

    def overlap(self) -> int:
        """Bytes by which pieces have to overlap, so that none of them cuts every value up."""
        return self.matcher().overlap

    def stream(self) -> StreamRedactor:
        """Mask a stream of bytes that comes in pieces."""
        return StreamRedactor(self)

    def matcher(self) -> _Matcher:
        matcher = self._matcher
        if matcher is None:
            with self._lock:
                matcher = self._matcher = _Matcher(self._forms())
        return matcher

    def _forms(self) -> dict[bytes, str]:
        forms: dict[bytes, str] = {}
        for value, name in self._values.items():
            if not self._is_weak(value):
                for form in _forms(value):
                    forms.setdefault(form, name)
        return forms


class StreamRedactor:
    """Masks values that are split across pieces.

    It holds back only what may be the beginning of a secret, so that a finished line leaves at
    once unless a secret of many lines may have begun in it.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._masked = 0
        """How many of the held bytes are masked already, as they overlap a secret."""

    def feed(self, data: bytes) -> bytes:
        matcher = self._redactor.matcher()
        if matcher.empty and not self._held:
            return data
        return self._pass_on(matcher, self._held + data, final=False)

    def close(self) -> bytes:
        """Give out what was held back; the stream may be fed again afterwards."""
        return self._pass_on(self._redactor.matcher(), self._held, final=True)

    def _pass_on(self, matcher: _Matcher, data: bytes, *, final: bool) -> bytes:
        end = len(data) if final else matcher.open_from(data)
        pieces, masked = matcher.pieces(data, self._masked, end)
        self._held, self._masked = data[end:], max(0, masked - end)
        return b"".join(pieces)


class _Heads:
    """Finds where a form may have begun that the data's end cuts off."""

    def __init__(self, forms: list[bytes]) -> None:
        self._forms: dict[bytes, list[bytes]] = {}
        for form in forms:
            self._forms.setdefault(form[:_HEAD], []).append(form)
        self._pattern = re.compile(_openings(list(self._forms)), re.DOTALL) if forms else _NEVER

    def first(self, data: bytes, start: int) -> int:
        """Return the earliest place from `start` on, or the length of the data."""
        found = self._pattern.search(data, start)
        while found:
            rest = data[found.start() :]
            if len(rest) < _HEAD:
                return found.start()
            for form in self._forms[found[0]]:
                if len(form) > len(rest) and form.startswith(rest):
                    return found.start()
            found = self._pattern.search(data, found.start() + 1)
        return len(data)


class _Words:
    """A quick look at long data, as quick for many forms as for one.

    A form of 15 bytes covers one of the data's 8-byte words wholly, wherever it begins.
    """

    def __init__(self, forms: list[bytes]) -> None:
        long = [form for form in forms if len(form) >= 2 * _WORD - 1]
        self._words = {
            int.from_bytes(form[at : at + _WORD], sys.byteorder)
            for form in long
            for at in range(_WORD)
        }
        self._short = [form for form in forms if form not in long]

    def may_be_in(self, data: bytes) -> bool:
        words = memoryview(data)[: len(data) // _WORD * _WORD].cast("Q")
        return not self._words.isdisjoint(words) or any(form in data for form in self._short)


class _Matcher:
    """The compiled forms of all values; never changed once made.

    On longer data a plain search for each form is several times as quick as one pattern of all of
    them, so the pattern is used only where one was found.
    """

    def __init__(self, names: dict[bytes, str]) -> None:
        forms = sorted(names, key=len, reverse=True)
        self.empty = not forms
        self.overlap = len(forms[0]) - 1 if forms else 0
        self._names = names
        self._needles = _shortest(forms)
        self._words = _Words(self._needles)
        self._pattern = re.compile(_alternatives(forms), re.DOTALL) if forms else _NEVER
        self._heads = _Heads(forms)
        self._many_lines = _Heads([form for form in forms if b"\n" in form])
        self._labels = {form: self._label(name) for form, name in names.items()}

    def _label(self, name: str) -> bytes:
        """A label must not itself give away a value that is also used as a name."""
        label = f"[secret:{name}]".encode()
        return b"[secret]" if self._pattern.search(label) else label

    def mask(self, data: bytes) -> bytes:
        """Return the same object when there is nothing to mask."""
        if not self._holds(data):
            return data
        pieces, _ = self.pieces(data, 0, len(data))
        return b"".join(pieces)

    def first(self, data: bytes) -> tuple[int, str] | None:
        held = self._words.may_be_in(data) and self._holds(data)
        found = self._pattern.search(data) if held else None
        return (found.start(), self._names[found[0]]) if found else None

    def _holds(self, data: bytes) -> bool:
        if len(data) < _SHORT:
            return self._pattern.search(data) is not None
        return any(needle in data for needle in self._needles)

    def pieces(self, data: bytes, masked: int, end: int) -> tuple[list[bytes], int]:
        """Mask what begins before `end`; the first `masked` bytes are covered by a label already.

        Returns the pieces, and up to where bytes are covered. Values that overlap leave one label
        and none of their bytes.
        """
        pieces: list[bytes] = []
        for start, stop, form in self._matches(data, end):
            if start >= masked:
                pieces += (data[masked:start], self._labels[form])
            masked = max(masked, stop)
        if masked < end:
            pieces.append(data[masked:end])
            masked = end
        return pieces, masked

    def _matches(self, data: bytes, end: int) -> Iterator[tuple[int, int, bytes]]:
        if not self._holds(data):
            return
        search = self._pattern.search
        found = search(data)
        while found and found.start() < end:
            yield found.start(), found.end(), found[0]
            found = search(data, found.start() + 1)

    def open_from(self, data: bytes) -> int:
        """Where a form may have begun that the data's end cuts off; the length when nowhere."""
        start = max(0, len(data) - self.overlap)
        last_line = max(start, data.rfind(b"\n", start) + 1)
        return min(self._many_lines.first(data, start), self._heads.first(data, last_line))


def _shortest(forms: list[bytes]) -> list[bytes]:
    """Leave out each form that contains another one: where it is, the other is too."""
    kept: list[bytes] = []
    for form in reversed(forms):
        if not any(other in form for other in kept):
            kept.append(form)
    return kept


def _forms(value: str) -> Iterator[bytes]:
    """Every way in which a value may appear, longest ones not first."""
    raw = value.encode("utf-8", "surrogatepass")
    yield raw
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield escaped.encode("utf-8", "surrogatepass")
        yield escaped.replace("/", "\\/").encode("utf-8", "surrogatepass")
    for quoted in (quote(raw), quote(raw, safe=""), quote_plus(raw)):
        yield quoted.encode()
        yield re.sub(r"%[0-9A-F]{2}", lambda code: code[0].lower(), quoted).encode()
    for encoded in _base64_forms(raw):
        yield encoded
        yield encoded.translate(bytes.maketrans(b"+/", b"-_"))
    lines = value.splitlines()
    if len(lines) > 1:
        for line in lines:
            if len(line) >= _LONG_LINE and not line.startswith("-----"):
                yield line.encode("utf-8", "surrogatepass")


def _base64_forms(raw: bytes) -> Iterator[bytes]:
    """Base64 of the value alone, and the part of a longer text's base64 that it alone decides."""
    alone = base64.b64encode(raw)
    yield alone
    yield alone.rstrip(b"=")
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        first = (before * 8 + 5) // 6
        last = (before + len(raw)) * 8 // 6
        yield encoded[first:last]


def _alternatives(forms: list[bytes], depth: int = 0) -> bytes:
    """A pattern of all forms, branching on their first bytes so that most places fail at once."""
    if depth == _GROUPED or len(forms) == 1:
        return b"|".join(re.escape(form[depth:]) for form in forms)
    groups: dict[bytes, list[bytes]] = {}
    for form in forms:
        groups.setdefault(form[depth : depth + 1], []).append(form)
    return b"|".join(
        re.escape(first) + b"(?:" + _alternatives(group, depth + 1) + b")"
        for first, group in groups.items()
    )


def _openings(heads: list[bytes], depth: int = 0) -> bytes:
    """A pattern of all heads, each of which may also be cut short by the data's end."""
    groups: dict[bytes, list[bytes]] = {}
    for head in heads:
        if len(head) > depth:
            groups.setdefault(head[depth : depth + 1], []).append(head)
    branches = [
        re.escape(first) + b"(?:" + _openings(group, depth + 1) + b")"
        for first, group in groups.items()
    ]
    if depth:
        branches.append(rb"\Z" if branches else b"")
    return b"|".join(branches)


def _label_name(name: str) -> str:
    """A label stays one word that no format has to escape."""
    return re.sub(r"[^\w.:@/-]+", "_", name, flags=re.ASCII) or "unnamed"
