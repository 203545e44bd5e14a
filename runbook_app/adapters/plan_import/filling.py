"""Gives an item what stands below its heading: by its labels, its lists and its step headings."""

from __future__ import annotations

import re
from collections.abc import Callable

from runbook_app.adapters.plan_file.reading import is_inside
from runbook_app.adapters.plan_import import words
from runbook_app.adapters.plan_import.document import (
    Block,
    Code,
    Entry,
    Line,
    Listing,
    Section,
    Text,
)
from runbook_app.adapters.plan_import.draft import (
    ItemDraft,
    StepDraft,
    add,
    instructions,
    shortened,
    text_lines,
)

FIELD = re.compile(r"([A-Za-z][A-Za-z ]{0,30}):\s+(.+)", re.DOTALL)
_FILE = re.compile(r"(\S+)(?:\s+\((.+)\)|\s*[-–—:]\s+(.+))?")
_PLAIN_LABEL = re.compile(r"[\w\s-]+")
_TARGETS = ("steps", "creates", "modifies", "success", "checkpoint")
_TOLD = {
    "what": "what",
    "why": "why",
    "status": "declared_status",
    "not_required": "not_required",
}
_PRIORITIES = ("critical", "high", "medium", "low")


class Filling:
    """Fills items; what is doubtful is noted with its line."""

    def __init__(
        self, note: Callable[[int, str], None], is_item: Callable[[Section], bool]
    ) -> None:
        self._note = note
        self._is_item = is_item

    def item(self, item: ItemDraft, section: Section) -> None:
        """Give an item all that stands below its heading, other items aside."""
        self._fill(item, section.blocks, "")
        for child in section.sections:
            self._part(item, child)

    def _part(self, item: ItemDraft, section: Section) -> None:
        """A heading below an item's own."""
        if self._is_item(section):
            return
        if name := words.step_heading(section.title):
            self._step_section(item, section, name)
            return
        means = words.meaning(section.title)
        if means in _TARGETS:
            self._keep_label(item, section.title, "")
            self._fill(item, section.blocks, means)
        else:
            item.further += [f"{section.title}:", *text_lines(section.blocks)]
        for child in section.sections:
            self._part(item, child)

    def _fill(self, item: ItemDraft, blocks: list[Block], target: str) -> None:
        """Give an item what stands below it; `target` is what the last label announced."""
        for block in blocks:
            match block:
                case Text():
                    for line in block.lines:
                        target = self._prose(item, line, target)
                case Listing():
                    self._list(item, block, target)
                case Code() if target == "steps" and item.steps:
                    item.steps[-1].instructions += instructions([block])
                case _:
                    item.further += text_lines([block])

    def _prose(self, item: ItemDraft, line: Line, target: str) -> str:
        """Take a line of an item; what the lines after it are about."""
        if not line.label:
            if target == "" and "what" not in item.told:
                item.told["what"] = line.text
            elif target == "steps" and item.steps:
                item.steps[-1].instructions.append(line.text)
            else:
                item.further.append(line.text)
            return target
        means = words.meaning(line.label)
        if means in _TARGETS:
            self._keep_label(item, line.label, line.text)
            return means
        if line.text and self._tell(item, means, line.text, line.number):
            return target
        item.further.append(line.words)
        return target if line.text else "text"

    def _keep_label(self, item: ItemDraft, label: str, text: str) -> None:
        if text or not _PLAIN_LABEL.fullmatch(label):
            item.further.append(f"{label}: {text}".rstrip())

    def _tell(self, item: ItemDraft, means: str, text: str, number: int) -> bool:
        """Give an item one of its own keys; false where it has no such key, or has it already."""
        if means == "estimate":
            key, value = means, words.duration(text)
            if value is None:
                self._note(
                    number,
                    f"{text!r} is no duration that is understood, and is kept as text;"
                    " write it like '30 min', '1h 30m' or '2-3 hours'",
                )
        elif means == "priority":
            key, value = means, next((p for p in _PRIORITIES if p == text.lower()), None)
        else:
            key, value = _TOLD.get(means, ""), text
        if not key or not value or key in item.told:
            return False
        item.told[key] = value
        return True

    def _list(self, item: ItemDraft, block: Listing, target: str) -> None:
        steps = target == "steps" or (block.numbered and target in ("", "text") and not item.steps)
        for entry in block.entries:
            if steps:
                item.steps.append(self._step(entry))
            elif target in ("success", "checkpoint"):
                lines = item.success if target == "success" else item.checkpoint
                self.line(item, lines, entry)
            elif target in ("creates", "modifies"):
                self._file(item, item.creates if target == "creates" else item.modifies, entry)
            elif target or not self._field(item, entry):
                item.further += text_lines([Listing(entries=(entry,), numbered=block.numbered)])

    def _field(self, item: ItemDraft, entry: Entry) -> bool:
        found = FIELD.fullmatch(entry.text)
        if found is None or entry.blocks:
            return False
        return self._tell(item, words.meaning(found[1]), found[2], entry.number)

    def line(self, item: ItemDraft, lines: dict[str, list[int]], entry: Entry) -> None:
        """Take a list's entry as a line of a checkpoint, or as a criterion."""
        if text := words.ticked(entry.text):
            add(lines, text, entry.number)
        item.further += text_lines(entry.blocks)

    def _file(self, item: ItemDraft, files: list[tuple[str, str]], entry: Entry) -> None:
        found = _FILE.fullmatch(entry.text)
        if found and is_inside(found[1]) and not entry.blocks:
            files.append((found[1], found[2] or found[3] or ""))
            return
        self._note(
            entry.number,
            f"{entry.text!r} is no file in the target, and is kept as text;"
            " write its path first, then what it is in brackets",
        )
        item.further += text_lines([Listing(entries=(entry,), numbered=False)])

    def _step(self, entry: Entry) -> StepDraft:
        lines = list(entry.lines)
        first = lines.pop(0) if lines else Line(text="", number=entry.number)
        rest = [line.words for line in lines]
        if first.label and first.text and not words.duration(first.text):
            rest.insert(0, first.text)
            text = first.label
        else:
            text = first.words if first.text else first.label
        title = self._timed_title(text, entry.number, rest)
        step = StepDraft(title=title[0], number=entry.number, estimate=title[1])
        step.instructions = [*rest, *instructions(entry.blocks)]
        return step

    def _timed_title(self, text: str, number: int, rest: list[str]) -> tuple[str, str]:
        title, estimate, strange = words.timed(words.ticked(text))
        if strange:
            self._note(
                number,
                f"{strange!r} is no duration that is understood, and stays in the title;"
                " write it like '(30 min)' or '(2-3 hours)'",
            )
        return shortened(title or "Step", rest), estimate

    def _step_section(self, item: ItemDraft, section: Section, name: str) -> None:
        rest: list[str] = []
        title, estimate = self._timed_title(name, section.number, rest)
        step = StepDraft(title=title, number=section.number, estimate=estimate)
        for block in section.blocks:
            if not isinstance(block, Listing):
                rest += instructions([block])
                continue
            kept = tuple(entry for entry in block.entries if not _tell(step, entry))
            rest += instructions([Listing(entries=kept, numbered=block.numbered)])
        for child in section.sections:
            for inner in child.all():
                rest += [f"{inner.title}:", *instructions(inner.blocks)]
        step.instructions = rest
        item.steps.append(step)


def _tell(step: StepDraft, entry: Entry) -> bool:
    """Give a step its time or its block, where an entry says that: `Estimate: 5m`."""
    found = FIELD.fullmatch(entry.text)
    means = words.meaning(found[1]) if found else ""
    if found and means == "estimate" and not step.estimate:
        step.estimate = words.duration(found[2]) or ""
        return bool(step.estimate)
    if found and means == "block" and not step.block:
        step.block = found[2]
        return True
    return False
