"""What a dry run foresees of a plan, each statement with how certain it is."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import msgspec

from runbook_app.domain.measure import Measurement, Progress


class Certainty(StrEnum):
    PROVED = "proved"
    """A check ran against the target as it is, where nothing before it is predicted to change
    what it looks at."""
    PREDICTED = "predicted"
    """By what the steps before would leave, which nobody has seen."""
    UNKNOWN = "cannot know"
    """Something has to run first, or a person is asked."""


class Foreseen(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a step would do; always a prediction."""

    kind: str
    """`file`, `compose`, `setting`, `container`, `image`, `command`, `sql`, `http`, `git` or
    `secret`."""
    name: str
    how: str = ""
    """What happens to it, as in `is made anew`."""
    text: str = ""
    """A file's unified diff, a statement, a command."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a step's own check says of it."""

    certainty: Certainty
    progress: Progress | None = None
    """None when it came to no answer."""
    evidence: str = ""
    """What it saw; or what is needed first, or why it could not tell."""

    @property
    def done(self) -> bool:
        return self.progress is Progress.DONE


class StepForecast(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: str
    """Of the item and in it: `2.1`."""
    title: str
    action: str
    effect: bool
    """It is there to change the target; else it measures, or asks a person."""
    check: Told | None = None
    """Of an effect: whether it is done."""
    changes: tuple[Foreseen, ...] = ()
    assumes: tuple[str, ...] = ()
    """What the predictions rest on, besides the steps before it going well."""
    cannot_know: str = ""
    """Why the prediction ends here: what is needed first."""
    fails: str = ""
    """By the prediction it would fail, with these words."""
    measured: tuple[Measurement, ...] = ()
    """Of a step that measures, and did so."""
    not_applicable: str = ""
    """Why the plan's `when` passes it over, where that is decided before a run."""

    @property
    def certainty(self) -> Certainty:
        """The least that is certain of it."""
        if self.cannot_know:
            return Certainty.UNKNOWN
        if self.check is not None:
            return self.check.certainty if self.check.done else Certainty.PREDICTED
        return Certainty.PROVED

    @property
    def to_do(self) -> bool:
        """Whether a run has something to change here, or may have."""
        done = self.check is not None and self.check.done
        return self.effect and not done and not self.not_applicable


class ItemForecast(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: int
    title: str
    steps: tuple[StepForecast, ...] = ()
    checkpoint: tuple[str, ...] = ()
    """What its checkpoint has, counted: `2 checks`. None of it is run."""
    criteria: int = 0
    """Success criteria, measured after the steps by a run, not here."""
    commit: str = ""
    """First line of the message of the commit that ends it."""
    not_required: str = ""
    needs: tuple[str, ...] = ()
    """Items that it needs and that are not part of this dry run."""


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """How far a dry run has come."""

    number: str
    """Of the step that is looked at now, as `2.1`."""
    title: str
    place: int
    """Which step that is, counted from 1."""
    total: int


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """Steps with an effect by what a run has to do there, and all by what can't be known."""

    to_do: int
    proved_done: int
    predicted_done: int
    cannot_know: int
    """Steps of any kind; one with an effect is among those to do as well."""


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    plan: str
    title: str
    version: str
    target: str
    items: tuple[ItemForecast, ...]

    def steps(self) -> Iterator[StepForecast]:
        for item in self.items:
            yield from item.steps

    @property
    def to_do(self) -> bool:
        return any(step.to_do for step in self.steps())

    @property
    def counted(self) -> Counted:
        steps = list(self.steps())
        done = [
            step.check.certainty for step in steps if step.check is not None and step.check.done
        ]
        return Counted(
            to_do=sum(step.to_do for step in steps),
            proved_done=done.count(Certainty.PROVED),
            predicted_done=done.count(Certainty.PREDICTED),
            cannot_know=sum(step.certainty is Certainty.UNKNOWN for step in steps),
        )
