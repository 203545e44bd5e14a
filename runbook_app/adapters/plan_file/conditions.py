"""`when`: an expression, or variables mapped to the values they must have.

In an expression a reference is written `${name}`, as everywhere in a plan, and stands for its
value. Jinja parses and evaluates it; of what Jinja knows only a short list of nodes passes, so that
there are no loops, no calls and no attributes of Python's objects (docs/adr/0008).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from runbook_app.adapters.plan_file.declared import kind_of
from runbook_app.adapters.plan_file.nodes import Mapping, Node, Scalar, key_mark
from runbook_app.adapters.plan_file.reading import Reading
from runbook_app.adapters.plan_file.references import reference_of
from runbook_app.adapters.plan_file.scalars import describe, resolve, shorten
from runbook_app.adapters.plan_file.variables import REFERENCE, closest, mark_of
from runbook_app.domain import measure
from runbook_app.domain.plan import Condition, Reference
from runbook_app.domain.variables import Given, as_option

if TYPE_CHECKING:
    from jinja2 import nodes

LONGEST = 1000
"""Characters of an expression."""
DEEPEST = 20
"""Levels of an expression, one within another."""
_TESTS = frozenset({"defined"})
_FILTERS = frozenset({"default", "length", "lower", "upper", "int", "float"})
_ALLOWED = frozenset(
    {
        *("Name", "Const", "List", "Neg", "Compare", "Operand", "And", "Or", "Not"),
        *("Filter", "Test"),
    }
)
_KINDS = "true or false", "a number", "text", "no single value"


class Conditions:
    """Reads the conditions of one plan."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def read(self, node: Node | None) -> Condition | None:
        """The condition at a `when`; None where there is none, or one with mistakes."""
        if node is None:
            return None
        if isinstance(node, Scalar):
            return self._expression(node)
        if isinstance(node, Mapping) and node.entries:
            return self._mapping(node)
        message = "'when' is an expression, or maps variables of the plan to wanted values"
        self._reading.wrong(node, message)
        return None

    def excluded(self, node: Node | None) -> str:
        """Why a condition that rests on no step leaves its part out; empty when it does not."""
        condition = self.read(node)
        if condition is None or node is None:
            return ""
        for reference in condition.references:
            message = f"{reference} can't stand here: the score is measured without any step"
            self._reading.source.wrong_at(reference.position, message)
        return condition.reason

    def _mapping(self, node: Mapping) -> Condition:
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
                unmet.append(f"{name} is {as_option(values[name])}, not {wanted.text}")
        text = " and ".join(f"{name} is {_written(each)}" for name, each in node.entries.items())
        return Condition(text=text, reason="; ".join(unmet))

    def _is(self, value: Given, wanted: Scalar, name: str) -> bool:
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

    def _expression(self, node: Scalar) -> Condition | None:
        mistakes = self._reading.source.mistakes
        before = len(mistakes)
        text = node.text.strip()
        if not text or len(text) > LONGEST:
            self._wrong(node, f"an expression has 1 to {LONGEST} characters, and not {len(text)}")
            return None
        source, references, known = self._with_names(node, text)
        if len(mistakes) != before:
            return None
        judge = _Judge(source, tuple(name for name, _ in references), tuple(known.items()))
        try:
            judge.look(tuple(None for _ in references))
            holds = None if references else judge(())
        except ValueError as error:
            self._wrong(node, str(error))
            return None
        words = ", ".join(f"{name} is {as_option(value)}" for name, value in known.values())
        reason = f"{text} is false" + (f" ({words})" if words else "")
        return Condition(
            text=text,
            references=tuple(reference for _, reference in references),
            known=words,
            reason=reason if holds is False else "",
            judge=judge,
        )

    def _wrong(self, node: Scalar, message: str) -> None:
        self._reading.wrong(node, f"'when': {message}")

    def _with_names(
        self, node: Scalar, text: str
    ) -> tuple[str, list[tuple[str, Reference]], dict[str, tuple[str, Given]]]:
        """The expression with a plain name in place of each reference; what each of them is."""
        prefix = "v"
        while prefix in text:
            prefix += "v"
        references: list[tuple[str, Reference]] = []
        known: dict[str, tuple[str, Given]] = {}
        variables = self._reading.variables

        def name_of(found: re.Match[str]) -> str:
            name = f"{prefix}{len(references) + len(known)}"
            if found[1]:
                self._reading.source.wrong(
                    mark_of(self._reading.source, node, found[0]),
                    "'when': '$${' writes a text; in an expression a reference has one '$'",
                )
            elif step := reference_of(self._reading.source, node, found):
                references.append((name, step))
            else:
                known[name] = found[2], variables.list_or_value(found, node)
            return f" {name} "

        return REFERENCE.sub(name_of, text), references, known


def _written(node: Node) -> str:
    return node.text if isinstance(node, Scalar) else "?"


@dataclass(frozen=True, slots=True)
class _Judge:
    """Evaluates an expression; can be pickled with its plan."""

    source: str
    names: tuple[str, ...]
    """In the expression, for each reference to a step."""
    known: tuple[tuple[str, tuple[str, Given]], ...]
    """By name in the expression: the variable's name and value."""

    def __call__(self, values: Sequence[measure.Scalar]) -> bool:
        """Whether it holds, with the values of the steps; None where one is not there.

        Raises:
            ValueError: it compares what can't be compared, or a value is not there.
        """
        given = self.look(values)
        program = _program(self.source)
        try:
            found = program.run(given)
        except Exception as error:
            raise ValueError(_plainly(error)) from error
        if not isinstance(found, bool):
            raise ValueError(f"it comes to {_kind(found)}, and has to be true or false")
        return found

    def look(self, values: Sequence[measure.Scalar]) -> dict[str, Any]:
        """Hold what is compared against each other, as far as it is known."""
        program = _program(self.source)
        given: dict[str, Any] = {name: value for name, (_, value) in self.known}
        given |= {n: v for n, v in zip(self.names, values, strict=True) if v is not None}
        stray = program.names - given.keys() - set(self.names)
        if stray:
            name = min(stray)
            raise ValueError(f"{shorten(name)} is no reference; write ${{{name}}}")
        if (set(self.names) | {name for name, _ in self.known}) - program.names:
            raise ValueError("a reference stands within quotes; take it out of them")
        words = {name: f"${{{written}}}" for name, (written, _) in self.known}
        for left, right, within in program.pairs:
            one, other = left(given), right(given)
            others = other if within and isinstance(other, list) else [other]
            for kind in [_kind(each) for each in others if None not in (one, each)]:
                if kind != _kind(one):
                    raise ValueError(f"{_kind(one)} is never compared with {kind}")
        for name in program.truths & given.keys():
            if not isinstance(given[name], bool):
                said = words.get(name, "a step's value")
                raise ValueError(f"{said} is {_kind(given[name])}, and not true or false")
        return given


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return _KINDS[0]
    if isinstance(value, int | float):
        return _KINDS[1]
    return _KINDS[2] if isinstance(value, str) else _KINDS[3]


def _plainly(error: Exception) -> str:
    from jinja2 import UndefinedError

    if isinstance(error, UndefinedError):
        return "a value that it needs is not there"
    return str(error)


Side = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class _Program:
    run: Callable[[dict[str, Any]], object]
    names: frozenset[str]
    pairs: tuple[tuple[Side, Side, bool], ...]
    """What it compares, where a side is a name or a value; and whether the second one, when it is
    a list, is looked through."""
    truths: frozenset[str]
    """Names that have to be true or false."""


@lru_cache(maxsize=1024)
def _program(source: str) -> _Program:
    """Parse an expression.

    Raises:
        ValueError: it is none, or has something that is not allowed.
    """
    from jinja2 import StrictUndefined, TemplateError, nodes  # 70 ms, for plans with an expression
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.filters = {
        **{name: environment.filters[name] for name in _FILTERS},
        "int": _whole,
        "float": _number,
    }
    environment.tests = {name: environment.tests[name] for name in _TESTS}
    environment.globals = {}
    try:
        body = environment.parse(f"{{{{ {source} }}}}").body
        whole = body[0].nodes if len(body) == 1 and isinstance(body[0], nodes.Output) else []
        if len(whole) != 1 or not isinstance(whole[0], nodes.Expr):
            raise ValueError("it is no single expression")
        _check(whole[0], 0)
        run = environment.compile_expression(source, undefined_to_none=False)
    except TemplateError as error:
        said = (error.message or "").replace("'end of print statement'", "end")
        raise ValueError(f"it can't be read: {said}") from error
    except (RecursionError, MemoryError, SyntaxError) as error:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels") from error
    return _Program(
        run=run,
        names=frozenset(name.name for name in body[0].find_all(nodes.Name)),
        pairs=tuple(pair for each in body[0].find_all(nodes.Compare) for pair in _pairs(each)),
        truths=frozenset(_truths(whole[0])),
    )


def _check(node: nodes.Node, depth: int) -> None:
    """Refuse whatever is not on the list."""
    kind = type(node).__name__
    if depth > DEEPEST:
        raise ValueError(f"it is nested deeper than {DEEPEST} levels")
    name = str(getattr(node, "name", ""))
    known = {"Test": _TESTS, "Filter": _FILTERS}.get(kind)
    if kind not in _ALLOWED or (known is not None and name not in known):
        what = f"{kind.lower()} {shorten(name)}" if known is not None else _SAID.get(kind, kind)
        raise ValueError(
            f"{what} is not allowed; use {', '.join(_USE)}, 'is defined', and the filters"
            f" {', '.join(sorted(_FILTERS))}"
        )
    for child in node.iter_child_nodes():
        _check(child, depth + 1)


_USE = "== != < <= > >=", "in", "and", "or", "not", "brackets"
_SAID = {
    "Call": "a call",
    "Getattr": "a dot",
    "Getitem": "an index",
    "CondExpr": "if ... else",
    "Concat": "~",
    "TemplateData": "text around the expression",
}


def _pairs(compare: Any) -> list[tuple[Side, Side, bool]]:
    found = []
    left = compare.expr
    for operand in compare.ops:
        rights, within = [operand.expr], operand.op in ("in", "notin")
        if within:
            rights = list(getattr(operand.expr, "items", [])) or [operand.expr]
        sides = ((_side(left), _side(right)) for right in rights)
        found += [(a, b, within) for a, b in sides if a and b]
        left = operand.expr
    return found


def _side(node: Any) -> Side | None:
    match type(node).__name__:
        case "Const":
            return lambda _: node.value
        case "Neg":
            return _side(node.node)
        case "Name":
            return lambda given: given.get(node.name)
    return None


def _truths(node: Any) -> list[str]:
    """Names below `and`, `or` and `not`, or that are the expression."""
    match type(node).__name__:
        case "Name":
            return [node.name]
        case "And" | "Or":
            return [*_truths(node.left), *_truths(node.right)]
        case "Not":
            return _truths(node.node)
    return []


def _whole(value: Any) -> int:
    return int(_number(value, r"[-+]?[0-9]{1,18}"))


def _number(value: Any, pattern: str = r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?") -> float:
    """A number from text: never a guess, as Jinja's own filters make."""
    if not re.fullmatch(pattern, str(value)):
        raise ValueError(f"{shorten(str(value))} is no number")
    return float(value)
