"""The state of a session, used by everything that shows or decides; `fold` alone changes it.

Only steps, checkpoint lines and criteria hold a state. What an item or the session is follows
from them and is computed when asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import PurePath
from typing import Final

from runbook_app.domain import events as ev
from runbook_app.domain.clock import parse_time
from runbook_app.domain.commands import Command
from runbook_app.domain.entry import GENESIS
from runbook_app.domain.measure import Measurement, Scalar, Verdict
from runbook_app.domain.row import Row


class StepStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    """On a person."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    """By a waiver, or by the plan's own `when`."""
    UNKNOWN = "unknown"
    """Was running when the engine died."""
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"

    @property
    def over(self) -> bool:
        """Nothing is left to do of it."""
        return self in (StepStatus.SUCCEEDED, StepStatus.SKIPPED)


ASTIR = (StepStatus.UNKNOWN, StepStatus.FAILED, StepStatus.WAITING, StepStatus.RUNNING)
"""The first of them that a step of an item is in is the item's state too."""


STEP_TRANSITIONS: dict[StepStatus, frozenset[StepStatus]] = {
    StepStatus.PENDING: frozenset(
        {StepStatus.RUNNING, StepStatus.SKIPPED, StepStatus.ROLLING_BACK}
    ),
    StepStatus.RUNNING: frozenset(
        {
            StepStatus.WAITING,
            StepStatus.SUCCEEDED,
            StepStatus.FAILED,
            StepStatus.UNKNOWN,
            StepStatus.PENDING,
        }
    ),
    StepStatus.WAITING: frozenset(
        {StepStatus.RUNNING, StepStatus.FAILED, StepStatus.UNKNOWN, StepStatus.SUCCEEDED}
    ),
    StepStatus.SUCCEEDED: frozenset({StepStatus.ROLLING_BACK, StepStatus.PENDING}),
    StepStatus.FAILED: frozenset(
        {StepStatus.RUNNING, StepStatus.SKIPPED, StepStatus.ROLLING_BACK, StepStatus.PENDING}
    ),
    StepStatus.SKIPPED: frozenset({StepStatus.ROLLING_BACK, StepStatus.PENDING}),
    StepStatus.UNKNOWN: frozenset(
        {
            StepStatus.SUCCEEDED,
            StepStatus.PENDING,
            StepStatus.ROLLING_BACK,
            StepStatus.UNKNOWN,
        }
    ),
    StepStatus.ROLLING_BACK: frozenset({StepStatus.ROLLED_BACK, StepStatus.ROLLBACK_FAILED}),
    StepStatus.ROLLED_BACK: frozenset({StepStatus.RUNNING, StepStatus.PENDING}),
    StepStatus.ROLLBACK_FAILED: frozenset({StepStatus.ROLLING_BACK}),
}
"""From each state, the states an event may lead to."""


class ItemStatus(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    ROLLING_BACK = "rolling_back"
    ROLLED_BACK = "rolled_back"
    ROLLBACK_FAILED = "rollback_failed"
    NOT_REQUIRED = "not_required"
    UNAVAILABLE = "unavailable"
    """An action of one of its steps is not installed."""

    @property
    def done(self) -> bool:
        """It was done, or never had to be."""
        return self in (ItemStatus.SUCCEEDED, ItemStatus.NOT_REQUIRED)

    @property
    def over(self) -> bool:
        """Nothing can be done of it unless somebody asks for it to be taken up again."""
        return self.done or self in (
            ItemStatus.ROLLED_BACK,
            ItemStatus.ROLLBACK_FAILED,
            ItemStatus.UNAVAILABLE,
        )


@dataclass(slots=True)
class StepState:
    id: str
    item: str
    status: Final[StepStatus] = StepStatus.PENDING
    """Changed by `ItemState.move` alone."""
    attempt: Final[int] = 0
    """Changed by `ItemState.start` alone."""
    begun: bool = False
    """It was started since the item began, whatever became of it."""
    started_at: str = ""
    ended_at: str = ""
    stopping: str = ""
    """Reason, while a timed-out or cancelled step has not really ended."""
    progress: str = ""
    error: str = ""
    hint: str = ""
    evidence: str = ""
    measurements: list[Measurement] = field(default_factory=list)
    outputs: dict[str, Scalar] = field(default_factory=dict)
    waiver: ev.StepSkipped | None = None
    not_applicable: ev.StepNotApplicable | ev.ItemNotApplicable | None = None
    """Why the plan passes it over; no waiver."""
    examined: ev.UnknownExamined | None = None
    resolved: ev.UnknownResolved | None = None
    """A person's word on what came of it; it stands until the step runs again."""
    confirmed: ev.StepConfirmed | None = None
    """Over a new connection; only of a step that can lock people out."""
    confirmed_at: str = ""
    radius: ev.BlastRadiusConfirmed | None = None
    """What it may touch, as confirmed the last time."""
    parameters: dict[str, object] | None = None
    """Edited parameters, when they differ from the plan's."""
    log_sha256: str = ""
    measured_seconds: float | None = None
    """Time it ran, where the engine saw both its ends."""

    @property
    def under_way(self) -> bool:
        """It runs, or an engine looks what became of it in a crash, or undoes that."""
        if self.status is StepStatus.UNKNOWN:
            return self.examined is None or self.resolved is not None
        return self.status in (StepStatus.RUNNING, StepStatus.WAITING)

    @property
    def over(self) -> bool:
        return self.status.over

    @property
    def astir(self) -> bool:
        return self.status in ASTIR

    @property
    def passed_over(self) -> bool:
        """By the plan's own `when`: nothing was done that could be undone."""
        return self.not_applicable is not None and self.status is StepStatus.SKIPPED

    @property
    def word(self) -> str:
        """Its state as records have it: what the plan passed over was not skipped by a person."""
        return "not_applicable" if self.passed_over else self.status.value

    def seconds(self, now: str) -> float:
        """Time it ran: as measured, else by the times on record, or to `now` while it runs.

        Never negative: a clock may be set back meanwhile.
        """
        if self.measured_seconds is not None:
            return self.measured_seconds
        if not self.started_at:
            return 0.0
        span = parse_time(self.ended_at or now) - parse_time(self.started_at)
        return max(0.0, span.total_seconds())


@dataclass(frozen=True, slots=True)
class Drift:
    """A recheck found that a criterion does not hold any more."""

    since: str
    """When that was found first."""
    result: ev.CheckFinished
    """The newest measurement."""
    at: str


@dataclass(slots=True)
class LineState:
    """A checkpoint line or a success criterion."""

    id: str
    result: ev.CheckFinished | None = None
    confirmed: ev.LineConfirmed | None = None
    waiver: ev.CriterionWaived | None = None
    at: str = ""
    held_at: str = ""
    """When it was last measured to hold."""
    drift: Drift | None = None

    @property
    def passed(self) -> bool:
        if self.waiver or self.confirmed:
            return True
        return self.result is not None and self.result.verdict is Verdict.PASSED

    @property
    def drifted(self) -> bool:
        """It held when its item was done, and does not any more."""
        return self.drift is not None and self.waiver is None

    @property
    def newest(self) -> tuple[ev.CheckFinished | None, str]:
        """The measurement that tells how it is now, and its time."""
        return (self.drift.result, self.drift.at) if self.drift else (self.result, self.at)


@dataclass(slots=True)
class GuardState:
    """What watches over a step until it is confirmed, or its item rolled back."""

    armed: ev.GuardArmed
    """The newest guard."""
    counting: ev.GuardCounting | None = None
    counting_at: str = ""
    failed: ev.ConfirmationFailed | None = None
    """Why it could not be confirmed the last time."""

    @property
    def step(self) -> str:
        return self.armed.step


@dataclass(slots=True)
class HandsState:
    """Work on the target by hand."""

    went_in: ev.HandsWentIn
    at: str
    came_out: ev.HandsCameOut | None = None
    out_at: str = ""


@dataclass(slots=True)
class ItemState:
    id: str
    outline: ev.ItemOutline
    checkpoint: dict[str, LineState] = field(default_factory=dict)
    checkpoint_opened_at: str = ""
    checkpoint_passed_at: str = ""
    checkpoint_error: str = ""
    fingerprint: ev.FingerprintTaken | None = None
    success: dict[str, LineState] = field(default_factory=dict)
    steps: Final[dict[str, StepState]] = field(default_factory=dict)
    """Changed by `lay_out` alone."""
    captures: list[ev.CaptureTaken] = field(default_factory=list)
    """In the order taken; one a thing."""
    settled: dict[tuple[str, str], str] = field(default_factory=dict)
    """State by (kind, name) when the item finished."""
    not_applicable: ev.ItemNotApplicable | None = None
    """Why the plan does not require it."""
    verified_at: str = ""
    committed: ev.ItemCommitted | None = None
    not_committed: ev.ItemNotCommitted | None = None
    finished_at: str = ""
    rollback_started: ev.RollbackStarted | None = None
    rollback: ev.RollbackFinished | None = None
    rollback_error: str = ""
    rollback_hint: str = ""
    rollback_started_at: str = ""
    fallback: ev.FallbackChosen | None = None
    """Chosen in the rollback that is going on."""
    fallback_restored: bool = False
    rehearsal: ev.RehearsalNoted | None = None
    guard: GuardState | None = None
    """Over the one step that waits to be confirmed."""
    rollback_history: list[ev.RollbackFinished] = field(default_factory=list)
    """Every finished rollback, also those before the item was run again."""
    hands: list[HandsState] = field(default_factory=list)
    """Work by hand that falls to this run of the item."""
    begun_again: dict[int, str] = field(default_factory=dict)
    """When it was begun again, by the number of rollbacks it had by then."""
    row: Row[StepState] = field(init=False, repr=False, compare=False)
    """Of its steps."""
    tried: int = field(init=False, repr=False, compare=False)
    """Steps that were ever started."""

    def __post_init__(self) -> None:
        self.lay_out(self.steps)

    def lay_out(self, steps: dict[str, StepState]) -> None:
        self.steps = steps  # type: ignore[misc]  # with all that is known of them
        self.row = Row(steps)
        self.tried = sum(1 for step in steps.values() if step.attempt)

    def move(self, step: StepState, status: StepStatus) -> None:
        """Bring one of its steps into a state."""
        step.status = status  # type: ignore[misc]  # seen to by the row
        self.row.look(step.id)

    def start(self, step: StepState, attempt: int) -> None:
        self.tried += bool(attempt) - bool(step.attempt)
        step.attempt = attempt  # type: ignore[misc]  # counted
        self.move(step, StepStatus.RUNNING)

    @property
    def over(self) -> bool:
        return self.status.over

    @property
    def astir(self) -> bool:
        return (
            self.guard is not None
            or self.row.stirs
            or self.status
            in (ItemStatus.FAILED, ItemStatus.ROLLING_BACK, ItemStatus.ROLLBACK_FAILED)
        )

    @property
    def rollbacks(self) -> int:
        return len(self.rollback_history)

    @property
    def passed_over(self) -> str:
        """Why the plan's `when` does not require it; empty when that does not say so."""
        return self.not_applicable.reason if self.not_applicable else ""

    @property
    def drifted(self) -> list[LineState]:
        """Criteria that held when the item was done, and do not any more."""
        return [line for line in self.success.values() if line.drifted]

    @property
    def to_confirm(self) -> str:
        """Id of the step that is done and has to be confirmed; empty for none."""
        guard = self.guard
        if guard is None or guard.counting is None or self.rollback_started is not None:
            return ""
        step = self.steps.get(guard.step)  # a changed plan may lack it
        return guard.step if step and step.status is StepStatus.SUCCEEDED else ""

    @property
    def started(self) -> bool:
        return bool(self.checkpoint_opened_at or self.tried)

    @property
    def rolling_back(self) -> bool:
        return bool(self.rollback_started) and not (self.rollback or self.rollback_error)

    @property
    def status(self) -> ItemStatus:
        if self.rollback_error:
            return ItemStatus.ROLLBACK_FAILED
        if self.rollback_started:
            return ItemStatus.ROLLED_BACK if self.rollback else ItemStatus.ROLLING_BACK
        if self.row.stirs:
            found = [step.status for step in self.row.astir()]
            return ItemStatus(next(status for status in ASTIR if status in found).value)
        if self.to_confirm:
            return ItemStatus.WAITING
        if self.outline.not_required or self.not_applicable:
            return ItemStatus.NOT_REQUIRED
        if self.checkpoint_error or any(
            line.result and not line.passed for line in self.success.values()
        ):
            return ItemStatus.FAILED
        if self.not_committed and self.not_committed.fatal:
            return ItemStatus.FAILED
        if self.finished:
            return ItemStatus.SUCCEEDED
        if self.outline.unavailable:
            return ItemStatus.UNAVAILABLE
        return ItemStatus.RUNNING if self.started else ItemStatus.PENDING

    @property
    def steps_over(self) -> bool:
        return self.row.over

    @property
    def finished(self) -> bool:
        """Steps are over, criteria hold, and the commit, if any, is made."""
        if self.outline.not_required or not self.verified_at or not self.steps_over:
            return False
        return (
            not self.outline.commits
            or self.committed is not None
            or (self.not_committed is not None and not self.not_committed.fatal)
        )

    @property
    def needs_checkpoint(self) -> bool:
        return bool(self.checkpoint) and not self.checkpoint_passed_at


@dataclass(slots=True)
class Intent:
    """What the engine may do by itself."""

    auto: bool = False
    one: bool = False
    """One unit was asked for and has not ended."""
    items: tuple[str, ...] = ()
    until: str = ""
    unattended: bool = False
    unknown: str = ""
    only: str = ""
    """Id of the one item that is worked on until this intent ends; empty: the whole scope."""

    @property
    def active(self) -> bool:
        return self.auto or self.one


@dataclass(slots=True)
class Note:
    at: str
    by: str
    text: str
    item: str = ""
    step: str = ""


@dataclass(slots=True)
class Blocker:
    id: str
    at: str
    by: str
    text: str
    item: str = ""
    step: str = ""
    cleared_at: str = ""


@dataclass(slots=True)
class Child:
    pid: int
    pid_started: str
    argv: tuple[str, ...]


@dataclass(slots=True)
class ScoreState:
    """One measurement of the security score."""

    started: ev.ScoreStarted
    at: str
    checks: list[ev.ScoreChecked] = field(default_factory=list)
    measured: ev.ScoreMeasured | None = None
    measured_at: str = ""


@dataclass(slots=True)
class RecheckState:
    """The criteria of the items that are done, measured again."""

    started: ev.RecheckStarted
    at: str
    lines: list[tuple[ev.CheckFinished, str]] = field(default_factory=list)
    """Each with its time."""
    finished: ev.RecheckFinished | None = None
    abandoned: ev.RecheckAbandoned | None = None

    @property
    def over(self) -> bool:
        return self.finished is not None or self.abandoned is not None


@dataclass(slots=True)
class SessionState:
    """Everything known of a session at one entry of its journal."""

    seq: int = 0
    hash: str = GENESIS
    at: str = ""
    left_out: list[int] = field(default_factory=list)
    """Entries between others that can't be read; only a reader's state goes on without them."""
    started: ev.SessionStarted | None = None
    started_at: str = ""
    epoch: int = 0
    engine: ev.EngineStarted | None = None
    """The newest engine; None after it stopped by itself."""
    engine_stopped: ev.EngineStopped | None = None
    actions_from: list[ev.ActionsFrom] = field(default_factory=list)
    """Packages whose actions any engine ran; one that was exchanged between two stands twice."""
    stop_requested: bool = False
    locks_taken: list[tuple[ev.LockTaken, str]] = field(default_factory=list)
    """Each with its time."""
    plan_sha256: str = ""
    plan_changes: list[ev.PlanChangeAccepted] = field(default_factory=list)
    items: Final[dict[str, ItemState]] = field(default_factory=dict)
    """Changed by `lay_out` alone."""
    intent: Intent = field(default_factory=Intent)
    pause_reason: str = ""
    nothing_left: bool = False
    question: ev.QuestionAsked | None = None
    questions_answered: list[tuple[ev.QuestionAsked, ev.QuestionAnswered]] = field(
        default_factory=list
    )
    question_times: dict[str, str] = field(default_factory=dict)
    """When each of them was answered, by its id."""
    commands: dict[str, Command] = field(default_factory=dict)
    """Commands without an answer, in order."""
    answered: dict[str, str] = field(default_factory=dict)
    """Empty text for an accepted command, the reason for a rejected one."""
    children: dict[tuple[int, str], Child] = field(default_factory=dict)
    """Children that were started and not seen to end."""
    hands: dict[str, HandsState] = field(default_factory=dict)
    """All work by hand, by the id of the command that began it."""
    notes: list[Note] = field(default_factory=list)
    blockers: dict[str, Blocker] = field(default_factory=dict)
    report: ev.StatusReported | None = None
    """The newest."""
    reports: list[tuple[ev.StatusReported | ev.BriefWritten, str]] = field(default_factory=list)
    """Every one with its time, oldest first."""
    assumed: list[ev.LineConfirmed] = field(default_factory=list)
    """Confirmations that `--yes` stood in for."""
    log_lost: list[ev.LogLost] = field(default_factory=list)
    exported: ev.SignalExported | None = None
    exported_at: str = ""
    rechecks: list[RecheckState] = field(default_factory=list)
    """Whole ones and those cut short, oldest first; the last may still go on."""
    scoring: ScoreState | None = None
    """The measurement of the score that is going on, or that a crash cut short."""
    scores: list[ScoreState] = field(default_factory=list)
    """Measurements that came to an end, oldest first."""
    score_declined: str = ""
    """Why the measurement before the first change was ended; it is not begun again unasked."""
    latest_step: StepState | None = None
    """The one that was started last; no other can be under way."""
    latest_rollback: ItemState | None = None
    """The item whose rollback was begun last."""
    resting_since: str = ""
    """Since when nothing is at work; empty while something is."""
    rests: list[tuple[str, str]] = field(default_factory=list)
    """From when till when nothing was at work, oldest first; finished ones only."""
    row: Row[ItemState] = field(init=False, repr=False, compare=False)
    """Of the items."""
    homes: dict[str, str] = field(init=False, repr=False, compare=False)
    """Id of the item by that of each step."""
    decided_by: dict[str, set[str]] = field(init=False, repr=False, compare=False)
    """Ids of the items in which something may be passed over for what a step gave, by its id."""
    taken: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """Ids of the items that are being changed."""

    def __post_init__(self) -> None:
        self.lay_out(self.items)

    def lay_out(self, items: dict[str, ItemState]) -> None:
        self.items = items  # type: ignore[misc]  # with all that is known of them
        self.row = Row(items)
        self.homes = {}
        self.decided_by = {}
        self.taken.clear()
        for item in items.values():
            for step in item.steps.values():
                self.homes.setdefault(step.id, item.id)
                self.passed_over(item.id, step.not_applicable)
            self.passed_over(item.id, item.not_applicable)

    def passed_over(
        self, item: str, why: ev.StepNotApplicable | ev.ItemNotApplicable | None
    ) -> None:
        """Know where to look when a step that this rests on is run again."""
        for step in why.rests_on if why else ():
            self.decided_by.setdefault(step, set()).add(item)

    def take(self, item_id: str) -> ItemState | None:
        """Take an item in hand to change it; `put_back` has to follow."""
        if item_id in self.items:
            self.taken.add(item_id)
        return self.items.get(item_id)

    def put_back(self) -> None:
        """Look again at the items that were taken in hand."""
        for item_id in self.taken:
            self.row.look(item_id)
        self.taken.clear()

    @property
    def id(self) -> str:
        return self.started.session if self.started else ""

    @property
    def target_name(self) -> str:
        """What people call the target by: its folder's name."""
        target = self.started.target if self.started else ""
        return PurePath(target).name or target

    @property
    def went_live(self) -> tuple[ev.QuestionAnswered, str] | None:
        """Who typed the target's name, and when."""
        for asked, answered in self.questions_answered:
            if asked.kind == "target":
                return answered, self.question_times[asked.id]
        return None

    @property
    def to_go_live(self) -> bool:
        """Whether the target's name has to be typed before anything is done."""
        return self.started is not None and self.started.names_target and not self.went_live

    @property
    def score_before(self) -> ScoreState | None:
        """The score before the first change."""
        return next((s for s in self.scores if s.started.moment == "before"), None)

    @property
    def score_now(self) -> ScoreState | None:
        """The newest score, if it is another than the one before the first change."""
        newest = self.scores[-1] if self.scores else None
        return None if newest is self.score_before else newest

    @property
    def recheck(self) -> RecheckState | None:
        """The newest."""
        return self.rechecks[-1] if self.rechecks else None

    @property
    def measuring(self) -> bool:
        """Whether the score or the criteria are being measured, or a crash cut that short."""
        return self.scoring is not None or (self.recheck is not None and not self.recheck.over)

    @property
    def running_step(self) -> StepState | None:
        for item in self.row.astir():
            for step in item.row.astir():
                if step.status in (StepStatus.RUNNING, StepStatus.WAITING):
                    return step
        return None

    @property
    def rolling_back(self) -> bool:
        return any(item.rolling_back for item in self.row.astir())

    @property
    def guarded(self) -> ItemState | None:
        """The item that reverts by itself unless its step is confirmed."""
        return next((item for item in self.row.astir() if item.guard), None)

    def steps(self) -> Iterable[StepState]:
        for item in self.items.values():
            yield from item.steps.values()

    def step(self, step_id: str) -> StepState:
        return self.items[self.homes[step_id]].steps[step_id]

    def taken_over(self) -> list[tuple[ev.LockTaken, str]]:
        """Drivers that were displaced, each with the time; not those that had ended before."""
        return [(taken, at) for taken, at in self.locks_taken if taken.how != "ended"]

    def open_blockers(self) -> list[Blocker]:
        return [b for b in self.blockers.values() if not b.cleared_at]

    @property
    def status(self) -> str:
        """`starting`, `running`, `waiting`, `failed`, `idle`, `stopped`, `finished`.

        `finished` means that no item has anything left to do; what could not be done shows in
        the items.
        """
        statuses = {item.status for item in self.row.astir()}
        if self.question or ItemStatus.WAITING in statuses:
            return "waiting"
        measuring = self.measuring and self.engine is not None
        if ItemStatus.ROLLING_BACK in statuses or self.running_step or measuring:
            return "running"
        if statuses & {ItemStatus.FAILED, ItemStatus.ROLLBACK_FAILED, ItemStatus.UNKNOWN}:
            return "failed"
        if self.items and self.row.over:
            return "finished"
        if self.engine is None:
            return "stopped" if self.engine_stopped else "starting"
        return "running" if self.intent.active else "idle"

    @property
    def at_work(self) -> bool:
        """Whether an engine is under way with something and waits for nobody.

        That it died is not known here.
        """
        if self.engine is None or self.question:
            return False
        step, undone = self.latest_step, self.latest_rollback
        if step is not None:
            item = self.items.get(step.item)
            if item is not None and item.guard is not None and item.to_confirm:
                return False
            if step.under_way:
                return True
        rolling_back = undone is not None and undone.rolling_back
        return self.intent.active or rolling_back or self.measuring

    def elapsed(self, now: str) -> timedelta:
        """Since the session began."""
        return parse_time(now) - parse_time(self.started_at) if self.started_at else timedelta()

    def active(self, now: str, *, alive: bool = True) -> timedelta:
        """Elapsed time less that in which nothing was at work: a person had to decide, or no engine
        ran.

        An engine that is not `alive` any more counts as at work until its last entry.
        """
        since = self.resting_since or ("" if alive else self.at)
        rests = [*self.rests, (since, now)] if since else self.rests
        end = parse_time(now)
        spans = (min(end, parse_time(over)) - parse_time(begun) for begun, over in rests)
        return self.elapsed(now) - sum((max(span, timedelta()) for span in spans), timedelta())
