"""Carrying changes over to a text of the same meaning but another layout.

A YAML library writes a file in its own layout. So it writes it twice, before and after a change,
and the difference of the two is applied to the text as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


def carry(original: Sequence[str], before: Sequence[str], after: Sequence[str]) -> str | None:
    """Apply the change from `before` to `after` to the original; all are lines with their ends.

    None when the place of a change is not found in the original.
    """
    layout = _Layout(original, before)
    result: list[str] = []
    position = 0
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for operation, first, last, start, end in matcher.get_opcodes():
        if operation == "equal":
            continue
        begin, stop = layout.place(first), layout.place(last)
        if begin is None or stop is None or begin < position or stop < begin:
            return None
        added: Sequence[str] = list(layout.fitted(first, after[start:end]))
        if operation == "insert":
            begin, added = _inserted(original, position, begin, added)
            stop = begin
        result += [*original[position:begin], *added]
        position = stop
    return "".join([*result, *original[position:]])


class _Layout:
    """Where each line of `before` stands in the original, and how far that is indented."""

    def __init__(self, original: Sequence[str], before: Sequence[str]) -> None:
        self._before = before
        self._places = {0: 0, len(before): len(original)}
        self._indents: dict[int, _Indent] = {}
        matcher = SequenceMatcher(
            None, [_bare(line) for line in before], [_bare(line) for line in original], False
        )
        for block in matcher.get_matching_blocks():
            for offset in range(block.size + 1):
                self._places.setdefault(block.a + offset, block.b + offset)
            for offset in range(block.size):
                here, there = block.a + offset, block.b + offset
                if before[here].strip():
                    self._indents[here] = _Indent(
                        indent(before[here]), indent(original[there]), _is_entry(before[here])
                    )

    def place(self, index: int) -> int | None:
        return self._places.get(index)

    def fitted(self, index: int, lines: Sequence[str]) -> Iterator[str]:
        """Lines that come at an index of `before`, indented as their neighbours are."""
        above = [known for i, known in sorted(self._indents.items(), reverse=True) if i < index]
        for line in lines:
            if not line.strip():
                yield line
                continue
            wanted, entry = indent(line), _is_entry(line)
            near = next((k for k in above if k.guides(wanted, entry)), _Indent(0, 0, entry))
            ours = near.ours + wanted - near.theirs
            above.insert(0, _Indent(wanted, ours, entry))
            yield " " * ours + line.lstrip(" ")


@dataclass(frozen=True, slots=True)
class _Indent:
    """Indentation of one line in `before` and in the original."""

    theirs: int
    ours: int
    entry: bool
    """It begins an entry of a list: that may be indented as far as the key above, or farther."""

    def guides(self, wanted: int, entry: bool) -> bool:
        return self.theirs < wanted or (self.theirs == wanted and self.entry == entry)


def _is_entry(line: str) -> bool:
    return line.lstrip().startswith("- ")


def _bare(line: str) -> str:
    return "".join(line.split())


def indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _inserted(
    original: Sequence[str], position: int, begin: int, added: Sequence[str]
) -> tuple[int, Sequence[str]]:
    """Move an insertion above the blank lines and comments that belong to what follows.

    A new block of several lines is set off by a blank line where its neighbours are.
    """
    while begin > position and _belongs_below(original[begin - 1], indent(added[0])):
        begin -= 1
    if begin < len(original) and not original[begin].strip():
        return begin, list(_set_off(original[begin - 1], added, _top(original)))
    return begin, added


def _belongs_below(line: str, least: int) -> bool:
    return not line.strip() or (line.lstrip().startswith("#") and indent(line) < least)


def _top(lines: Sequence[str]) -> int:
    """Indentation of what stands directly below a top-level key."""
    return min((indent(line) for line in lines if line.strip() and indent(line)), default=2)


def _set_off(previous: str, added: Sequence[str], top: int) -> Iterator[str]:
    for line, following in zip(added, [*added[1:], ""], strict=True):
        if indent(line) == top < min(indent(previous), indent(following)):
            yield "\n"
        yield line
        previous = line
