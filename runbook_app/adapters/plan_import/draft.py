"""What a plan will hold, as it is gathered from a document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from runbook_app.adapters.plan_file.items import slug
from runbook_app.adapters.plan_file.kinds import ID_PATTERN
from runbook_app.adapters.plan_import.document import Block, Code, Entry, Listing, Table, Text
from runbook_app.adapters.plan_import.words import title_of

GROUPS = ("blocks", "baseline", "documents", "links", "next_phases", "sections")
"""Keys of the plan that hold text of the document."""


@dataclass(slots=True)
class Names:
    """Ids of one list, each given once."""

    taken: set[str] = field(default_factory=set)

    def of(self, text: str, otherwise: str) -> str:
        """An id made of a title; `otherwise` where it has no letter that an id may have."""
        made = slug(text)
        made = made if ID_PATTERN.fullmatch(made) else otherwise
        name, count = made, 1
        while name in self.taken:
            count += 1
            name = f"{made}-{count}"
        self.taken.add(name)
        return name


@dataclass(slots=True, kw_only=True)
class StepDraft:
    title: str
    number: int
    """Line of the document, as everywhere here."""
    estimate: str = ""
    instructions: list[str] = field(default_factory=list)
    block: str = ""


@dataclass(slots=True, kw_only=True)
class ItemDraft:
    place: int
    """The item's own number, shown."""
    title: str
    number: int
    told: dict[str, str] = field(default_factory=dict)
    """`what`, `why`, `estimate`, `priority`, `declared_status` and `not_required`."""
    checkpoint: dict[str, list[int]] = field(default_factory=dict)
    """Lines of the document by their words; equal words are one line of the plan."""
    steps: list[StepDraft] = field(default_factory=list)
    success: dict[str, list[int]] = field(default_factory=dict)
    creates: list[tuple[str, str]] = field(default_factory=list)
    modifies: list[tuple[str, str]] = field(default_factory=list)
    further: list[str] = field(default_factory=list)
    """Text that no key of an item holds."""
    sign_off: bool = False


@dataclass(slots=True, kw_only=True)
class RiskDraft:
    title: str
    number: int
    mitigation: list[str] = field(default_factory=list)
    rollback: str = ""
    budget: str = ""


@dataclass(slots=True, kw_only=True)
class SectionDraft:
    title: str
    number: int
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class CategoryDraft:
    name: str
    current: int
    target: int


@dataclass(slots=True, kw_only=True)
class Draft:
    title: str
    version: str = "1"
    approval: str = ""
    next_action: str = ""
    compose: str = ""
    items: list[ItemDraft] = field(default_factory=list)
    risks: list[RiskDraft] = field(default_factory=list)
    categories: list[CategoryDraft] = field(default_factory=list)
    declared: tuple[int, int] | None = None
    principles: list[str] = field(default_factory=list)
    troubleshooting: list[str] = field(default_factory=list)
    groups: dict[str, list[SectionDraft]] = field(
        default_factory=lambda: {name: [] for name in GROUPS}
    )


def add(lines: dict[str, list[int]], text: str, number: int) -> None:
    """Add a line of a checkpoint or a criterion; one that is there already gets a second place."""
    same = next((known for known in lines if known.casefold() == text.casefold()), text)
    lines.setdefault(same, []).append(number)


def text_lines(blocks: Iterable[Block], depth: int = 0) -> Iterator[str]:
    """The words of blocks, one line each."""
    for block in blocks:
        match block:
            case Text():
                yield from (line.words for line in block.lines)
            case Listing():
                for entry in block.entries:
                    yield from _entry_lines(entry, depth)
            case Code():
                if block.language:
                    yield f"{block.language}:"
                yield from (" ".join(line.text.split()) for line in block.lines if line.text)
            case Table():
                yield from (" | ".join(cells) for _, cells in block.rows)


def _entry_lines(entry: Entry, depth: int) -> Iterator[str]:
    sign = f"{entry.order} " if entry.order else "- " if depth else ""
    if entry.lines:
        yield f"{sign}{entry.text}"
    yield from text_lines(entry.blocks, depth + 1)


def instructions(blocks: Iterable[Block], indent: str = "") -> Iterator[str]:
    """The words of blocks as Markdown that a step shows: lists and code stay what they are."""
    for block in blocks:
        match block:
            case Text():
                yield from (f"{indent}{line.words}" for line in block.lines)
            case Listing():
                for entry in block.entries:
                    yield f"{indent}{entry.order or '-'} {entry.text}".rstrip()
                    yield from instructions(entry.blocks, f"{indent}  ")
            case Code():
                fence = "```"
                while any(line.text.lstrip().startswith(fence) for line in block.lines):
                    fence += "`"
                yield f"{indent}{fence}{block.language}"
                yield from (f"{indent}{line.text}" for line in block.lines)
                yield f"{indent}{fence}"
            case Table():
                yield from (f"{indent}{' | '.join(cells)}" for _, cells in block.rows)


def shortened(text: str, rest: list[str]) -> str:
    """A title; where it had to be cut, the whole of it goes in front of the rest."""
    title, cut = title_of(text)
    if cut:
        rest.insert(0, text)
    return title
