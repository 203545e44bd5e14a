"""The plan's score: categories, and the checks that are measured for them."""

from __future__ import annotations

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.calls import Calls
from runbook_app.adapters.plan_file.conditions import Conditions
from runbook_app.adapters.plan_file.reading import Fields, Reading
from runbook_app.domain.plan import ActionKind, Score, ScoreCategory, ScoreCheck


class Scores:
    def __init__(self, reading: Reading, calls: Calls) -> None:
        self._reading = reading
        self._calls = calls
        self._conditions = Conditions(reading)

    def read(self, root: Fields) -> Score:
        fields = root.inner("score", keys.SCORE)
        if fields is None:
            return Score()
        current, target = self._declared(fields)
        return Score(
            declared_current=current,
            declared_target=target,
            categories=tuple(
                self._category(inner)
                for inner in fields.each("categories", "a score category", keys.CATEGORY)
            ),
        )

    def _declared(self, fields: Fields) -> tuple[int | None, int | None]:
        declared = fields.inner("declared", keys.DECLARED_SCORE)
        if declared is None:
            return None, None
        return (
            declared.integer("current", 0, high=100) if "current" in declared else None,
            declared.integer("target", 0, high=100) if "target" in declared else None,
        )

    def _category(self, fields: Fields) -> ScoreCategory:
        current, target = self._declared(fields)
        return ScoreCategory(
            name=fields.needed_text("name"),
            declared_current=current or 0,
            declared_target=target or 0,
            weight=fields.number("weight", 1.0),
            checks=tuple(
                self._check(inner)
                for inner in fields.each("checks", "a score check", keys.SCORE_CHECK)
            ),
        )

    def _check(self, fields: Fields) -> ScoreCheck:
        check_id = fields.id()
        planned = fields.flag("planned")
        call, action = self._calls.read(fields, "check", planned=planned, measures=True)
        return ScoreCheck(
            id=check_id,
            title=fields.needed_text("title"),
            call=call,
            weight=self._weight(fields),
            source=fields.needed_text("source"),
            probe=action is not None and action.kind is ActionKind.PROBE,
            available=action is not None,
            excluded=self._conditions.excluded(fields.entries.get("when")),
            position=fields.position(),
        )

    def _weight(self, fields: Fields) -> float:
        weight = fields.number("weight", 1.0)
        if weight == 0:
            fields.wrong("weight", "'weight': a check is worth something; take it out otherwise")
        return weight
