"""The plan as the engine sees it: validated, variables resolved, every part keyed by id."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Protocol

import msgspec

from runbook_app.domain.clock import Estimate
from runbook_app.domain.measure import Scalar
from runbook_app.domain.variables import Given, Question


class Position(msgspec.Struct, frozen=True):
    """A place in a plan file; line and column count from 1."""

    file: str
    line: int
    column: int


NOWHERE = Position("", 1, 1)

STEP_TIMEOUT = timedelta(minutes=10)
"""Of a step that gives none itself."""


class Reference(msgspec.Struct, frozen=True):
    """What another step of the session put out or measured; known only while it runs."""

    step: str
    """As the plan has it: `step`, of the same item, or `item.step`."""
    kind: str
    """`outputs` or `measured`."""
    name: str
    position: Position = NOWHERE

    def __str__(self) -> str:
        return f"${{steps.{self.step}.{self.kind}.{self.name}}}"

    def step_id(self, item_id: str) -> str:
        """Id of the step in the plan, for a part of that item."""
        return self.step if "." in self.step else f"{item_id}.{self.step}"


class Later(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter, or a value within one, that is made right before its action is called."""

    path: tuple[str | int, ...]
    """The parameter's name, then keys and indexes within it."""
    text: str
    """As written; what stands at its place until then."""
    parts: tuple[str | Reference, ...]
    """A reference alone keeps the type of its value."""
    takes: str = ""
    """`text`; `plain`: a number or a truth value, so that text is read as one; empty: anything."""


class ActionKind(StrEnum):
    EFFECT = "effect"
    """Changes the target; has a check of its own."""
    CHECK = "check"
    """Measures and leaves the target as it was."""
    PROBE = "probe"
    """Measures, but must write to do so; cleans up."""


class Judge(Protocol):
    def __call__(self, values: Sequence[Scalar]) -> bool:
        """Whether a condition holds, with the values of its references; None: not there.

        Raises:
            ValueError: it can't be said; the text says why.
        """


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What `when` says: unless it holds, an item or a step is passed over."""

    text: str
    references: tuple[Reference, ...] = ()
    """Without any it was decided when the plan was loaded."""
    reason: str = ""
    """Why it does not hold, where that is decided; empty when it holds."""
    known: str = ""
    """The variables that it rests on, with their values, in words."""
    judge: Judge | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An action's name with its parameters, variables resolved.

    Plain values alone: no cycle goes through it or a step, so the garbage collector need not look
    at the thousands that a plan may have.
    """

    action: str
    parameters: Mapping[str, object] = msgspec.field(default_factory=dict)
    later: tuple[Later, ...] = ()
    """Values in the parameters that earlier steps give."""
    position: Position = NOWHERE


class CheckLine(msgspec.Struct, frozen=True, kw_only=True):
    """A check with an id: a success criterion or an automatic checkpoint line."""

    id: str
    title: str
    call: Call
    probe: bool = False
    """It has to write in order to measure."""
    source: str = ""
    """Where a document that the plan was made from says it: `PLAN.md:12`."""
    position: Position = NOWHERE


class ConfirmLine(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint line that a person confirms."""

    id: str
    title: str
    person_required: bool = False
    """`--yes` may not stand in for a person."""
    source: str = ""
    position: Position = NOWHERE


class CaptureLine(msgspec.Struct, frozen=True, kw_only=True):
    """Things captured at the checkpoint, before any step."""

    id: str
    title: str
    files: tuple[str, ...] = ()
    """Paths relative to the target."""
    project: bool = True
    """The Compose project: services, containers' configuration, published ports."""
    database: bool = False
    """Roles, grants, settings, extensions, access rules and schema of the database."""
    volume: bool = False
    """A physical copy of the database's cluster, tried out: what a rollback falls back to."""
    position: Position = NOWHERE


CheckpointLine = CheckLine | ConfirmLine | CaptureLine


class Step(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One timed unit of an item."""

    id: str
    """Unique in the plan, written `item.step`."""
    title: str
    call: Call
    why: str = ""
    instructions: str = ""
    """Prose of the source document for this step."""
    estimate: Estimate | None = None
    block: str = ""
    """The clock-timed line of the source document, as text."""
    timeout: timedelta = STEP_TIMEOUT
    retries: int = 0
    required: bool = False
    """A required step is never offered for skipping."""
    when: Condition | None = None
    available: bool = True
    """False when its action is not installed."""
    effect: bool = False
    """Its action changes the target."""
    not_restored: str = ""
    """What its action changes that a rollback does not restore."""
    undoes: bool = False
    """Its action has a rollback of its own, which is run before the captures are restored."""
    blast_radius: bool = False
    """What it will touch is told and confirmed before it begins."""
    confirm_within: timedelta | None = None
    """It can lock people out: its item is rolled back unless somebody confirms it in this time."""
    source: str = ""
    position: Position = NOWHERE

    def call_with(self, edited: Mapping[str, object] | None) -> Call:
        """Its call, with parameters that somebody edited in place of the plan's."""
        return (
            self.call if edited is None else msgspec.structs.replace(self.call, parameters=edited)
        )


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    mitigation: tuple[str, ...] = ()
    rollback: str = ""
    budget: Estimate | None = None
    source: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One hardening objective."""

    id: str
    number: int
    title: str
    what: str = ""
    why: str = ""
    priority: str = "critical"
    estimate: Estimate | None = None
    needs: tuple[str, ...] = ()
    guide: str = ""
    """Path of the item's guide, relative to the plan file."""
    declared_status: str = ""
    """What the source document claims of this item; never taken on trust."""
    checkpoint: tuple[CheckpointLine, ...] = ()
    steps: tuple[Step, ...] = ()
    success: tuple[CheckLine, ...] = ()
    rollback: tuple[Call, ...] = ()
    """Explicit steps, run before the captures are restored."""
    rollback_budget: Estimate | None = None
    commit: str = ""
    """Message of the item's commit; empty makes none."""
    creates: tuple[str, ...] = ()
    modifies: tuple[str, ...] = ()
    file_notes: Mapping[str, str] = msgspec.field(default_factory=dict)
    """What the source document says of a file in `creates` or `modifies`, by path."""
    risks: tuple[str, ...] = ()
    not_required: str = ""
    """Reason why the item has no steps."""
    when: Condition | None = None
    sign_off: bool = False
    rehearsal_required: bool = False
    """It may begin only when its rollback was proven on a copy of the target."""
    source: str = ""
    position: Position = NOWHERE

    @property
    def missing(self) -> tuple[Step, ...]:
        """Steps whose action is not installed, without those that variables leave out anyhow."""
        if self.when is not None and self.when.reason:
            return ()
        absent = (step for step in self.steps if not step.available)
        return tuple(step for step in absent if step.when is None or not step.when.reason)

    @property
    def available(self) -> bool:
        return all(step.available for step in self.steps)


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """When the work may happen; `budget` counts from the session's start."""

    starts: datetime | None = None
    """None: the session's own start."""
    budget: timedelta = timedelta(hours=12)
    declared_start: datetime | None = None
    declared_target: datetime | None = None
    declared_deadline: datetime | None = None


class Database(msgspec.Struct, frozen=True, kw_only=True):
    """How the target's database is reached, by names found in its Compose project."""

    service: str = ""
    name: str = ""
    user: str = ""
    password_from: str = ""
    """`environment:NAME` of the service, `file:PATH` relative to the target, or
    `command:SERVICE:COMMAND`, which prints it in that service's container; several, divided by
    ` or `, are looked at in this order."""
    superuser: str = ""
    """The cluster's superuser, as it signs in over the socket in its container; empty: the
    container's POSTGRES_USER."""
    keep_credentials: tuple[str, ...] = ()
    """Roles whose password a rollback leaves as it is (`on_rollback: keep`)."""


class TargetSpec(msgspec.Struct, frozen=True, kw_only=True):
    compose: str
    """Path of the Compose file, relative to the target."""
    api_service: str = "api"
    api_health: str = "/health"
    openapi: str = "/openapi.json"
    api_port: int = 8000
    """The port the API listens on inside its container."""
    suite: tuple[str, ...] = ()
    database: Database = Database()
    progress: str = "PROGRESS.md"
    """The progress file kept in the target, outside its commits and its fingerprint."""


class ScoreCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One measured line of the score."""

    id: str
    title: str
    call: Call
    weight: float
    """Points that it is worth within its category."""
    source: str
    """Where it is asked for, with the section: `OWASP API4:2023`."""
    probe: bool = False
    """It has to write in order to measure."""
    available: bool = True
    """False when its action is not installed."""
    excluded: str = ""
    """Why the plan's `when` leaves it out; decided before anything is measured."""
    position: Position = NOWHERE


class ScoreCategory(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    declared_current: int
    declared_target: int
    weight: float = 1.0
    checks: tuple[ScoreCheck, ...] = ()


class Score(msgspec.Struct, frozen=True, kw_only=True):
    declared_current: int | None = None
    declared_target: int | None = None
    categories: tuple[ScoreCategory, ...] = ()

    @property
    def measurable(self) -> bool:
        return any(category.checks for category in self.categories)

    def checks(self) -> list[ScoreCheck]:
        """Of all categories, in the order in which they are measured."""
        return [check for category in self.categories for check in category.checks]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """Text of the source document that is shown and exported, but not run."""

    id: str
    title: str
    lines: tuple[str, ...] = ()
    source: str = ""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the source document that this session has to measure or leave unproven."""

    id: str
    text: str
    measured_by: str = ""
    """Id of the criterion, checkpoint line or step that measures it; empty: nothing does."""
    figure: str = ""
    """Name of the one measurement that stands beside the claim; empty: all of them."""
    unproven: str = ""
    """Why nothing measures it, where the plan says so."""


class Plan(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    id: str
    title: str
    version: str
    path: str
    """Where the file was read from."""
    sha256: str
    """Of the file; of one that includes others, over all of them."""
    items: tuple[Item, ...]
    target: TargetSpec
    variables: Mapping[str, Given] = msgspec.field(default_factory=dict)
    """Resolved values: options, then the target's file, then the plan's defaults."""
    questions: tuple[Question, ...] = ()
    """What the operator is asked for; the answers are among the variables."""
    unanswered: tuple[Question, ...] = ()
    """Those that nobody has answered, in a plan that is only read: their variables have the
    default, else a stand-in."""
    includes: tuple[str, ...] = ()
    """Files that it includes, relative to its own folder."""
    window: Window = Window()
    score: Score = Score()
    blocks: tuple[Section, ...] = ()
    baseline: tuple[Section, ...] = ()
    risks: tuple[Risk, ...] = ()
    documents: tuple[Section, ...] = ()
    principles: tuple[str, ...] = ()
    troubleshooting: tuple[str, ...] = ()
    links: tuple[Section, ...] = ()
    next_phases: tuple[Section, ...] = ()
    sections: tuple[Section, ...] = ()
    """Further text of the source document."""
    claims: tuple[Claim, ...] = ()
    approval: str = ""
    next_action: str = ""
    audit_document: str = ""
    """File in the target that records the verification of the items named in `audit_items`."""
    audit_items: tuple[str, ...] = ()

    @cached_property
    def _items(self) -> Mapping[str, Item]:
        return {item.id: item for item in self.items}

    @cached_property
    def _steps(self) -> Mapping[str, tuple[Item, Step]]:
        return {step.id: (item, step) for item, step in self.steps()}

    def item(self, item_id: str) -> Item:
        return self._items[item_id]

    def step(self, step_id: str) -> tuple[Item, Step]:
        return self._steps[step_id]

    def steps(self) -> Iterator[tuple[Item, Step]]:
        for item in self.items:
            for step in item.steps:
                yield item, step

    def actions(self) -> frozenset[str]:
        """Names of all that it calls."""
        calls = [check.call for check in self.score.checks()]
        for item in self.items:
            calls += [step.call for step in item.steps]
            calls += [line.call for line in item.checkpoint if isinstance(line, CheckLine)]
            calls += [line.call for line in item.success]
            calls += item.rollback
        return frozenset(call.action for call in calls)

    def record_documents(self) -> tuple[str, ...]:
        """Files that the session writes into the target as its record, not as a change.

        Each has a name for while it is being written; a kill can leave that one behind until
        the next writing.
        """
        named = [p for p in (self.target.progress, self.audit_document) if p]
        return (*named, *(being_written(name) for name in named))


def being_written(document: str) -> str:
    """Name of a record document until it is whole."""
    folder, slash, name = document.rpartition("/")
    return f"{folder}{slash}.{name}.runbook-new"
