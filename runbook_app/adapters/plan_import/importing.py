"""A Markdown document in, a plan's text and what is doubtful about it out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook_app.adapters.plan_file.nodes import no_collection
from runbook_app.adapters.plan_file.source import Place, Source, read_source
from runbook_app.adapters.plan_import.document import Document, read_document
from runbook_app.adapters.plan_import.draft import Draft
from runbook_app.adapters.plan_import.gathering import Gathering
from runbook_app.adapters.plan_import.writing import write
from runbook_app.domain.errors import Mistake, PlanError

MAX_BYTES = 1024 * 1024
"""Some hundred times a long plan; reading that much takes seconds."""


@dataclass(frozen=True, slots=True)
class Imported:
    text: str
    """The plan, as YAML."""
    counts: dict[str, int]
    """What it holds, by name."""
    notes: tuple[Mistake, ...]
    """What was doubtful, with its line."""
    left: tuple[Mistake, ...]
    """What could not be placed; the plan's last lines are comments that hold it."""


def import_plan(path: Path) -> Imported:
    """Read a written plan.

    Raises:
        PlanError: the file can't be read, or holds no steps.
    """
    source = _source(path)
    with no_collection():
        document = read_document(source.text)
        draft = Gathering(document, source, path.stem).gather()
        if not draft.items:
            source.mistakes.clear()
            raise PlanError((_no_steps(source),))
        text = write(draft, document, path.name)
    notes = tuple(sorted(source.mistakes, key=lambda note: note.position.line))
    return Imported(text, _counts(draft), notes, tuple(_left(document, source)))


def _source(path: Path) -> Source:
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        nothing = Source(str(path), "")
        raise PlanError((nothing.mistake(None, f"the file can't be read: {reason}"),)) from error
    if len(data) > MAX_BYTES:
        large = Source(str(path), "")
        message = (
            f"the file has {len(data)} bytes, a document at most {MAX_BYTES};"
            " split it, and import each part"
        )
        raise PlanError((large.mistake(None, message),))
    source = read_source(str(path), data)
    if source.mistakes:
        raise PlanError(tuple(source.mistakes))
    return source


def _no_steps(source: Source) -> Mistake:
    return source.mistake(
        Place(),
        "no steps were found in this document; give each item a heading such as"
        " '## Item 1: Backups', with its steps numbered below it: '1. Stop the service (5 min)'",
    )


def _counts(draft: Draft) -> dict[str, int]:
    return {
        "items": len(draft.items),
        "steps": sum(len(item.steps) for item in draft.items),
        "checkpoint lines": sum(len(item.checkpoint) for item in draft.items),
        "success criteria": sum(len(item.success) for item in draft.items),
        "risks": len(draft.risks),
        "sections of text": sum(len(group) for group in draft.groups.values()),
    }


def _left(document: Document, source: Source) -> list[Mistake]:
    return [
        source.mistake(
            Place(found.first - 1, 0),
            f"not placed, to line {found.last}: {found.why}; it is a comment at the plan's end",
            warning=True,
        )
        for found in document.remains
    ]
