"""Finds a plan's parts in a document: items by their headings, the rest by what its labels say."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from runbook_app.adapters.plan_file.figures import read_block_line, span_of
from runbook_app.adapters.plan_file.nodes import Scalar
from runbook_app.adapters.plan_file.reading import is_inside
from runbook_app.adapters.plan_file.source import Place, Source
from runbook_app.adapters.plan_import import words
from runbook_app.adapters.plan_import.document import (
    Block,
    Code,
    Document,
    Listing,
    Section,
    Table,
    Text,
)
from runbook_app.adapters.plan_import.draft import (
    CategoryDraft,
    Draft,
    ItemDraft,
    RiskDraft,
    SectionDraft,
    StepDraft,
    shortened,
    text_lines,
)
from runbook_app.adapters.plan_import.filling import FIELD, Filling
from runbook_app.domain.clock import format_duration

MOST_ITEMS = 1000
COMPOSE = "docker-compose.yml"

_COMPOSE = re.compile(r"[\w./-]*compose[\w.-]*\.ya?ml\b")
_VERSION = re.compile(r"\bversion$", re.IGNORECASE)


class Gathering:
    """Gathers one draft; what is doubtful goes into the source as warnings, with its line."""

    def __init__(self, document: Document, source: Source, name: str) -> None:
        """`name` is the title of a document that has none."""
        self._document = document
        self._source = source
        root = document.root
        self._head = next((section for section in root.sections if section.level == 1), root)
        title = words.unmarked(self._head.title)[0] if self._head.title else name
        self.draft = Draft(title=title or name)
        self._items: dict[int, ItemDraft] = {}
        self._sections: dict[Section, ItemDraft | None] = dict.fromkeys(self._find_items())
        """Those that are items."""
        self._filling = Filling(self._note, self._sections.__contains__)
        self._blocks: dict[int, list[str]] = {}
        """Clock-timed lines by the number of the item that their block is about."""
        self._sign_off: ItemDraft | None = None
        self._sign_off_lines: list[SectionDraft] = []

    def gather(self) -> Draft:
        if self._document.unclosed:
            self._note(
                self._document.unclosed,
                "the code block that begins here is never closed, so that all below it is taken"
                " for code; end it with a line of ```",
            )
        if not self._sections:
            return self.draft
        for section in self._sections:
            self._begin(section)
        self._walk(self._document.root, "")
        self._named_items()
        self._finish()
        return self.draft

    def _note(self, number: int, message: str) -> None:
        self._source.wrong(Place(number - 1, 0), message, warning=True)

    # Items

    def _find_items(self) -> list[Section]:
        """Sections whose heading names an item; without any, those with numbered steps."""
        open_sections = list(_outside_topics(self._document.root, self._head))
        numbered = [section for section in open_sections if _is_numbered(section)]
        return numbered or [section for section in open_sections if _has_steps(section)]

    def _begin(self, section: Section) -> None:
        title, status = words.unmarked(section.title)
        heading = words.item_heading(title)
        wanted, name = heading or (0, title)
        place = self._free(wanted)
        if heading and place != wanted:
            self._note(
                section.number,
                f"there is an item {wanted} already, or none can have that number;"
                f" this one is item {place}",
            )
        further: list[str] = []
        name = shortened(name or self.draft.title, further)
        item = ItemDraft(place=place, title=name, number=section.number, further=further)
        if status:
            item.told["declared_status"] = status
        self._items[place] = item
        self._sections[section] = item
        self.draft.items.append(item)

    def _free(self, wanted: int) -> int:
        if 0 < wanted <= MOST_ITEMS and wanted not in self._items:
            return wanted
        return max((n for n in self._items if n <= MOST_ITEMS), default=0) + 1

    # The document around them

    def _walk(self, section: Section, inherited: str) -> None:
        if item := self._sections.get(section):
            self._filling.item(item, section)
            self._walk_items_below(section)
            return
        head = section is self._head or section is self._document.root
        about = "baseline" if head else words.topic(section.title) or inherited
        title, about = section.title, "sections" if inherited == "sections" else about
        if about == "risks":
            self._risks(section)
            return
        if about == "sections":
            self._kept(section, about)
        elif about == "checkpoints" or re.match(r"checkpoint\b", title, re.IGNORECASE):
            self._checkpoint(section)
        elif about == "blocks":
            self._timetable(section)
        elif about == "success" or words.is_sign_off(title):
            self._success(section)
        elif about in ("principles", "troubleshooting"):
            self._texts(section, about)
        elif section.blocks or section.title:
            self._kept(section, about or "sections")
        for child in section.sections:
            self._walk(child, "" if head else about)

    def _walk_items_below(self, section: Section) -> None:
        for child in section.sections:
            if child in self._sections:
                self._walk(child, "")
            else:
                self._walk_items_below(child)

    def _kept(self, section: Section, group: str, lines: list[str] | None = None) -> None:
        """Keep a section's text; an empty one for its heading."""
        kept = list(text_lines(section.blocks)) if lines is None else lines
        title = section.title or self.draft.title
        for block in section.blocks:
            self._figures(block)
            if (
                lines is None
                and group == "sections"
                and isinstance(block, Listing)
                and block.numbered
            ):
                self._note(
                    block.entries[0].number,
                    f"the numbered lines under {title!r} are kept as text, for its heading names"
                    f" no item; begin it with 'Item {self._free(0)}:' to have steps of them",
                )
        draft = SectionDraft(title=shortened(title, kept), number=section.number, lines=kept)
        self.draft.groups[group].append(draft)

    def _figures(self, block: Block) -> None:
        """The plan's own figures in its text: version, approval, scores."""
        if isinstance(block, Table):
            self._score(block)
        for line in block.lines if isinstance(block, Text) else ():
            if _VERSION.search(line.label) and line.text:
                self.draft.version = line.text
            elif line.label.lower() == "status" and line.text.lower().startswith("approved"):
                self.draft.approval = words.unmarked(line.text)[0]
            elif line.label.lower() == "next action":
                self.draft.next_action = line.text

    def _score(self, table: Table) -> None:
        """A table of categories, each with its score now and to be reached."""
        header = [cell.lower() for cell in table.rows[0][1]] if table.rows else []
        if "current" not in header or "target" not in header or header[0] in ("current", "target"):
            return
        for _, cells in table.rows[1:]:
            name = cells[0]
            current = words.score(cells[header.index("current")])
            target = words.score(cells[header.index("target")])
            if not name or current is None or target is None:
                continue
            if name.lower() == "total":
                self.draft.declared = (current, target)
            else:
                category = CategoryDraft(name=name, current=current, target=target)
                self.draft.categories.append(category)

    def _texts(self, section: Section, about: str) -> None:
        texts = self.draft.principles if about == "principles" else self.draft.troubleshooting
        rest = [block for block in section.blocks if not isinstance(block, Listing)]
        for block in section.blocks:
            for entry in block.entries if isinstance(block, Listing) else ():
                texts += [entry.text] if entry.lines else []
                texts += text_lines(entry.blocks)
        self._kept(section, "sections", list(text_lines(rest)))

    def _risks(self, section: Section) -> None:
        """Each heading below is a risk; without any, each entry of a list is."""
        parts = section.sections
        own = re.match(r"risk\b\s*#?\d+", section.title, re.IGNORECASE) is not None
        listed = any(isinstance(block, Listing) for block in section.blocks)
        if own or (section.blocks and not parts and not listed):
            self._risk(section)
            return
        rest = []
        for block in section.blocks:
            if parts or not isinstance(block, Listing):
                rest.append(block)
                continue
            for entry in block.entries:
                mitigation = list(text_lines(entry.blocks))
                title = shortened(words.ticked(entry.text) or "Risk", mitigation)
                risk = RiskDraft(title=title, number=entry.number, mitigation=mitigation)
                self.draft.risks.append(risk)
        self._kept(section, "sections", list(text_lines(rest)))
        for child in parts:
            self._risk(child)

    def _risk(self, section: Section) -> None:
        risk = RiskDraft(title="", number=section.number)
        risk.title = shortened(words.ticked(section.title) or "Risk", risk.mitigation)
        for block in [block for inner in section.all() for block in inner.blocks]:
            for line in text_lines([block]):
                found = FIELD.fullmatch(line)
                means = words.meaning(found[1]) if found else words.meaning(line.rstrip(":"))
                if found and means == "rollback" and not risk.rollback:
                    risk.rollback, risk.budget, _ = words.timed(found[2])
                elif found and means == "budget" and words.duration(found[2]):
                    risk.budget = words.duration(found[2]) or ""
                elif found or means != "mitigation":
                    risk.mitigation.append(line)
        risk.mitigation += [f"{inner.title}:" for inner in section.all() if inner is not section]
        self.draft.risks.append(risk)

    def _checkpoint(self, section: Section) -> None:
        title = section.title
        item = self._meant(title)
        lists = [block for block in section.blocks if isinstance(block, Listing)]
        if item is None:
            if lists:
                self._note(
                    section.number,
                    f"{title!r} belongs to no item of this document, and is kept as text;"
                    " name one, as in 'Checkpoint 1: Before Item 2'",
                )
            self._kept(section, "sections")
            return
        if not words.is_checkpoint_heading(title):
            item.further.append(f"{title}:")
        rest = [block for block in section.blocks if not isinstance(block, Listing)]
        for block in lists:
            for entry in block.entries:
                self._filling.line(item, item.checkpoint, entry)
        item.further += text_lines(rest)

    def _meant(self, text: str) -> ItemDraft | None:
        """The item that a title is about; the sign-off is made when it is first named."""
        place = words.mentioned(text)
        if place is not None:
            return self._items.get(place)
        if not words.is_sign_off(text):
            return None
        if self._sign_off is None:
            named = (item for item in self.draft.items if words.is_sign_off(item.title))
            made = ItemDraft(place=0, title="Sign-off", number=0)
            self._sign_off = next(named, made)
        return self._sign_off

    def _success(self, section: Section) -> None:
        """Lists of criteria, each under a heading or a label that names its item."""
        item, kept = self._meant(section.title), []
        for block in section.blocks:
            for line in block.lines if isinstance(block, Text) else ():
                if line.label and not line.text and (meant := self._meant(line.label)):
                    item = meant
                else:
                    kept.append(line.words)
            if isinstance(block, Listing) and item is not None:
                for entry in block.entries:
                    self._filling.line(item, item.success, entry)
            elif not isinstance(block, Text):
                kept += text_lines([block])
        if item is not None and not item.number:
            item.number = section.number
        self._kept(section, "sections", kept)

    def _timetable(self, section: Section) -> None:
        """Blocks of clock-timed lines, each under a label or a heading of its own."""
        own = SectionDraft(title=section.title, number=section.number)
        block = own
        found = []
        for part in section.blocks:
            for line in part.lines if isinstance(part, Text) else ():
                if line.label and not line.text and re.match(r"block\b", line.label, re.I):
                    block = SectionDraft(title=line.label, number=line.number)
                    found.append(block)
                else:
                    own.lines.append(line.words)
            if not isinstance(part, Text):
                block.lines += text_lines([part])
        self.draft.groups["blocks"] += [*found, own]
        for draft in [*found, own]:
            place = words.mentioned(draft.title)
            if place is not None:
                self._blocks.setdefault(place, []).extend(draft.lines)
            elif words.is_sign_off(draft.title):
                self._meant(draft.title)
                self._sign_off_lines.append(draft)

    # What follows from the whole

    def _named_items(self) -> None:
        """Items that the document only names, with how they stand: measured by asking."""
        if not any(_is_numbered(section) for section in self._sections):
            return
        found: dict[int, ItemDraft] = {}
        for text, number in self._said():
            named = words.named(text)
            if named is None or named.number in self._items or named.number > MOST_ITEMS:
                continue
            draft = ItemDraft(place=named.number, title=named.title, number=number)
            item = found.setdefault(named.number, draft)
            key = "declared_status" if named.is_status else "what"
            if named.told:
                item.told.setdefault(key, named.told)
        for place, item in sorted(found.items()):
            self._items[place] = item
            self._ask_for(item)
        self.draft.items[:0] = [item for _, item in sorted(found.items())]

    def _said(self) -> Iterator[tuple[str, int]]:
        for section in self._document.root.all():
            if section in self._sections:
                continue
            for block in section.blocks:
                if isinstance(block, Listing):
                    yield from ((entry.text, entry.number) for entry in block.entries)
                elif isinstance(block, Code):
                    yield from ((line.text, line.number) for line in block.lines)

    def _ask_for(self, item: ItemDraft) -> None:
        status = item.told.get("declared_status", "")
        if status.upper().startswith("NOT REQUIRED"):
            item.told["not_required"] = status
            return
        claim = item.told.get("what") or status or item.title
        rest: list[str] = []
        title = shortened(f"See that it is so: {claim}", rest)
        item.steps.append(StepDraft(title=title, number=item.number, instructions=rest))
        self._note(
            item.number,
            f"item {item.place} is only named here; it has one step, to see that what is said"
            " of it holds",
        )

    def _finish(self) -> None:
        self._finish_sign_off()
        for item in self.draft.items:
            if not item.steps and "not_required" not in item.told:
                self._note(
                    item.number,
                    f"item {item.place} has no numbered steps; it has one that holds its text",
                )
                step = StepDraft(title=item.title, number=item.number, instructions=item.further)
                item.steps, item.further = [step], []
            _give_blocks(item, self._blocks.get(item.place, []))
        self._find_compose()
        for item in self.draft.items:
            if item.further:
                title = f"Further text of item {item.place}: {item.title}"
                section = SectionDraft(title=title, number=item.number, lines=item.further)
                self.draft.groups["sections"].append(section)

    def _finish_sign_off(self) -> None:
        item = self._sign_off
        if item is None:
            return
        if item.place:
            item.sign_off = item is self.draft.items[-1]
            return
        item.place, item.sign_off = self._free(0), True
        if self._sign_off_lines:
            block = self._sign_off_lines[0]
            item.number = block.number
            item.title = _block_name(block.title) or item.title
        for block in self._sign_off_lines:
            for line in block.lines:
                if read_block_line(Scalar(line, plain=False, mark=None)):
                    item.steps.append(_block_step(line, block.number))
        item.number = item.number or 1
        self.draft.items.append(item)

    def _find_compose(self) -> None:
        named = _COMPOSE.findall("\n".join(self._document.lines))
        self.draft.compose = next((name for name in named if is_inside(name)), COMPOSE)
        if self.draft.compose not in named:
            self._note(
                1,
                f"the document names no Compose file; 'target' says {COMPOSE}, put yours there",
            )


def _outside_topics(section: Section, head: Section) -> Iterator[Section]:
    """Sections that may be items: neither about risks and the like, nor below such a one."""
    yield section
    for child in section.sections:
        title = words.unmarked(child.title)[0]
        if child is head or words.item_heading(title) or not _is_told_apart(title):
            yield from _outside_topics(child, head)


def _is_numbered(section: Section) -> bool:
    return words.item_heading(words.unmarked(section.title)[0]) is not None


def _is_told_apart(title: str) -> bool:
    checkpoint = re.match(r"checkpoint\b", title, re.IGNORECASE) is not None
    return checkpoint or words.topic(title) not in ("", "baseline") or words.is_sign_off(title)


def _has_steps(section: Section) -> bool:
    lists = (block for block in section.blocks if isinstance(block, Listing))
    return any(block.numbered for block in lists) or any(
        words.step_heading(child.title) for child in section.sections
    )


def _give_blocks(item: ItemDraft, lines: list[str]) -> None:
    """Give each step the clock-timed line that has its name."""
    named: dict[str, str] = {}
    for line in lines:
        if read_block_line(Scalar(line, plain=False, mark=None)):
            named.setdefault(_block_line_name(line).casefold(), line)
    for step in item.steps:
        step.block = step.block or named.get(step.title.casefold(), "")


def _block_line_name(line: str) -> str:
    return line.partition("UTC")[2].lstrip(": ").strip()


def _block_name(title: str) -> str:
    """`Final Verification & Sign-off` of `Block 4: Final … (Hours 10-12)`."""
    return re.sub(r"^block\s+\d+\s*:\s*|\s*\([^()]*\)$", "", title, flags=re.IGNORECASE)


def _block_step(line: str, number: int) -> StepDraft:
    span = span_of(line)
    length = span.length if span else timedelta()
    rest: list[str] = []
    title = shortened(_block_line_name(line) or line, rest)
    estimate = format_duration(length) if length else ""
    return StepDraft(title=title, number=number, estimate=estimate, block=line, instructions=rest)
