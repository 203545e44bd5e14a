"""The state of a session: one fold over its journal, used by everything that shows or decides.

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
from runbook_app.domain.commands import Command, Stop
from runbook_app.domain.entry import GENESIS, Entry
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
    def word(self) -> str:
        """Its state as records have it: what the plan passed over was not skipped by a person."""
        passed_over = self.not_applicable and self.status is StepStatus.SKIPPED
        return "not_applicable" if passed_over else self.status.value

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


def fold(entries: Iterable[Entry], state: SessionState | None = None) -> SessionState:
    """Bring a state (a fresh one by default) up to the last of the entries, and return it."""
    state = state or SessionState()
    try:
        for entry in entries:
            state.left_out += range(state.seq + 1, entry.seq)
            before, body = state.at, entry.body
            state.seq, state.hash, state.at = entry.seq, entry.hash, entry.at
            if isinstance(body, Command):
                state.commands[body.id] = body
            else:
                _apply(state, body, entry.at)
                if type(body) not in MEANWHILE:
                    _count_rests(state, body, before)
    finally:
        state.put_back()
    return state


MEANWHILE = frozenset({ev.StepProgressed, ev.StepMeasured, ev.ScoreChecked, ev.CaptureTaken})
"""The most frequent events, with which no work begins or ends."""


def _count_rests(state: SessionState, event: ev.AnyEvent, before: str) -> None:
    """Begin or end a rest; `before` is the time of the entry before."""
    if isinstance(event, ev.EngineStarted) and not state.resting_since:
        state.resting_since = before  # the engine before this one died without a word
    if not state.at_work:
        state.resting_since = state.resting_since or state.at
    elif state.resting_since:
        state.rests.append((state.resting_since, state.at))
        state.resting_since = ""


def _apply(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    match event:
        case (
            ev.SessionStarted()
            | ev.EngineStarted()
            | ev.EngineStopped()
            | ev.LockTaken()
            | ev.PlanChangeAccepted()
            | ev.CommandAccepted()
            | ev.CommandRejected()
            | ev.RunRequested()
            | ev.RunPaused()
            | ev.NothingLeft()
            | ev.LogLost()
            | ev.ChildStarted()
            | ev.ChildEnded()
            | ev.StatusReported()
            | ev.BriefWritten()
            | ev.SignalExported()
        ):
            _apply_session(state, event, at)
        case ev.ScoreStarted() | ev.ScoreChecked() | ev.ScoreMeasured() | ev.ScoreAbandoned():
            _apply_score(state, event, at)
        case ev.RecheckStarted() | ev.RecheckFinished() | ev.RecheckAbandoned():
            _apply_recheck(state, event, at)
        case (
            ev.QuestionAsked()
            | ev.QuestionAnswered()
            | ev.QuestionWithdrawn()
            | ev.HandsWentIn()
            | ev.HandsCameOut()
            | ev.NoteAdded()
            | ev.BlockerRaised()
            | ev.BlockerCleared()
        ):
            _apply_people(state, event, at)
        case (
            ev.StepStarted()
            | ev.StepMeasured()
            | ev.StepProgressed()
            | ev.StepStopping()
            | ev.StepSucceeded()
            | ev.StepFailed()
            | ev.StepSkipped()
            | ev.StepNotApplicable()
            | ev.StepBecameUnknown()
            | ev.UnknownExamined()
            | ev.UnknownResolved()
            | ev.StepReset()
            | ev.ParametersEdited()
            | ev.BlastRadiusConfirmed()
        ):
            _apply_step(state, event, at)
        case ev.GuardArmed() | ev.GuardCounting() | ev.StepConfirmed() | ev.ConfirmationFailed():
            _apply_guard(state, event, at)
        case ev.ItemNotApplicable():
            _leave_out(state, event)
        case _:
            _apply_item(state, event, at)


def _apply_session(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    match event:
        case ev.SessionStarted():
            state.started, state.started_at = event, at
            state.plan_sha256 = event.plan_sha256
            state.lay_out({outline.id: _new_item(outline) for outline in event.outline})
        case ev.EngineStarted():
            state.engine, state.epoch, state.engine_stopped = event, event.epoch, None
            state.actions_from += [a for a in event.actions_from if a not in state.actions_from]
            state.intent = Intent(items=state.intent.items, until=state.intent.until)
            state.stop_requested = False
            state.question = None
            if state.scoring and state.scoring.started.moment != "asked":
                state.scoring = None  # begun anew by what wanted it
        case ev.EngineStopped():
            state.engine, state.engine_stopped = None, event
            state.stop_requested = False
            state.intent = Intent(items=state.intent.items, until=state.intent.until)
            state.question = None
        case ev.LockTaken():
            state.locks_taken.append((event, at))
        case ev.PlanChangeAccepted():
            state.plan_changes.append(event)
            state.plan_sha256 = event.sha256
            _adopt(state, event.outline)
        case ev.CommandAccepted():
            accepted = state.commands.pop(event.command, None)
            state.answered[event.command] = ""
            state.stop_requested = state.stop_requested or isinstance(accepted, Stop)
        case ev.CommandRejected():
            state.commands.pop(event.command, None)
            state.answered[event.command] = event.reason
        case ev.RunRequested():
            state.intent = Intent(
                auto=event.auto,
                one=not event.auto,
                items=event.items or state.intent.items,
                until=event.until,
                unattended=event.unattended,
                unknown=event.unknown,
                only=event.only,
            )
            state.pause_reason, state.nothing_left = "", False
            for item_id in event.items:
                if item := state.take(item_id):
                    _begin_again(item, at)
        case ev.RunPaused():
            state.intent.auto = state.intent.one = False
            state.pause_reason = event.reason
        case ev.NothingLeft():
            state.intent.auto = state.intent.one = False
            state.nothing_left = True
        case ev.LogLost():
            state.log_lost.append(event)
        case ev.ChildStarted():
            key = (event.pid, event.pid_started)
            state.children[key] = Child(event.pid, event.pid_started, event.argv)
        case ev.ChildEnded():
            state.children.pop((event.pid, event.pid_started), None)
        case ev.StatusReported():
            state.report = event
            state.reports.append((event, at))
        case ev.BriefWritten():
            state.reports.append((event, at))
        case ev.SignalExported():
            state.exported, state.exported_at = event, at


def _apply_score(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    if isinstance(event, ev.ScoreStarted):
        state.scoring = ScoreState(event, at)
        return
    current = state.scoring
    if current is None or current.started.id != getattr(event, "id", ""):
        return
    match event:
        case ev.ScoreChecked():
            current.checks.append(event)
        case ev.ScoreMeasured():
            current.measured, current.measured_at = event, at
            state.scores.append(current)
            state.scoring = None
        case ev.ScoreAbandoned():
            if current.started.moment == "before":
                state.score_declined = event.reason
            state.scoring = None


def _apply_recheck(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    if isinstance(event, ev.RecheckStarted):
        state.rechecks.append(RecheckState(event, at))
        return
    current = state.recheck
    if current is None or current.over or current.started.id != getattr(event, "id", ""):
        return
    match event:
        case ev.RecheckFinished():
            current.finished = event
            for result, measured_at in current.lines:
                _line_rechecked(state, result, measured_at)
        case ev.RecheckAbandoned():
            current.abandoned = event


def _line_rechecked(state: SessionState, result: ev.CheckFinished, at: str) -> None:
    item = state.take(result.item)
    line = item.success.get(result.line) if item else None
    if item is None or line is None or item.status is not ItemStatus.SUCCEEDED:
        return
    match result.verdict:
        case Verdict.PASSED:
            line.held_at, line.drift = at, None
        case Verdict.FAILED:
            line.drift = Drift(line.drift.since if line.drift else at, result, at)
        case Verdict.NOT_MEASURED:
            pass  # nobody knows: what was found before stands


def _apply_people(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    match event:
        case ev.QuestionAsked():
            state.question = event
            item, step = _find(state, event.step)
            if item and step and step.status is StepStatus.RUNNING:
                item.move(step, StepStatus.WAITING)
        case ev.QuestionAnswered():
            if state.question and state.question.id == event.id:
                state.questions_answered.append((state.question, event))
                state.question_times[event.id] = at
                _close_question(state)
        case ev.QuestionWithdrawn():
            if state.question and state.question.id == event.id:
                _close_question(state)
        case ev.HandsWentIn():
            state.hands[event.id] = HandsState(event, at)
            if item := state.take(event.item):
                item.hands.append(state.hands[event.id])
        case ev.HandsCameOut():
            if event.id in state.hands:
                state.hands[event.id].came_out, state.hands[event.id].out_at = event, at
        case ev.NoteAdded():
            state.notes.append(Note(at, event.by, event.text, event.item, event.step))
        case ev.BlockerRaised():
            state.blockers[event.id] = Blocker(
                event.id, at, event.by, event.text, event.item, event.step
            )
        case ev.BlockerCleared():
            if event.id in state.blockers:
                state.blockers[event.id].cleared_at = at


def _close_question(state: SessionState) -> None:
    asked, state.question = state.question, None
    item, step = _find(state, asked.step if asked else "")
    if item and step and step.status is StepStatus.WAITING:
        item.move(step, StepStatus.RUNNING)


def _apply_step(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    if isinstance(event, ev.StepStarted) and (begun := state.take(event.item)):
        _begin_again(begun, at)
        _decide_anew(state, event.step)
    item, step = _find(state, getattr(event, "step", ""))
    if item is None or step is None:
        return
    over = isinstance(event, ev.StepStarted | ev.StepFailed | ev.StepBecameUnknown | ev.StepReset)
    if over and state.scoring and state.scoring.started.step == step.id:
        state.scoring = None
    match event:
        case ev.StepStarted():
            state.latest_step = step
            item.start(step, event.attempt)
            step.begun = True
            step.started_at, step.ended_at, step.measured_seconds = at, "", None
            step.stopping = step.progress = step.error = step.hint = step.evidence = ""
            step.measurements, step.outputs = [], {}
            step.examined = step.resolved = step.confirmed = None
        case ev.StepMeasured():
            step.measurements.append(event.measurement)
        case ev.StepProgressed():
            step.progress = event.text
        case ev.StepStopping():
            step.stopping = event.reason
        case ev.StepSucceeded():
            item.move(step, StepStatus.SUCCEEDED)
            step.ended_at, step.stopping = at, ""
            step.evidence, step.log_sha256 = event.evidence, event.log_sha256
            step.measured_seconds = event.seconds
            step.outputs.update(event.outputs)
            step.error = step.hint = ""
            _unit_over(state)
        case ev.StepFailed():
            item.move(step, StepStatus.FAILED)
            step.ended_at, step.stopping = at, ""
            step.error, step.hint, step.log_sha256 = event.error, event.hint, event.log_sha256
            step.measured_seconds = event.seconds
            state.intent.auto = state.intent.one = False
        case ev.StepSkipped():
            item.move(step, StepStatus.SKIPPED)
            step.waiver, step.ended_at = event, at
        case ev.StepNotApplicable():
            item.move(step, StepStatus.SKIPPED)
            step.not_applicable = event
            state.passed_over(item.id, event)
            _unit_over(state)
        case ev.StepBecameUnknown():
            item.move(step, StepStatus.UNKNOWN)
            step.ended_at, step.stopping = at, ""
            step.error, step.examined, step.resolved = event.reason, None, None
        case ev.UnknownExamined():
            step.examined = event
            step.outputs.update(event.outputs)
        case ev.UnknownResolved():
            step.resolved = event
        case ev.StepReset():
            item.move(step, StepStatus.PENDING)
            step.ended_at = step.started_at = ""
            step.error = step.hint = step.stopping = ""
            step.examined = step.resolved = None
        case ev.ParametersEdited():
            step.parameters, step.radius = event.after, None
        case ev.BlastRadiusConfirmed():
            step.radius = event


def _apply_guard(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    item = state.take(getattr(event, "item", ""))
    if item is None or getattr(event, "step", "") not in item.steps:
        return
    if isinstance(event, ev.GuardArmed):
        if event.again and item.guard:
            item.guard.armed = event
        else:
            item.guard = GuardState(event)
    if item.guard is None:
        return
    match event:
        case ev.GuardCounting():
            if item.guard.counting is None:
                item.guard.counting, item.guard.counting_at = event, at
        case ev.StepConfirmed():
            step = item.steps[event.step]
            step.confirmed, step.confirmed_at, item.guard = event, at, None
            _unit_over(state)
        case ev.ConfirmationFailed():
            item.guard.failed = event


def _apply_item(state: SessionState, event: ev.AnyEvent, at: str) -> None:
    item = state.take(getattr(event, "item", ""))
    if item is None:
        return
    match event:
        case ev.RehearsalNoted():
            item.rehearsal = event
        case ev.ItemTakenUpAgain():
            _begin_again(item, at)
        case ev.CheckpointOpened():
            _begin_again(item, at)
            item.checkpoint_opened_at, item.checkpoint_error = at, ""
            item.checkpoint_passed_at = ""
            for line in item.checkpoint.values():
                line.result, line.confirmed = None, None
        case ev.FingerprintTaken():
            if event.moment == "checkpoint":
                item.fingerprint = event
        case ev.CheckFinished():
            _line_finished(state, item, event, at)
        case ev.LineConfirmed():
            line = item.checkpoint.setdefault(event.line, LineState(event.line))
            line.confirmed, line.at = event, at
            if event.assumed:
                state.assumed.append(event)
        case ev.CheckpointPassed():
            item.checkpoint_passed_at, item.checkpoint_error = at, ""
            _unit_over(state)
        case ev.CheckpointFailed():
            item.checkpoint_error = event.reason
            state.intent.auto = state.intent.one = False
        case ev.CriterionWaived():
            lines = item.success if event.line in item.success else item.checkpoint
            lines.setdefault(event.line, LineState(event.line)).waiver = event
        case ev.CaptureTaken():
            item.captures.append(event)
        case ev.ObjectSettled():
            item.settled[(event.kind, event.name)] = event.state
        case ev.ItemVerified():
            item.verified_at, item.finished_at = at, at
            _unit_over(state)
        case ev.ItemCommitted():
            item.committed, item.not_committed, item.finished_at = event, None, at
        case ev.ItemNotCommitted():
            item.not_committed, item.finished_at = event, at
            if event.fatal:
                state.intent.auto = state.intent.one = False
        case _:
            _apply_rollback(state, item, event, at)


def _apply_rollback(state: SessionState, item: ItemState, event: ev.AnyEvent, at: str) -> None:
    match event:
        case ev.RollbackStarted():
            item.rollback_started, item.rollback, item.rollback_error = event, None, ""
            item.rollback_started_at, item.verified_at = at, ""
            state.latest_rollback = item
            for line in item.success.values():
                line.drift = None
            state.intent.auto = state.intent.one = False
            for step in item.steps.values():
                if step.status is not StepStatus.PENDING:
                    item.move(step, StepStatus.ROLLING_BACK)
                    step.stopping = ""
        case ev.RollbackFinished():
            item.rollback, item.rollback_error = event, ""
            item.rollback_history.append(event)
            item.fallback, item.fallback_restored = None, False
            item.guard = None
            for step in item.steps.values():
                if step.status is StepStatus.ROLLING_BACK:
                    item.move(step, StepStatus.ROLLED_BACK)
        case ev.FallbackChosen():
            item.fallback, item.fallback_restored = event, False
        case ev.CaptureRestored():
            if item.fallback is not None and item.fallback.capture == event.id:
                item.fallback_restored = True
        case ev.RollbackFailed():
            item.rollback_error, item.rollback_hint = event.error, event.hint
            for step in item.steps.values():
                if step.status is StepStatus.ROLLING_BACK:
                    item.move(step, StepStatus.ROLLBACK_FAILED)


def _begin_again(item: ItemState, at: str) -> None:
    """A rolled-back item that starts anew forgets its first run, not the record of it."""
    if item.rollback is None:
        return
    item.begun_again[item.rollbacks] = at
    item.checkpoint_opened_at = item.checkpoint_error = ""
    item.rollback_started, item.rollback, item.rollback_error = None, None, ""
    item.captures, item.settled, item.fingerprint, item.hands = [], {}, None, []
    item.verified_at = item.finished_at = item.checkpoint_passed_at = ""
    item.committed, item.not_committed = None, None
    for line in item.success.values():
        line.result, line.waiver, line.held_at = None, None, ""
    item.lay_out(
        {step.id: StepState(step.id, item.id, attempt=step.attempt) for step in item.steps.values()}
    )


def _leave_out(state: SessionState, event: ev.ItemNotApplicable) -> None:
    item = state.take(event.item)
    if item is None:
        return
    item.not_applicable = event
    state.passed_over(item.id, event)
    _unit_over(state)
    for step in item.steps.values():
        if step.status is StepStatus.PENDING:
            item.move(step, StepStatus.SKIPPED)
            step.not_applicable = event


def _decide_anew(state: SessionState, step_id: str = "") -> None:
    """Forget what was decided by values of a step that runs again, or all of it.

    What an item that is done passed over stands, as the rest of it does.
    """
    for item_id in list(state.decided_by.get(step_id, ()) if step_id else state.items):
        item = state.take(item_id)
        if item is None or item.verified_at:
            continue
        if item.not_applicable and (not step_id or step_id in item.not_applicable.rests_on):
            item.not_applicable = None
        for step in item.steps.values():
            decided = step.not_applicable
            if decided and (not step_id or step_id in decided.rests_on):
                item.move(step, StepStatus.PENDING)
                step.not_applicable = None


def _line_finished(state: SessionState, item: ItemState, event: ev.CheckFinished, at: str) -> None:
    if event.section == "recheck" and state.recheck and not state.recheck.over:
        state.recheck.lines.append((event, at))
    if event.section not in ("checkpoint", "success"):
        return
    lines = item.checkpoint if event.section == "checkpoint" else item.success
    line = lines.setdefault(event.line, LineState(event.line))
    line.result, line.at, line.drift = event, at, None
    if event.verdict is Verdict.PASSED:
        line.held_at = at
    if event.section == "success" and event.verdict is not Verdict.PASSED and not line.waiver:
        state.intent.auto = state.intent.one = False


def _unit_over(state: SessionState) -> None:
    state.intent.one = False


def _find(state: SessionState, step_id: str) -> tuple[ItemState, StepState] | tuple[None, None]:
    """A step, and its item in hand."""
    home = state.homes.get(step_id)
    item = state.take(home) if home is not None else None
    return (item, item.steps[step_id]) if item else (None, None)


def _new_item(outline: ev.ItemOutline) -> ItemState:
    return ItemState(
        outline.id,
        outline,
        checkpoint={line: LineState(line) for line in outline.checkpoint},
        success={line: LineState(line) for line in outline.success},
        steps={step: StepState(step, outline.id) for step in outline.steps},
    )


def _adopt(state: SessionState, outlines: tuple[ev.ItemOutline, ...]) -> None:
    """Take over a changed plan's outline; what has run keeps its state, by id."""
    adopted = {}
    for outline in outlines:
        fresh = _new_item(outline)
        old = state.items.get(outline.id)
        if old:
            old.outline = outline
            old.checkpoint = {k: old.checkpoint.get(k, v) for k, v in fresh.checkpoint.items()}
            old.success = {k: old.success.get(k, v) for k, v in fresh.success.items()}
            old.lay_out({k: old.steps.get(k, v) for k, v in fresh.steps.items()})
        adopted[outline.id] = old or fresh
    state.lay_out(adopted)
    latest, undone = state.latest_step, state.latest_rollback
    state.latest_step = _find(state, latest.id)[1] if latest else None
    state.latest_rollback = adopted.get(undone.id) if undone else None
    _decide_anew(state)
