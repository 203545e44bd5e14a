"""The plan's score: categories, and the checks that are measured for them."""

from __future__ import annotations

from runbook_app.adapters.plan_file import keys
from runbook_app.adapters.plan_file.calls import Calls
from runbook_app.adapters.plan_file.nodes import Mapping, Scalar, key_mark
from runbook_app.adapters.plan_file.reading import Fields, Reading
from runbook_app.adapters.plan_file.scalars import describe, resolve, shorten
from runbook_app.adapters.plan_file.variables import Value, closest, kind_of
from runbook_app.domain.measure import as_text
from runbook_app.domain.plan import ActionKind, Score, ScoreCategory, ScoreCheck


class Scores:
    def __init__(self, reading: Reading, calls: Calls) -> None:
        self._reading = reading
        self._calls = calls

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
            excluded=self._excluded(fields),
            position=fields.position(),
        )

    def _weight(self, fields: Fields) -> float:
        weight = fields.number("weight", 1.0)
        if weight == 0:
            fields.wrong("weight", "'weight': a check is worth something; take it out otherwise")
        return weight

    def _excluded(self, fields: Fields) -> str:
        """Why `when`, which maps variables to the values they must have, leaves the check out."""
        node = fields.entries.get("when")
        if node is None:
            return ""
        if not isinstance(node, Mapping) or not node.entries:
            self._reading.wrong(node, "'when' maps variables of the plan to wanted values")
            return ""
        values = self._reading.variables.values
        unmet = []
        for name, wanted in node.entries.items():
            if name not in values:
                mark = key_mark(self._reading.source, node, name)
                message = f"unknown variable {shorten(name)} in 'when'"
                suggestion = closest(name, values)
                self._reading.source.wrong(mark, message, suggestion=suggestion)
            elif not isinstance(wanted, Scalar):
                self._reading.wrong(wanted, f"'when': {name!r} has to be one value")
            elif not self._is(values[name], wanted, name):
                unmet.append(f"{name} is {as_text(values[name])}, not {wanted.text}")
        return "; ".join(unmet)

    def _is(self, value: Value, wanted: Scalar, name: str) -> bool:
        """Whether a variable has a wanted value; one of another kind is noted."""
        if isinstance(value, str):
            return value == wanted.text
        read = resolve(wanted)
        number = type(value) is float and type(read) is int
        if type(read) is not type(value) and not number:
            kind = kind_of(value)
            message = f"'when': {name!r} is {kind}, and never {describe(wanted)}"
            self._reading.wrong(wanted, message)
        return read == value
