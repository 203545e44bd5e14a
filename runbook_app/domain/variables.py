"""A plan's variables: what values they have, and what the operator is asked for."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runbook_app.domain.answers import TAKES, misfit, number

Value = str | int | float | bool
Entries = list[Value | dict[str, Value]]
Given = Value | Entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A variable that the operator is asked for before a session begins."""

    name: str
    text: str
    takes: str = "text"
    """As `answers.TAKES` names it."""
    choices: tuple[str, ...] = ()
    default: str | None = None
    """As it is typed; None: there is none."""


def expected(question: Question) -> str:
    """What a question takes, in people's words."""
    if question.choices:
        return f"one of {', '.join(question.choices)}"
    return TAKES[question.takes]


def unfit(question: Question, answer: str) -> str:
    """What is wrong with an answer; empty when it fits."""
    if answer == question.default:
        return ""
    if not answer.strip():
        return f"It takes {expected(question)}, and nothing was answered."
    if question.choices:
        known = answer.strip() in question.choices
        return "" if known else f"{answer!r} is not {expected(question)}."
    return misfit(question.takes, answer)


def answered(question: Question, answer: str) -> str:
    """An answer that fits, as `--set` takes it."""
    if answer == question.default:
        return answer
    if question.choices:
        return answer.strip()
    match question.takes:
        case "integer" | "number":
            return as_option(number(question.takes, answer))
        case "boolean":
            return answer.strip().lower()
    return answer


def as_option(value: Given) -> str:
    """A value as `--set` takes it, and reads the same value from it."""
    match value:
        case bool():
            return str(value).lower()
        case float():
            text = str(value)
            if text.strip("-") in ("inf", "nan"):
                return text.replace("inf", ".inf").replace("nan", ".nan")
            return text if "." in text else text.replace("e", ".0e")
        case list():
            return f"[{', '.join(map(_in_list, value))}]"
    return str(value)


def _in_list(value: Value | dict[str, Value]) -> str:
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_in_list(key)}: {_in_list(one)}' for key, one in value.items())}}}"
    if not isinstance(value, str):
        return as_option(value)
    quoted = json.dumps(value, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in quoted)
