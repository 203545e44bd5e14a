"""A dry run in lines, or as plain values for programs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from runbook_app.domain.forecast import Certainty, Forecast, ItemForecast
from runbook_app.domain.forecast_page import LABEL, Kind, Row, Weight, forecast_rows
from runbook_app.headless.lines import Line, Tone

_TONES = {
    Weight.PLAIN: Tone.PLAIN,
    Weight.STRONG: Tone.STRONG,
    Weight.FAINT: Tone.FAINT,
    Weight.GOOD: Tone.GOOD,
    Weight.BAD: Tone.BAD,
    Weight.CARE: Tone.CARE,
}
_TOLD = 4
_INDENTS = {
    Kind.OF_ITEM: 2,
    Kind.STEP: 2,
    Kind.OF_STEP: 4,
    Kind.TOLD: _TOLD,
    Kind.TEXT: _TOLD + LABEL + 2,
}


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
    return (_line(row) for row in forecast_rows(forecast))


def _line(row: Row) -> Line:
    if row.kind is Kind.BLANK:
        return Line("")
    indent = " " * _INDENTS.get(row.kind, 0)
    text = row.text
    if row.certainty is not None:
        head, *more = text.splitlines() or [""]
        rest = "".join(f"\n{' ' * _INDENTS[Kind.TEXT]}{line}" for line in more)
        text = f"{row.certainty:{LABEL}}  {head}{rest}"
    return Line(f"{indent}{text}", _TONES[row.weight])
