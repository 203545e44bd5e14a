"""What a plan asks the operator for before a session begins."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from runbook_app import bootstrap
from runbook_app.domain.errors import Unanswered
from runbook_app.domain.sanitise import neutralise
from runbook_app.domain.variables import Question, answered, expected, unfit


def answers(
    plan: Path, target: Path | None, overrides: Mapping[str, str], *, assume: bool = False
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The options with an answer to each question of the plan, and whose default was assumed.

    At a terminal a person is asked; with `assume` nobody is, and defaults are taken.

    Raises:
        PlanError: the plan's variables have mistakes.
        Unanswered: nobody is there, and there is no default to take.
    """
    questions = bootstrap.open_questions(plan, target, overrides)
    if assume:
        found = {q.name: q.default for q in questions if q.default is not None}
    elif questions and _somebody_is_there():
        return {**overrides, **_ask(questions)}, ()
    else:
        found = {}
    if lacking := [question for question in questions if question.name not in found]:
        raise Unanswered(lacking)
    return {**overrides, **found}, tuple(found)


def answers_for_reading(
    plan: Path, target: Path | None, overrides: Mapping[str, str]
) -> dict[str, str]:
    """As `answers` does, where nothing is changed: without a terminal the defaults will do."""
    return answers(plan, target, overrides, assume=not _somebody_is_there())[0]


def _somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(questions: Sequence[Question]) -> dict[str, str]:
    click.echo("The plan asks, before anything begins:", err=True)
    return {question.name: _asked(question) for question in questions}


def _asked(question: Question) -> str:
    text = neutralise(f"{question.text} ({question.name}, {expected(question)})")

    def fitting(answer: str) -> str:
        if words := unfit(question, answer):
            raise click.UsageError(neutralise(words))
        return answered(question, answer)

    found: str = click.prompt(text, default=question.default, value_proc=fitting, err=True)
    return found
