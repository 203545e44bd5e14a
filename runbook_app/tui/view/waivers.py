"""What was let pass on somebody's word."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemState
from runbook_app.tui.view.node import step_of
from runbook_app.tui.view.words import Line, Tone, folded


def waiver_lines(plan: Plan, items: Iterable[ItemState], width: int) -> list[Line]:
    return [
        row
        for item in items
        for text in _texts(plan, item)
        for row in folded(text, width, Tone.WARN)
    ]


def _texts(plan: Plan, known: ItemState) -> Iterator[str]:
    item = plan.item(known.id)
    for step in known.steps.values():
        if step.waiver:
            waiver, title = step.waiver, step_of(item, step.id).title
            yield (
                f"» skipped: {title}, until {waiver.expires}, owner {waiver.owner}: {waiver.reason}"
            )
    titles = {line.id: line.title for line in (*item.checkpoint, *item.success)}
    for line in (*known.checkpoint.values(), *known.success.values()):
        if line.waiver:
            waived = line.waiver
            yield (
                f"» waived: {titles.get(line.id, line.id)}, until {waived.expires},"
                f" owner {waived.owner}: {waived.reason}"
            )
