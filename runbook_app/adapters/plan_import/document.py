"""A Markdown document as sections of blocks, each with its lines. Import it late."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

_MARKUP = re.compile(r"[\s>*+\-_|:#=`~]*(?:\d{1,9}[.)])?[\s>*+\-_|:#=`~]*")
"""A line that says nothing: rules, markers of empty list items, a table's second line."""
_BAR = re.compile(r"(?<!\\)\|")
_PARSER = MarkdownIt("commonmark", {"maxNesting": 60}).enable("table")
_BREAKS = ("softbreak", "hardbreak")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of prose: `**Why:** protect data` has the label `Why`."""

    text: str
    number: int
    """Counts from 1, as everywhere here."""
    label: str = ""
    bare: bool = False
    """The label has no colon: the whole line is in bold."""

    @property
    def words(self) -> str:
        if not self.label or self.bare:
            return self.label or self.text
        return f"{self.label}: {self.text}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An item of a list: its first paragraph, and what stands below that."""

    number: int
    order: str
    """`3.` in a numbered list, else empty."""
    lines: tuple[Line, ...]
    blocks: tuple[Block, ...] = ()

    @property
    def text(self) -> str:
        return " ".join(line.words for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    entries: tuple[Entry, ...]
    numbered: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    lines: tuple[Line, ...]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each with its line; the first is the header."""


Block = Text | Listing | Code | Table


@dataclass(slots=True, kw_only=True, eq=False)
class Section:
    title: str
    level: int
    """Of its heading; 0 for the document itself."""
    number: int
    blocks: list[Block] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)

    def all(self) -> Iterator[Section]:
        yield self
        for section in self.sections:
            yield from section.all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """Lines that became no part of the tree, and why."""

    first: int
    last: int
    why: str


@dataclass(frozen=True, slots=True)
class Document:
    root: Section
    lines: tuple[str, ...]
    remains: tuple[Remains, ...]
    unclosed: int | None
    """Line of a code block that is never closed."""


def read_document(text: str) -> Document:
    return _Reader(text).document()


class _Reader:
    def __init__(self, text: str) -> None:
        text = re.sub(r"\r\n?", "\n", text)
        self._lines = tuple(text.split("\n"))
        self._seen: set[int] = set()
        """Lines that some part of the tree holds."""
        self._remains: list[Remains] = []
        self._unclosed: int | None = None
        tokens: list[Token] = _PARSER.parse(text)
        self._tree = SyntaxTreeNode(tokens)

    def document(self) -> Document:
        root = Section(title="", level=0, number=1)
        way = [root]
        for node in self._tree.children:
            if node.type != "heading":
                way[-1].blocks += self._blocks(node)
                continue
            first, level = self._covers(node), int(node.tag[1:])
            while way[-1].level >= level:
                way.pop()
            title = " ".join(line.words for line in self._inline(node))
            section = Section(title=title.removesuffix(":"), level=level, number=first)
            way[-1].sections.append(section)
            way.append(section)
        self._look_for_lost_lines()
        remains = tuple(sorted(self._remains, key=lambda found: found.first))
        return Document(root, self._lines, remains, self._unclosed)

    def _covers(self, node: SyntaxTreeNode) -> int:
        """Note a node's lines as seen; its first one."""
        first, end = node.map or (0, 0)
        self._seen.update(range(first + 1, end + 1))
        return first + 1

    def _blocks(self, node: SyntaxTreeNode) -> list[Block]:
        match node.type:
            case "paragraph":
                self._covers(node)
                return [Text(lines=tuple(self._inline(node)))]
            case "heading":  # within a list or a quotation, where it makes no section
                self._covers(node)
                return [Text(lines=tuple(self._inline(node)))]
            case "bullet_list" | "ordered_list":
                return [self._list(node)]
            case "fence" | "code_block":
                return [self._code(node)]
            case "table":
                return [self._table(node)]
            case "hr":
                self._covers(node)
                return []
            case "html_block":
                first = self._covers(node)
                last = max(first, (node.map or (0, 0))[1])
                self._remains.append(Remains(first=first, last=last, why="HTML"))
                return []
            case _:
                return [block for child in node.children for block in self._blocks(child)]

    def _list(self, node: SyntaxTreeNode) -> Listing:
        numbered = node.type == "ordered_list"
        start = int(node.attrs.get("start", 1)) if numbered else 0
        entries = []
        for at, child in enumerate(node.children):
            blocks = [block for inner in child.children for block in self._blocks(inner)]
            lines: tuple[Line, ...] = ()
            if blocks and isinstance(blocks[0], Text):
                lines = blocks.pop(0).lines  # type: ignore[union-attr]  # looked at just now
            entries.append(
                Entry(
                    number=(child.map or (0, 0))[0] + 1,
                    order=f"{start + at}." if numbered else "",
                    lines=lines,
                    blocks=tuple(blocks),
                )
            )
        return Listing(entries=tuple(entries), numbered=numbered)

    def _code(self, node: SyntaxTreeNode) -> Code:
        first = self._covers(node)
        fenced = node.type == "fence"
        content = node.content.removesuffix("\n").split("\n") if node.content else []
        end = (node.map or (0, 0))[1]
        if fenced and end - first <= len(content) and self._unclosed is None:
            self._unclosed = first
        return Code(
            lines=tuple(
                Line(text=text.rstrip(), number=first + at + (1 if fenced else 0))
                for at, text in enumerate(content)
            ),
            language=node.info.strip() if fenced else "",
        )

    def _table(self, node: SyntaxTreeNode) -> Table:
        self._covers(node)
        rows = []
        for row in node.walk():
            if row.type != "tr":
                continue
            number = (row.map or (0, 0))[0] + 1
            cells = tuple(
                " ".join(line.words for line in self._inline(cell)) for cell in row.children
            )
            rows.append((number, cells))
            raw = self._lines[number - 1].strip().strip("|")
            if len(_BAR.split(raw)) > len(cells):
                why = "a table's row with more cells than its header"
                self._remains.append(Remains(first=number, last=number, why=why))
        return Table(rows=tuple(rows))

    def _inline(self, node: SyntaxTreeNode) -> list[Line]:
        """The lines of a paragraph, a heading or a cell."""
        found = []
        for inline in node.children:
            number = (inline.map or node.map or (0, 0))[0] + 1
            parts: list[SyntaxTreeNode] = []
            for child in [*inline.children, None]:
                follows = child is None or (child.type in _BREAKS and _breaks(child))
                if not follows and child is not None:
                    parts.append(child)
                elif line := _line(parts, number):
                    found.append(line)
                if follows:
                    number += 1 + sum(part.type in _BREAKS for part in parts)
                    parts = []
        return found

    def _look_for_lost_lines(self) -> None:
        """What the parser took for no text: link definitions, and what is nested too deep."""
        held = {number for found in self._remains for number in range(found.first, found.last + 1)}
        why = "a link's definition, or nested too deep to be read"
        for number, text in enumerate(self._lines, 1):
            if number in self._seen or number in held or _MARKUP.fullmatch(text):
                continue
            before = self._remains[-1] if self._remains else None
            if before and before.why == why and before.last == number - 1:
                self._remains[-1] = Remains(first=before.first, last=number, why=why)
            else:
                self._remains.append(Remains(first=number, last=number, why=why))


def _breaks(child: SyntaxTreeNode) -> bool:
    """A line end that was meant: a hard one, or one with a label after it."""
    after = child.next_sibling
    if after is not None and after.type == "text" and not after.content:
        after = after.next_sibling
    return child.type == "hardbreak" or (after is not None and after.type == "strong")


def _line(parts: list[SyntaxTreeNode], number: int) -> Line | None:
    while parts and not _shown(parts[0]).strip():
        parts = parts[1:]
    text = "".join(_shown(part) for part in parts).strip()
    if not text:
        return None
    if parts[0].type != "strong":
        return Line(text=text, number=number)
    strong = _shown(parts[0]).strip()
    rest = "".join(_shown(part) for part in parts[1:]).strip()
    if strong.endswith(":") or rest.startswith(":"):
        return Line(label=strong.rstrip(": "), text=rest.lstrip(": "), number=number)
    if rest:
        return Line(text=text, number=number)
    return Line(label=strong, text="", number=number, bare=True)


def _shown(node: SyntaxTreeNode) -> str:
    """What a reader sees of it; of a link also where it leads."""
    match node.type:
        case "softbreak" | "hardbreak":
            return " "
        case "image":
            return f"{node.content}: {node.attrs.get('src', '')}"
        case "link":
            text = "".join(_shown(child) for child in node.children)
            leads = str(node.attrs.get("href", ""))
            return text if leads in (text, f"mailto:{text}") else f"{text}: {leads}"
        case _:
            inner = "".join(_shown(child) for child in node.children)
            return inner or node.content
