"""What a dry run says, in rows: the words that lines and screens share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

from runbook_app.domain.forecast import (
    Certainty,
    Forecast,
    Foreseen,
    ItemForecast,
    StepForecast,
    Told,
)
from runbook_app.domain.markdown import measured
from runbook_app.domain.measure import Progress

LABEL = max(len(certainty) for certainty in Certainty)
"""Columns of the longest label."""
_PROGRESS = {Progress.DONE: "done", Progress.NOT_DONE: "not done", Progress.PARTLY: "partly done"}


class Kind(Enum):
    HEAD = auto()
    """Of the whole."""
    BLANK = auto()
    ITEM = auto()
    OF_ITEM = auto()
    """A remark about an item."""
    STEP = auto()
    OF_STEP = auto()
    """A remark about a step."""
    TOLD = auto()
    """A statement, with its label."""
    TEXT = auto()
    """A line of a diff, a statement or a command, kept as it is."""


class Weight(Enum):
    PLAIN = auto()
    STRONG = auto()
    FAINT = auto()
    GOOD = auto()
    BAD = auto()
    CARE = auto()


@dataclass(frozen=True, slots=True)
class Row:
    kind: Kind
    text: str = ""
    """May have several lines."""
    weight: Weight = Weight.STRONG
    certainty: Certainty | None = None


_BLANK = Row(Kind.BLANK)
_WEIGHTS = {
    Certainty.PROVED: Weight.GOOD,
    Certainty.PREDICTED: Weight.PLAIN,
    Certainty.UNKNOWN: Weight.CARE,
}


def forecast_rows(forecast: Forecast) -> Iterator[Row]:
    """All of it, from what was looked at to the count."""
    head = f"DRY RUN of {forecast.title} {forecast.version} on {forecast.target}"
    yield Row(Kind.HEAD, head)
    yield Row(
        Kind.HEAD, "Nothing is changed: no file, no container, no row, and no session is begun."
    )
    for item in forecast.items:
        yield _BLANK
        yield from item_rows(item)
    yield _BLANK
    yield Row(Kind.HEAD, f"DRY RUN, nothing was changed: {counted_words(forecast)}")


def item_rows(item: ItemForecast) -> Iterator[Row]:
    yield Row(Kind.ITEM, f"Item {item.number} {item.title} ({item.id})")
    if item.needs:
        needed = ", ".join(item.needs)
        yield _told(
            Certainty.UNKNOWN,
            f"whether {needed} is done, which it needs: it is no part of this dry run",
        )
    if item.not_required:
        yield Row(Kind.OF_ITEM, f"not required: {item.not_required}", Weight.FAINT)
    if item.checkpoint:
        lines = ", ".join(item.checkpoint)
        yield _told(Certainty.UNKNOWN, f"whether its checkpoint passes, which a run asks: {lines}")
    for step in item.steps:
        yield Row(Kind.STEP, f"{step.number} {step.title} [{step.action}]")
        yield from _step(step)
    if item.criteria:
        criteria = "success criterion holds" if item.criteria == 1 else "success criteria hold"
        yield _told(
            Certainty.UNKNOWN,
            f"whether {item.criteria} {criteria}, which a run measures at the end",
        )
    if item.commit and any(step.to_do for step in item.steps):
        yield _told(Certainty.PREDICTED, f"commit of what it changed: {item.commit}")


def counted_words(forecast: Forecast) -> str:
    counted = forecast.counted
    head = "something to do" if forecast.to_do else "nothing to do"
    return (
        f"{head}. Steps with something to do: {counted.to_do},"
        f" proved done: {counted.proved_done}, predicted done: {counted.predicted_done},"
        f" where not all can be known: {counted.cannot_know}."
    )


def _step(step: StepForecast) -> Iterator[Row]:
    if step.not_applicable:
        yield Row(Kind.OF_STEP, f"not applicable: {step.not_applicable}", Weight.FAINT)
        return
    if step.check is not None:
        yield _check(step.check)
    for change in step.changes:
        yield from _change(change)
    for taken in step.measured:
        weight = Weight.PLAIN if taken.ok else Weight.BAD
        yield _told(Certainty.PROVED, measured(taken), weight)
    for assumed in step.assumes:
        yield _told(Certainty.PREDICTED, f"only if {assumed}", Weight.FAINT)
    if step.fails:
        certainty = Certainty.PREDICTED if step.effect else Certainty.PROVED
        words = f"would fail: {step.fails}" if step.effect else step.fails
        yield _told(certainty, words, Weight.BAD)
    if step.cannot_know:
        yield _told(Certainty.UNKNOWN, step.cannot_know)
    elif step.to_do and not (step.changes or step.fails):
        yield _told(Certainty.PREDICTED, "changes nothing that can be told")


def _check(told: Told) -> Row:
    if told.progress is None:
        return _told(told.certainty, f"whether it is done: {told.evidence}")
    nothing = ", nothing to do" if told.done else ""
    evidence = f": {told.evidence}" if told.evidence else ""
    return _told(told.certainty, f"{_PROGRESS[told.progress]}{nothing}{evidence}")


def _change(change: Foreseen) -> Iterator[Row]:
    yield _told(Certainty.PREDICTED, f"{change.kind} {change.name} {change.how}".rstrip())
    for text in change.text.splitlines():
        yield Row(Kind.TEXT, text, _diff_weight(change, text))


def _diff_weight(change: Foreseen, text: str) -> Weight:
    if change.kind != "file" or text.startswith(("---", "+++")):
        return Weight.FAINT
    return {"+": Weight.GOOD, "-": Weight.BAD}.get(text[:1], Weight.FAINT)


def _told(certainty: Certainty, text: str, weight: Weight | None = None) -> Row:
    return Row(Kind.TOLD, text, _WEIGHTS[certainty] if weight is None else weight, certainty)
