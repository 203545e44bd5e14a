"""Actions and their context.

An effect is a pair, `apply` and `check`:

    @effect
    async def write_motd(run: Run, *, text: str) -> None:
        \"\"\"Write the message of the day.\"\"\"
        await run.files.write("motd", text.encode())

    @write_motd.check
    async def _(run: Run, *, text: str) -> Finding:
        return run.done() if run.files.exists("motd") else run.not_done("motd is missing")

An effect that others notice tells whom, before it begins; somebody confirms that list:

    @write_motd.blast_radius
    async def _(run: Run, *, text: str) -> list[Affected]:
        return [Affected(kind="file", name="motd", how="is shown to everybody")]

What a capture can't hold it can take back itself. That is run when its item is rolled back, before
the captures are restored, and again after a crash, so it has to bear being run twice:

    @write_motd.rollback
    async def _(run: Run, *, text: str) -> None:
        await run.shell.run(["motd-cache", "--clear"])

A check or probe measures, and fails by what it measured:

    @check
    async def answers(run: Run, *, url: str, expect: int = 200) -> None:
        response = await run.http.request("GET", url)
        run.equals("status", response.status, expect)

An action's name in plans is `module.function`; its parameters are keyword-only and typed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType, Protocol

from runbook_app.domain.blast import Affected
from runbook_app.domain.errors import CheckFailed
from runbook_app.domain.measure import Finding, Measurement, Progress, Scalar
from runbook_app.domain.plan import ActionKind, Plan

if TYPE_CHECKING:  # for the annotations of `Run`; an action imports of them what it uses
    from runbook_app.ports.capabilities import (
        Compose,
        Containers,
        Files,
        Git,
        Http,
        Record,
        Secrets,
        Shell,
    )
    from runbook_app.ports.database import Database

Apply = Callable[..., Awaitable[None]]
Check = Callable[..., Awaitable[Finding]]
Foresight = Callable[..., Awaitable[Sequence[Affected]]]
Undo = Callable[..., Awaitable[None]]

Script = NewType("Script", str)
"""A parameter's text that a program will obey: a plan's variables are never put into it."""


@dataclass(slots=True)
class Action:
    """A function that a plan can name."""

    name: str
    kind: ActionKind
    function: Apply
    checker: Check | None = None
    foresees: Foresight | None = None
    undoes: Undo | None = None

    def check(self, function: Check) -> Check:
        """Register the check of this effect."""
        self.checker = function
        return function

    def blast_radius(self, function: Foresight) -> Foresight:
        """Register what tells, before this effect and changing nothing, what it will touch."""
        self.foresees = function
        return function

    def rollback(self, function: Undo) -> Undo:
        """Register what takes this effect back, besides its captures; it is run before those are
        restored, and may find nothing to do."""
        self.undoes = function
        return function

    @property
    def summary(self) -> str:
        return (self.function.__doc__ or "").strip().partition("\n")[0]

    @property
    def not_restored(self) -> str:
        """What a rollback leaves changed: the docstring's paragraph `Not restored:`."""
        _, _, told = (self.function.__doc__ or "").partition("Not restored:")
        return " ".join(told.partition("\n\n")[0].split()).rstrip(".")


def _make(kind: ActionKind, function: Apply) -> Action:
    module = function.__module__.rpartition(".")[2]
    return Action(name=f"{module}.{function.__name__}", kind=kind, function=function)


def effect(function: Apply) -> Action:
    """Declare an action that changes the target."""
    return _make(ActionKind.EFFECT, function)


def check(function: Apply) -> Action:
    """Declare an action that measures and changes nothing."""
    return _make(ActionKind.CHECK, function)


def probe(function: Apply) -> Action:
    """Declare an action that must write to measure, and cleans up."""
    return _make(ActionKind.PROBE, function)


class Recorder(Protocol):
    """Where a context's words go; the engine's, or a list in a test."""

    def log(self, text: str) -> None: ...

    def output_bytes(self, data: bytes) -> None:
        """Log raw output of a child or a container's command. Called on the loop's thread."""

    def progress(self, text: str) -> None: ...

    def measured(self, measurement: Measurement) -> None: ...

    def output(self, name: str, value: Scalar) -> None: ...

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...],
        kind: str,
        person_required: bool,
        takes: str = "text",
        default: str = "",
        secret: bool = False,
    ) -> str: ...

    def previous(self, name: str) -> list[tuple[str, Measurement]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTaken:
    """What a measurement of the security score came to, 0-100."""

    total: float
    categories: Mapping[str, float | None]
    """By name; None when every check of it is left out."""


class ScoreMeter(Protocol):
    """Measures the plan's score; for the one action that a plan calls for it."""

    async def measure(self, *, step: str) -> ScoreTaken:
        """Measure every check, each recorded with its evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that an action sees."""

    session: str
    item: str
    step: str
    plan: Plan
    folder: Path
    """The target's folder; changes go through `files`."""
    scratch: Path
    """A private folder (0700) of this session for temporary files."""
    files: Files
    containers: Containers
    compose: Compose
    database: Database
    secrets: Secrets
    http: Http
    shell: Shell
    git: Git
    record: Record
    recorder: Recorder
    score: ScoreMeter | None = None
    """None where the score is being measured: it does not contain itself."""

    def log(self, text: str) -> None:
        """Write a line to the session's log."""
        self.recorder.log(text)

    def progress(self, text: str) -> None:
        """Say how far long work is, such as `7 of 9 rate limits`."""
        self.recorder.progress(text)

    def output(self, name: str, value: Scalar) -> None:
        """Leave a value for later steps and the signal."""
        self.recorder.output(name, value)

    async def ask(
        self,
        text: str,
        *,
        choices: tuple[str, ...] = (),
        person_required: bool = False,
        takes: str = "text",
        default: str = "",
        secret: str = "",
    ) -> str:
        """Ask the operator; the question and its answer are recorded.

        Args:
            takes: `text`, `integer`, `number`, or `file`, the path of one on this machine.
            default: offered as the answer.
            secret: the name that the answer is masked by everywhere; it is recorded nowhere.
        """
        answer = await self.recorder.ask(
            text,
            choices=choices,
            kind="choice" if choices else "text",
            person_required=person_required,
            takes=takes,
            default=default,
            secret=bool(secret),
        )
        if secret:
            self.secrets.register(secret, answer)
        return answer

    async def confirm(self, text: str, *, person_required: bool = False) -> bool:
        """Have the operator say that a statement is true.

        `--yes` stands in for that, on record, unless a person is required.
        """
        answer = await self.recorder.ask(
            text, choices=("yes", "no"), kind="statement", person_required=person_required
        )
        return answer == "yes"

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        """Measurements of that name taken earlier in this session, oldest first, each with the
        id of what took it: a step, or `item/section/line`."""
        return self.recorder.previous(name)

    def measure(
        self,
        name: str,
        value: Scalar,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> bool:
        """Record a value, held against a limit when one is given; true when it holds."""
        limit, ok = "", True
        number = float(value) if isinstance(value, int | float) else float("nan")
        if at_most is not None:
            limit, ok = f"<= {at_most:g}", number <= at_most
        elif at_least is not None:
            limit, ok = f">= {at_least:g}", number >= at_least
        self.recorder.measured(Measurement(name=name, value=value, unit=unit, limit=limit, ok=ok))
        return ok

    def equals(self, name: str, value: Scalar, expected: Scalar, unit: str = "") -> bool:
        """Record a value that must equal what is expected."""
        ok = value == expected
        self.recorder.measured(
            Measurement(name=name, value=value, unit=unit, limit=f"= {expected}", ok=ok)
        )
        return ok

    def require(self, name: str, holds: bool, seen: str) -> bool:
        """Record a statement that must hold, with what was seen."""
        self.recorder.measured(Measurement(name=name, value=seen, limit="holds", ok=holds))
        return holds

    def fail(self, message: str, *, hint: str = "") -> None:
        raise CheckFailed(message, hint=hint)

    def done(self, evidence: str = "") -> Finding:
        return Finding(progress=Progress.DONE, evidence=evidence)

    def not_done(self, evidence: str = "") -> Finding:
        return Finding(progress=Progress.NOT_DONE, evidence=evidence)

    def partly(self, evidence: str = "") -> Finding:
        return Finding(progress=Progress.PARTLY, evidence=evidence)


class Registry(Protocol):
    """The installed actions."""

    def get(self, name: str) -> Action | None: ...

    def names(self) -> list[str]: ...

    def parameters(self, action: Action) -> dict[str, Any]:
        """Type by parameter name."""

    def coerce(self, action: Action, values: dict[str, object]) -> dict[str, object]:
        """Check and convert a plan's parameters to the signature's types.

        Raises:
            ValueError: the first mistake, naming the parameter.
        """
