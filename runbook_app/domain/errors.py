"""The program's own errors.

RunbookError                 base: carries what happened, where, and what to do next
├── UsageError               a wrong option or argument                        (exit 2)
│   └── PlanEdited           a session's plan was edited since it began
├── PlanError                one or more mistakes in a plan file               (exit 2)
├── Unanswered               a plan asks for variables, and nobody has answered (exit 3)
├── LockedError              another driver holds the target                   (exit 4)
├── EnvironmentLacks         the machine or the target lacks something         (exit 5)
├── JournalError             the journal can't be read or written
│   └── JournalHeld          another process has been writing it all the time
├── SecretFound              a secret lies where none may be
└── ActionError              an action could not do or measure its work
    ├── CheckFailed          a measured value is outside its limit
    ├── NotMeasured          a check could not measure, and why
    ├── NeedsRecipient       a secret is to be sealed, and there is nobody to seal it to
    ├── DatabaseRefused      the database server said no; `sqlstate` says which no
    └── CaptureRequired      an effect was tried on something not captured
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook_app.domain.plan import Position
from runbook_app.domain.variables import Question, expected


class RunbookError(Exception):
    """Say what happened (`message`), and what the operator can do next (`hint`)."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip() if self.hint else self.message


class UsageError(RunbookError):
    exit_code = 2


class PlanEdited(UsageError):
    def __init__(self, plan: str, difference: str) -> None:
        super().__init__(
            f"{plan} was edited since this session began:\n{difference}\n",
            hint="Undo the edit, or add --accept-plan-change to go on with the edited plan.",
        )
        self.plan = plan
        self.difference = difference
        """The lines that changed, as a unified diff."""


class Unanswered(RunbookError):
    """Name every question of a plan that has no answer, and how to give it."""

    exit_code = 3

    def __init__(self, questions: Sequence[Question]) -> None:
        lines = [
            f"  {question.name}: {question.text} ({_takes(question)})" for question in questions
        ]
        options = " ".join(f"--set {question.name}=VALUE" for question in questions)
        first = "Waiting for a person: nobody has answered what the plan asks for."
        super().__init__(
            "\n".join([first, *lines]), hint=f"Answer at a terminal, or with {options}"
        )
        self.questions = tuple(questions)


def _takes(question: Question) -> str:
    if question.default is None:
        return expected(question)
    return f"{expected(question)}, {question.default or 'empty'} by default, which --yes takes"


class LockedError(RunbookError):
    exit_code = 4


class EnvironmentLacks(RunbookError):
    exit_code = 5


class JournalError(RunbookError):
    pass


class JournalHeld(JournalError):
    pass


class SecretFound(RunbookError):
    pass


class ActionError(RunbookError):
    pass


class CheckFailed(ActionError):
    pass


class NotMeasured(ActionError):
    pass


class NeedsRecipient(ActionError):
    WAYS = (
        "Go on with 'runbook resume --seal-to passphrase', which asks for one; or make a key with"
        " 'runbook recipient FILE' and go on with 'runbook resume --seal-to FILE.pub'."
    )

    def __init__(self, message: str) -> None:
        super().__init__(message, hint=self.WAYS)


class DatabaseRefused(ActionError):
    def __init__(self, message: str, *, sqlstate: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.sqlstate = sqlstate
        """As PostgreSQL lists them, such as 42501 (insufficient privilege); empty when a
        connection was refused: the server gives none then."""


class CaptureRequired(ActionError):
    pass


Paint = Callable[[str, str], str]
"""A part of a mistake's text and its role (`place`, `error`, `warning`, `message`, `suggestion`,
`line`, `caret`), made into what is shown."""

_WIDEST = 300
"""Characters of a line that a mistake shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake in a plan file, with the line it stands on."""

    message: str
    position: Position
    source_line: str = ""
    suggestion: str = ""
    warning: bool = False

    @property
    def severity(self) -> str:
        return "warning" if self.warning else "error"

    def render(self, paint: Paint = lambda text, _: text) -> str:
        where = f"{self.position.file}:{self.position.line}:{self.position.column}:"
        kind = paint(f"{self.severity}:", self.severity)
        text = f"{paint(where, 'place')} {kind} {paint(self.message, 'message')}"
        if self.suggestion:
            text += f" {paint(f'(did you mean {self.suggestion!r}?)', 'suggestion')}"
        if self.source_line:
            line, column = self._shown()
            text += f"\n    {paint(line, 'line')}\n    {' ' * column}{paint('^', 'caret')}"
        return text

    def _shown(self) -> tuple[str, int]:
        """The line, of a long one what is around the mistake, and the place in it from 0."""
        line, column = self.source_line, self.position.column - 1
        if len(line) <= _WIDEST:
            return line, column
        start = max(0, min(column - _WIDEST // 2, len(line) - _WIDEST))
        end = start + _WIDEST
        before, after = "…" if start else "", "…" if end < len(line) else ""
        return f"{before}{line[start:end]}{after}", column - start + len(before)


class PlanError(RunbookError):
    """Every mistake of one plan at once."""

    exit_code = 2

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("\n".join(m.render() for m in mistakes))
        self.mistakes = mistakes
