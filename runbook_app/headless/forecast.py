"""A dry run in lines, or as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

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
from runbook_app.headless.lines import Line, Tone

_TONES = {
    Certainty.PROVED: Tone.GOOD,
    Certainty.PREDICTED: Tone.PLAIN,
    Certainty.UNKNOWN: Tone.CARE,
}
_WIDTH = max(len(certainty) for certainty in Certainty)
_PROGRESS = {Progress.DONE: "done", Progress.NOT_DONE: "not done", Progress.PARTLY: "partly done"}


def forecast_fields(forecast: Forecast) -> dict[str, object]:
    """What `plan --json` prints."""
    fields: dict[str, object] = {"dry_run": True, "to_do": forecast.to_do}
    fields |= msgspec.to_builtins(msgspec.structs.replace(forecast, items=()))
    fields["items"] = [_item_fields(item) for item in forecast.items]
    fields["counted"] = msgspec.to_builtins(forecast.counted)
    return fields


def _item_fields(item: ItemForecast) -> dict[str, object]:
    fields: dict[str, object] = msgspec.to_builtins(item)
    fields["steps"] = [
        {
            **msgspec.to_builtins(step),
            "certainty": step.certainty.value,
            "to_do": step.to_do,
            "changes": [
                {"certainty": Certainty.PREDICTED.value, **msgspec.to_builtins(change)}
                for change in step.changes
            ],
        }
        for step in item.steps
    ]
    return fields


def forecast_lines(forecast: Forecast) -> Iterator[Line]:
    """What `plan` prints."""
    yield Line(f"DRY RUN of {forecast.title} {forecast.version} on {forecast.target}", Tone.STRONG)
    yield Line(
        "Nothing is changed: no file, no container, no row, and no session is begun.", Tone.STRONG
    )
    for item in forecast.items:
        yield Line("")
        yield from _item(item)
    yield Line("")
    yield from _summary(forecast)


def _item(item: ItemForecast) -> Iterator[Line]:
    yield Line(f"Item {item.number} {item.title} ({item.id})", Tone.STRONG)
    if item.needs:
        needed = ", ".join(item.needs)
        yield _told(
            Certainty.UNKNOWN,
            f"whether {needed} is done, which it needs: it is no part of this dry run",
        )
    if item.not_required:
        yield Line(f"  not required: {item.not_required}", Tone.FAINT)
    if item.checkpoint:
        lines = ", ".join(item.checkpoint)
        yield _told(Certainty.UNKNOWN, f"whether its checkpoint passes, which a run asks: {lines}")
    for step in item.steps:
        yield Line(f"  {step.number} {step.title} [{step.action}]", Tone.STRONG)
        yield from _step(step)
    if item.criteria:
        criteria = "success criterion holds" if item.criteria == 1 else "success criteria hold"
        yield _told(
            Certainty.UNKNOWN,
            f"whether {item.criteria} {criteria}, which a run measures at the end",
        )
    if item.commit and any(step.to_do for step in item.steps):
        yield _told(Certainty.PREDICTED, f"commit of what it changed: {item.commit}")


def _step(step: StepForecast) -> Iterator[Line]:
    if step.not_applicable:
        yield Line(f"    not applicable: {step.not_applicable}", Tone.FAINT)
        return
    if step.check is not None:
        yield _check(step.check)
    for change in step.changes:
        yield from _change(change)
    for taken in step.measured:
        yield _told(Certainty.PROVED, measured(taken), Tone.PLAIN if taken.ok else Tone.BAD)
    for assumed in step.assumes:
        yield _told(Certainty.PREDICTED, f"only if {assumed}", Tone.FAINT)
    if step.fails:
        certainty = Certainty.PREDICTED if step.effect else Certainty.PROVED
        words = f"would fail: {step.fails}" if step.effect else step.fails
        yield _told(certainty, words, Tone.BAD)
    if step.cannot_know:
        yield _told(Certainty.UNKNOWN, step.cannot_know)
    elif step.to_do and not (step.changes or step.fails):
        yield _told(Certainty.PREDICTED, "changes nothing that can be told")


def _check(told: Told) -> Line:
    if told.progress is None:
        return _told(told.certainty, f"whether it is done: {told.evidence}")
    nothing = ", nothing to do" if told.done else ""
    evidence = f": {told.evidence}" if told.evidence else ""
    return _told(told.certainty, f"{_PROGRESS[told.progress]}{nothing}{evidence}")


def _change(change: Foreseen) -> Iterator[Line]:
    head = f"{change.kind} {change.name} {change.how}".rstrip()
    yield _told(Certainty.PREDICTED, head)
    for text in change.text.splitlines():
        yield Line(f"{' ' * (_WIDTH + 6)}{text}", _diff_tone(change, text))


def _diff_tone(change: Foreseen, text: str) -> Tone:
    if change.kind != "file" or text.startswith(("---", "+++")):
        return Tone.FAINT
    return {"+": Tone.GOOD, "-": Tone.BAD}.get(text[:1], Tone.FAINT)


def _told(certainty: Certainty, text: str, tone: Tone | None = None) -> Line:
    head, *more = text.splitlines() or [""]
    rest = "".join(f"\n{' ' * (_WIDTH + 6)}{line}" for line in more)
    return Line(
        f"    {certainty:{_WIDTH}}  {head}{rest}", _TONES[certainty] if tone is None else tone
    )


def _summary(forecast: Forecast) -> Iterator[Line]:
    counted = forecast.counted
    head = "something to do" if forecast.to_do else "nothing to do"
    yield Line(
        f"DRY RUN, nothing was changed: {head}. Steps with something to do: {counted.to_do},"
        f" proved done: {counted.proved_done}, predicted done: {counted.predicted_done},"
        f" where not all can be known: {counted.cannot_know}.",
        Tone.STRONG,
    )
