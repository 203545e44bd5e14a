"""How a stream of bytes becomes chunks of whole lines. Pure: no file, no thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

CHUNK = 32 * 1024
LONGEST_LINE = 1024 * 1024
SPLIT_MARK = b" [the line goes on: split at 1 MB]\n"
FINE = 64
"""Up to so many changes of source in one batch are kept in the order in which they came."""

Key = tuple[str, str]
"""Source and step."""


@dataclass(slots=True)
class Run:
    """Whole lines of one source and step. Only the last may lack its line feed."""

    key: Key
    at: datetime
    body: bytes


class LineBuffer:
    """The open line of one source."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def feed(self, data: bytes) -> bytes:
        """Take bytes in, give out the whole lines."""
        end = data.rfind(b"\n") + 1
        lines = b""
        if end:
            lines = self.finish() + data[:end]
            data = data[end:]
        if data:
            self._parts.append(data)
            self._length += len(data)
        if self._length > LONGEST_LINE:
            lines += self._split()
        return lines

    def _split(self) -> bytes:
        data = self.finish()
        whole = len(data) // LONGEST_LINE * LONGEST_LINE
        self._parts, self._length = [data[whole:]], len(data) - whole
        return b"".join(
            data[start : start + LONGEST_LINE] + SPLIT_MARK
            for start in range(0, whole, LONGEST_LINE)
        )

    def finish(self) -> bytes:
        """Give out the open line as it is."""
        data = b"".join(self._parts)
        self._parts, self._length = [], 0
        return data


def count_lines(body: bytes) -> int:
    return body.count(b"\n") + (not body.endswith(b"\n"))


def arrange(runs: list[Run]) -> list[Run]:
    """Join what belongs together: neighbours of one key, or, among many sources, all of a key."""
    joined = _join(runs)
    if len(joined) <= FINE:
        return joined
    by_key: dict[Key, list[Run]] = {}
    for run in runs:
        by_key.setdefault(run.key, []).append(run)
    return _join([run for group in by_key.values() for run in group])


def _join(runs: list[Run]) -> list[Run]:
    groups: list[list[Run]] = []
    for run in runs:
        last = groups[-1][-1] if groups else None
        if last and last.key == run.key and last.body.endswith(b"\n"):
            groups[-1].append(run)
        else:
            groups.append([run])
    return [Run(g[0].key, g[0].at, b"".join(run.body for run in g)) for g in groups]


def cut(body: bytes) -> Iterator[bytes]:
    """Cut whole lines into pieces of about one chunk, each ending where a line ends."""
    start = 0
    while len(body) - start > CHUNK:
        end = body.rfind(b"\n", start, start + CHUNK) + 1
        if not end:
            end = body.find(b"\n", start) + 1 or len(body)
            while end - start > LONGEST_LINE + len(SPLIT_MARK):  # a split line stays as it is
                yield body[start : start + LONGEST_LINE] + SPLIT_MARK
                start += LONGEST_LINE
        yield body[start:end]
        start = end
    if start < len(body):
        yield body[start:]
