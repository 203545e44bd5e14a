"""Events: what happened, in the past tense. The journal holds nothing else but commands.

Every event is a frozen struct whose type is its tag in the journal. Times are not in events:
the journal stamps each entry.
"""

from __future__ import annotations

import msgspec

from runbook_app.domain.blast import Affected
from runbook_app.domain.measure import Measurement, Progress, Scalar, Verdict
from runbook_app.domain.variables import Given


class Event(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Base of all events."""


class ItemOutline(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: int
    title: str
    steps: tuple[str, ...]
    checkpoint: tuple[str, ...]
    """Ids of the checkpoint's lines."""
    success: tuple[str, ...]
    unavailable: tuple[str, ...] = ()
    """Ids of the steps whose action is missing."""
    not_required: str = ""
    commits: bool = False
    needs: tuple[str, ...] = ()


# Session


class DoneBefore(msgspec.Struct, frozen=True, kw_only=True):
    """An item that an earlier session on the same target did, and that another one needs."""

    item: str
    session: str
    at: str
    """When its criteria held there."""


class SessionStarted(Event, frozen=True, kw_only=True):
    session: str
    plan: str
    plan_title: str
    plan_path: str
    plan_sha256: str
    target: str
    operator: str
    host: str
    program: str
    """Version of this program."""
    variables: dict[str, Given]
    outline: tuple[ItemOutline, ...]
    fingerprint_version: int = 1
    done_before: tuple[DoneBefore, ...] = ()
    """What items in scope need and this session leaves out."""
    earlier: dict[str, tuple[float, float]] = {}
    """Shortest and longest time in seconds that a step took in earlier sessions of the plan."""
    copy_of: str = ""
    """The target that this one is a rehearsal's copy of; empty: it is no copy."""
    assumed_answers: tuple[str, ...] = ()
    """Variables that the plan asks for, and whose default stood in because of `--yes`."""
    names_target: bool = False
    """Begun on a screen and no rehearsal: a person types the target's name before any work."""


class ActionsFrom(msgspec.Struct, frozen=True, kw_only=True):
    """A package, not this program's own, that brings actions of the plan."""

    package: str
    version: str
    sha256: str
    """Of the module's file; of a folder, over the digest of each Python file in it."""
    actions: tuple[str, ...]


class EngineStarted(Event, frozen=True, kw_only=True):
    epoch: int
    pid: int
    pid_started: str
    """Start time of the process as the kernel counts it, so that a reused pid is recognised."""
    host: str
    actions_from: tuple[ActionsFrom, ...] = ()
    """Other packages whose actions this engine runs; this program's own have its version."""


class EngineStopped(Event, frozen=True, kw_only=True):
    epoch: int
    reason: str


class LockTaken(Event, frozen=True, kw_only=True):
    """This session's engine has the target's lock that another process held before."""

    session: str
    """Of the one that held it, as are the next five."""
    operator: str
    host: str
    pid: int
    since: str
    heartbeat: str
    """When it last showed life."""
    how: str
    """`ended`: its process had ended without giving it back. Taken over: `stopped` at a safe point,
    or `killed`."""
    by: str
    reason: str = ""
    """Why it was taken over."""


class PlanChangeAccepted(Event, frozen=True, kw_only=True):
    sha256: str
    difference: str
    by: str
    outline: tuple[ItemOutline, ...]


class CommandAccepted(Event, frozen=True, kw_only=True):
    command: str


class CommandRejected(Event, frozen=True, kw_only=True):
    command: str
    reason: str


class RunRequested(Event, frozen=True, kw_only=True):
    """The engine may go on by itself: one unit, or until nothing is left."""

    auto: bool
    items: tuple[str, ...] = ()
    """Ids of the items in scope; empty means all."""
    until: str = ""
    unattended: bool = False
    """Nobody is there (`--yes`): confirmations are assumed, unknown steps are settled by check."""
    unknown: str = ""
    """Policy for unknown steps: check, retry, rollback; empty asks."""
    only: str = ""
    """Id of the one item that is worked on by this request; the scope stays as it is."""


class RunPaused(Event, frozen=True, kw_only=True):
    reason: str


class NothingLeft(Event, frozen=True, kw_only=True):
    """The requested scope has no further work that can be done."""


class LogLost(Event, frozen=True, kw_only=True):
    source: str
    expected: int
    stored: int


# Checkpoints and checks


class CheckpointOpened(Event, frozen=True, kw_only=True):
    item: str


class FingerprintTaken(Event, frozen=True, kw_only=True):
    item: str
    moment: str
    """`checkpoint` or `rollback`."""
    sha256: str
    path: str
    """Relative to the session folder."""


class CheckFinished(Event, frozen=True, kw_only=True):
    """A checkpoint's automatic line or a success criterion has been measured."""

    item: str
    section: str
    """`checkpoint`, `success`, or `recheck` (a success criterion, measured again later)."""
    line: str
    title: str
    verdict: Verdict
    measurements: tuple[Measurement, ...] = ()
    evidence: str = ""
    seconds: float = 0.0


class LineConfirmed(Event, frozen=True, kw_only=True):
    item: str
    line: str
    by: str
    assumed: bool = False
    """True when nobody confirmed it: `--yes` stood in."""


class CheckpointPassed(Event, frozen=True, kw_only=True):
    item: str


class CheckpointFailed(Event, frozen=True, kw_only=True):
    item: str
    reason: str


class CriterionWaived(Event, frozen=True, kw_only=True):
    item: str
    line: str
    reason: str
    owner: str
    expires: str


# Captures


class CaptureTaken(Event, frozen=True, kw_only=True):
    """The prior state of one thing is on disk; only now may it be changed."""

    id: str
    item: str
    step: str
    """Empty when taken by the checkpoint."""
    kind: str
    """`file` or `project`; a capability that changes other things brings its own kind."""
    name: str
    path: str
    """Of the artefact, relative to the session folder."""
    sha256: str
    """Of the artefact's plain content."""
    summary: str
    dirty: bool = False
    """The file held changes that were not committed."""


class ObjectSettled(Event, frozen=True, kw_only=True):
    """State of a captured thing when its item finished, so that a later change is noticed."""

    item: str
    kind: str
    name: str
    state: str


class CaptureRestored(Event, frozen=True, kw_only=True):
    id: str
    item: str
    changed: bool


# Steps


class StepStarted(Event, frozen=True, kw_only=True):
    item: str
    step: str
    attempt: int
    parameters: dict[str, object]


class StepMeasured(Event, frozen=True, kw_only=True):
    item: str
    step: str
    measurement: Measurement


class StepProgressed(Event, frozen=True, kw_only=True):
    """A line of progress for people; the newest replaces the one before."""

    item: str
    step: str
    text: str


class StepStopping(Event, frozen=True, kw_only=True):
    """Timed out or cancelled, but its thread or child has not ended yet."""

    item: str
    step: str
    reason: str


class StepSucceeded(Event, frozen=True, kw_only=True):
    item: str
    step: str
    evidence: str = ""
    outputs: dict[str, Scalar] = {}
    log_sha256: str = ""
    seconds: float | None = None
    """By a clock that nobody can set; None where the step ended with its engine."""


class StepFailed(Event, frozen=True, kw_only=True):
    item: str
    step: str
    error: str
    hint: str = ""
    log_sha256: str = ""
    seconds: float | None = None
    """As of a step that succeeded."""


class StepSkipped(Event, frozen=True, kw_only=True):
    """A waiver: the step is left out on somebody's word, for a time."""

    item: str
    step: str
    reason: str
    owner: str
    expires: str


class StepNotApplicable(Event, frozen=True, kw_only=True):
    """The plan's `when` passes the step over; no waiver, and nothing is left undone."""

    item: str
    step: str
    reason: str
    rests_on: tuple[str, ...] = ()
    """Ids of the steps whose values decided it; when one runs again it is decided anew."""


class StepBecameUnknown(Event, frozen=True, kw_only=True):
    item: str
    step: str
    reason: str


class UnknownExamined(Event, frozen=True, kw_only=True):
    """The check of a step of unknown outcome was run; `progress` is None when it could not run."""

    item: str
    step: str
    progress: Progress | None
    evidence: str
    outputs: dict[str, Scalar] = {}
    """What the check left for later steps."""

    @property
    def words(self) -> str:
        if self.progress is None:
            return f"its check could not run: {self.evidence}"
        return f"its check finds it {self.progress.words}: {self.evidence}"


class UnknownResolved(Event, frozen=True, kw_only=True):
    """A person said what came of a step of unknown outcome, seeing what its check had found."""

    item: str
    step: str
    answer: Progress
    by: str
    found: Progress | None
    """What the check had found; None when it could not run."""
    evidence: str

    @property
    def against_check(self) -> bool:
        return self.found is not None and self.found is not self.answer

    @property
    def words(self) -> str:
        """Who said what, and what the check had found."""
        said = f"taken as {self.answer.words} by {self.by} after a crash"
        if self.found is None:
            return f"{said}; its check could not run: {self.evidence}"
        if self.against_check:
            return f"{said}, AGAINST its check, which found it {self.found.words}: {self.evidence}"
        return f"{said}, as its check found: {self.evidence}"


class StepReset(Event, frozen=True, kw_only=True):
    """The step may run again from the start."""

    item: str
    step: str
    reason: str


class ParametersEdited(Event, frozen=True, kw_only=True):
    item: str
    step: str
    before: dict[str, object]
    after: dict[str, object]
    by: str


class BlastRadiusConfirmed(Event, frozen=True, kw_only=True):
    """Somebody has seen what the step will touch; it begins only while that is so."""

    item: str
    step: str
    affected: tuple[Affected, ...]
    by: str
    assumed: bool = False


class GuardArmed(Event, frozen=True, kw_only=True):
    """A process of its own watches over a step that can lock people out; only now may it run."""

    item: str
    step: str
    within: float
    """Seconds to confirm it in, from the end of its work on."""
    pid: int
    pid_started: str
    again: str = ""
    """Why another guard follows the one before, whose clock goes on."""


class GuardCounting(Event, frozen=True, kw_only=True):
    """The time to confirm a step in has begun."""

    item: str
    step: str
    boot: str
    """Id of the machine's start."""
    ends: float
    """Seconds since the machine's start, sleep included, at which the item is to be reverted."""
    reason: str


class StepConfirmed(Event, frozen=True, kw_only=True):
    """Somebody came in over a new connection, and the step stays."""

    item: str
    step: str
    by: str
    how: str
    evidence: str = ""
    """Of the step's check, run in a new process."""
    assumed: bool = False


class ConfirmationFailed(Event, frozen=True, kw_only=True):
    """The step's check, run in a new process, does not say that it is done."""

    item: str
    step: str
    evidence: str
    by: str = ""
    """Who had confirmed it; empty when nobody was asked yet."""


class ChildStarted(Event, frozen=True, kw_only=True):
    pid: int
    pid_started: str
    argv: tuple[str, ...]
    item: str = ""
    step: str = ""


class ChildEnded(Event, frozen=True, kw_only=True):
    pid: int
    pid_started: str
    exit_code: int | None
    """None when it was ended by recovery."""


# Items


class ItemCommitted(Event, frozen=True, kw_only=True):
    item: str
    commit: str
    paths: tuple[str, ...]


class ItemNotCommitted(Event, frozen=True, kw_only=True):
    item: str
    reason: str
    hint: str = ""
    fatal: bool = True
    """False when there is nothing to commit or no repository to commit to."""


class ItemVerified(Event, frozen=True, kw_only=True):
    """All success criteria of the item have been measured and hold."""

    item: str


class RollbackStarted(Event, frozen=True, kw_only=True):
    item: str
    by: str
    reason: str


class RollbackWarned(Event, frozen=True, kw_only=True):
    """Said before a rollback begins: what was captured may not cover all that was changed."""

    item: str
    text: str


class ItemNotApplicable(Event, frozen=True, kw_only=True):
    """The plan's `when` says that the item is not required."""

    item: str
    reason: str
    rests_on: tuple[str, ...] = ()
    """As of a step."""


class ItemTakenUpAgain(Event, frozen=True, kw_only=True):
    """An item that was rolled back is to be run again, from its checkpoint on."""

    item: str
    by: str


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One field of the fingerprint that is not as it was."""

    field: str
    before: str
    after: str


class RollbackFinished(Event, frozen=True, kw_only=True):
    item: str
    proven: bool
    differences: tuple[Difference, ...] = ()
    kept: tuple[str, ...] = ()
    """What was added since the checkpoint and stays, such as rows."""
    exclusions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    revert_commit: str = ""
    seconds: float = 0.0


class FallbackChosen(Event, frozen=True, kw_only=True):
    """The item's own rollback steps failed; a capture that takes back more is put back instead."""

    item: str
    capture: str
    """Id of the capture."""
    name: str
    reason: str
    """Why the steps failed."""
    losses: tuple[str, ...]
    """What was said to be lost by it."""
    by: str


class RollbackFailed(Event, frozen=True, kw_only=True):
    item: str
    error: str
    hint: str = ""


# People


class QuestionAsked(Event, frozen=True, kw_only=True):
    """Somebody has to answer before the work goes on."""

    id: str
    item: str
    step: str
    kind: str
    """`confirm` (a line of a checkpoint), `statement` (an action's, to be confirmed), `choice`,
    `text`, `guarded` (a step that reverts unless it is confirmed), `blast_radius` (what a step will
    touch), `changed` (an object differs from what the item left), or `target` (the target's name is
    to be typed before it goes live)."""
    text: str
    choices: tuple[str, ...] = ()
    person_required: bool = False
    takes: str = "text"
    """`text`, `integer`, `number`, or `file`: the path of one."""
    default: str = ""
    """Offered as the answer."""
    secret: bool = False
    """Its answer never travels in the journal, but sealed to `key` in a file of its own."""
    key: str = ""

    @property
    def headline(self) -> str:
        """The first line, where there is room for one."""
        return self.text.strip().partition("\n")[0]

    @property
    def may_be_assumed(self) -> bool:
        """Whether `--yes` may stand in for a person: never where there is something to decide."""
        kinds = ("confirm", "statement", "guarded", "blast_radius", "target")
        return self.kind in kinds and not self.person_required


class QuestionAnswered(Event, frozen=True, kw_only=True):
    id: str
    answer: str
    by: str
    assumed: bool = False
    how: str = ""


class QuestionWithdrawn(Event, frozen=True, kw_only=True):
    id: str
    reason: str


class HandsWentIn(Event, frozen=True, kw_only=True):
    """Somebody works on the target by hand; only now may they begin."""

    id: str
    by: str
    way: str
    what: str
    """The way in, in words."""
    item: str
    step: str = ""
    """The step it falls to; empty: the item, of which no step was begun."""
    during: str = ""
    """Id of the step that ran at that time."""
    pid: int
    """Of the screen."""
    pid_started: str


class HandsCameOut(Event, frozen=True, kw_only=True):
    id: str
    exit_code: int | None
    """None: it did not begin, or nobody saw its end."""
    reason: str = ""
    recorded: int = 0
    """Bytes of what the terminal showed, masked, that are in the log (source `hands`)."""
    sha256: str = ""
    """Of these."""


class NoteAdded(Event, frozen=True, kw_only=True):
    text: str
    by: str
    item: str = ""
    step: str = ""


class BlockerRaised(Event, frozen=True, kw_only=True):
    id: str
    text: str
    by: str
    item: str = ""
    step: str = ""


class BlockerCleared(Event, frozen=True, kw_only=True):
    id: str
    by: str


class StatusReported(Event, frozen=True, kw_only=True):
    """A status report in the master plan's form."""

    started: str
    current: str
    status: tuple[str, ...]
    next: str
    estimated_completion: str


class BriefWritten(Event, frozen=True, kw_only=True):
    """Where the session was, as somebody wanted it on record for whoever takes over."""

    by: str
    lines: tuple[str, ...]


# Score


class ScoreStarted(Event, frozen=True, kw_only=True):
    """The security score is being measured; without a `ScoreMeasured` of that id it was not."""

    id: str
    moment: str
    """`before` the first change, `after` (at the sign-off), or `asked` for."""
    by: str
    step: str = ""
    """The step that measures it; that step's retry measures it anew."""


class ScoreChecked(Event, frozen=True, kw_only=True):
    """One line of the score with its evidence."""

    id: str
    """Of the measurement."""
    category: str
    check: str
    title: str
    source: str
    weight: float
    points: float
    verdict: str
    """`passed`, `failed`, `not_measured` (no points, the evidence says why), or `not_applicable`
    (left out of the sum)."""
    evidence: str
    measurements: tuple[Measurement, ...] = ()
    seconds: float = 0.0


class CategoryScore(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    weight: float
    score: float | None
    """0-100; None when every check is left out."""


class ScoreMeasured(Event, frozen=True, kw_only=True):
    """The measurement is over, every check has been looked at."""

    id: str
    moment: str
    total: float
    """0-100."""
    categories: tuple[CategoryScore, ...]
    probes: bool = True
    """False: those that must write were left unmeasured."""
    seconds: float = 0.0


class ScoreAbandoned(Event, frozen=True, kw_only=True):
    """The measurement was ended before its last check."""

    id: str
    reason: str


class RehearsalNoted(Event, frozen=True, kw_only=True):
    """An item's run and rollback on a copy of the target, as this machine has it on record."""

    item: str
    rehearsed_at: str
    proven: bool
    apply_seconds: float
    rollback_seconds: float
    plan_sha256: str
    """Of the plan that was rehearsed."""
    outdated: str = ""
    """Why it does not count any more; empty while it does."""


# Signal


class RecheckStarted(Event, frozen=True, kw_only=True):
    """The criteria of the items that are done are being measured again.

    Each result is a `CheckFinished` of the section `recheck`. Without a `RecheckFinished` of that
    id none of them counts.
    """

    id: str
    by: str
    probes: bool
    """False: those that must write are left unmeasured."""


class RecheckFinished(Event, frozen=True, kw_only=True):
    """Every criterion has been looked at."""

    id: str
    held: int
    failed: int
    not_measured: int
    seconds: float = 0.0


class RecheckAbandoned(Event, frozen=True, kw_only=True):
    """The recheck was ended before its last criterion."""

    id: str
    reason: str


class Withdrawal(msgspec.Struct, frozen=True, kw_only=True):
    """A signal that says something else than what is so now."""

    sha256: str
    """Of its signed envelope."""
    verdict: str
    at: str
    """When it went on record."""
    why: tuple[str, ...]


class SignalExported(Event, frozen=True, kw_only=True):
    verdict: str
    sha256: str
    """Of the signed envelope."""
    path: str
    keyid: str = ""
    """Of the key that it was signed with; empty in journals of versions that did not sign."""
    reasons: tuple[str, ...] = ()
    """Why it is incomplete; empty in journals of older versions."""
    withdraws: Withdrawal | None = None
    """The signal before this one, if that does not hold any more."""


AnyEvent = (
    SessionStarted
    | EngineStarted
    | EngineStopped
    | LockTaken
    | PlanChangeAccepted
    | CommandAccepted
    | CommandRejected
    | RunRequested
    | RunPaused
    | NothingLeft
    | LogLost
    | CheckpointOpened
    | FingerprintTaken
    | CheckFinished
    | LineConfirmed
    | CheckpointPassed
    | CheckpointFailed
    | CriterionWaived
    | CaptureTaken
    | ObjectSettled
    | CaptureRestored
    | StepStarted
    | StepMeasured
    | StepProgressed
    | StepStopping
    | StepSucceeded
    | StepFailed
    | StepSkipped
    | StepNotApplicable
    | StepBecameUnknown
    | UnknownExamined
    | UnknownResolved
    | StepReset
    | ParametersEdited
    | BlastRadiusConfirmed
    | GuardArmed
    | GuardCounting
    | StepConfirmed
    | ConfirmationFailed
    | ChildStarted
    | ChildEnded
    | ItemCommitted
    | ItemNotCommitted
    | ItemVerified
    | RollbackStarted
    | ItemNotApplicable
    | ItemTakenUpAgain
    | RollbackWarned
    | HandsWentIn
    | HandsCameOut
    | RollbackFinished
    | FallbackChosen
    | RollbackFailed
    | QuestionAsked
    | QuestionAnswered
    | QuestionWithdrawn
    | NoteAdded
    | BlockerRaised
    | BlockerCleared
    | StatusReported
    | BriefWritten
    | ScoreStarted
    | ScoreChecked
    | ScoreMeasured
    | ScoreAbandoned
    | RecheckStarted
    | RecheckFinished
    | RecheckAbandoned
    | RehearsalNoted
    | SignalExported
)
