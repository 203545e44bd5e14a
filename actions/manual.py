"""What only a person can say or do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict

from runbook_app.domain.answers import misfit, number
from runbook_app.domain.errors import ActionError
from runbook_app.ports.action import Run, check

if TYPE_CHECKING:
    from runbook_app.ports.capabilities import Attached

SHORTEST = 8
"""Characters of a secret that can be told from ordinary text, and so be masked."""


class Answer(TypedDict):
    """Something the operator has to tell."""

    name: str
    ask: NotRequired[str]
    type: NotRequired[Literal["text", "integer", "number", "file"]]
    choices: NotRequired[list[str]]
    default: NotRequired[str]
    secret: NotRequired[bool]


@check
async def confirm(run: Run, *, text: str, person_required: bool = False) -> None:
    """Ask the operator to confirm a statement."""
    confirmed = await run.confirm(text, person_required=person_required)
    run.equals(text, "yes" if confirmed else "no", "yes")


@check
async def instruct(
    run: Run, *, text: str = "", person_required: bool = True, answers: Sequence[Answer] = ()
) -> None:
    """Ask the operator to do something that the program can't, and to say when it is done.

    Without `text` the step's own title and instructions are shown. Each of `answers` is asked for
    when it is done, and recorded by its name: text, a whole number, a number, one of `choices`, or
    a file, which is copied into the session's folder, with its size and SHA-256. A `secret` one is
    masked everywhere and recorded nowhere; later steps find it by its name.
    """
    _see_that_they_fit(answers)
    name, words = _asked(run, text)
    answer = await run.ask(words, choices=("done", "not done"), person_required=person_required)
    if run.equals(name, answer, "done"):
        for wanted in answers:
            await _ask(run, wanted)


def _asked(run: Run, text: str) -> tuple[str, str]:
    """What the result is called, and what is asked."""
    if text:
        return text, text
    try:
        step = run.plan.step(run.step)[1]
    except KeyError:
        return run.step, run.step
    return step.title, f"{step.title}\n{step.instructions}".strip()


def _see_that_they_fit(answers: Sequence[Answer]) -> None:
    """Refuse what can't be asked, before anything is."""
    names = [answer["name"] for answer in answers]
    for answer in answers:
        name, default, choices = answer["name"], answer.get("default", ""), answer.get("choices")
        wrong = ""
        if names.count(name) > 1:
            wrong = "there are two of that name"
        elif choices is not None and len(choices) < 2:
            wrong = "a choice is between two at least"
        elif choices and "type" in answer:
            wrong = "it has choices, and a type as well"
        elif answer.get("secret") and (choices or default or answer.get("type", "text") != "text"):
            wrong = "a secret is text, without choices and without a default"
        elif default and choices and default not in choices:
            wrong = f"its default {default!r} is none of its choices"
        elif default and (unfit := misfit(answer.get("type", "text"), default)):
            wrong = f"its default: {unfit}"
        if wrong:
            raise ActionError(f"The answer {name!r} can't be asked for: {wrong}.")


async def _ask(run: Run, wanted: Answer) -> None:
    name, takes = wanted["name"], wanted.get("type", "text")
    secret = wanted.get("secret", False)
    answer = await run.ask(
        wanted.get("ask", name),
        choices=tuple(wanted.get("choices", ())),
        takes=takes,
        default=wanted.get("default", ""),
        secret=name if secret else "",
        person_required=True,
    )
    if secret:
        _record_secret(run, name, answer)
    elif takes == "file":
        await _attach(run, name, answer)
    else:
        run.measure(name, number(takes, answer) if takes in ("integer", "number") else answer)


def _record_secret(run: Run, name: str, value: str) -> None:
    if len(value) < SHORTEST:
        run.fail(
            f"The secret {name!r} has fewer than {SHORTEST} characters, and can't be masked.",
            hint="Run the step again, and give a longer one.",
        )
    run.measure(name, f"[secret:{name}]")


def _attached(run: Run, answer: str) -> Attached:
    try:
        place = Path(answer).expanduser()
    except RuntimeError as error:
        raise ActionError(f"{answer} names nobody's home folder.") from error
    return run.record.attach(run.folder / place)


async def _attach(run: Run, name: str, answer: str) -> None:
    """Keep a copy of a file that the operator names; a relative path is one of the target."""
    import asyncio  # here: most plans ask for no file

    kept = await asyncio.to_thread(_attached, run, answer)
    run.measure(name, kept.path)
    run.measure(f"{name}: size", kept.size, "bytes")
    run.measure(f"{name}: SHA-256", kept.sha256)
