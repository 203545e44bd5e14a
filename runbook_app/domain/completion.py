"""The parts of a completion signal, as its JSON carries them."""

from __future__ import annotations

import msgspec

from runbook_app.domain.events import Difference, Withdrawal
from runbook_app.domain.measure import Measurement, Scalar

FORMAT = 1


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    verdict: str
    """`passed`, `failed`, `not_measured`, `waived`, `drifted` (it held, and does not any more), or
    `open`."""
    at: str = ""
    held_at: str = ""
    """When it was last measured to hold."""
    measurements: tuple[Measurement, ...] = ()
    evidence: str = ""


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    state: str
    planned: str
    seconds: float | None
    """None when it did not run."""
    attempts: int
    measurements: tuple[Measurement, ...] = ()
    touched_by_hand: bool = False


class Waiver(msgspec.Struct, frozen=True, kw_only=True):
    item: str
    line: str
    """Id of the step or criterion that was left out."""
    reason: str
    owner: str
    expires: str


class Rollback(msgspec.Struct, frozen=True, kw_only=True):
    proven: bool
    seconds: float
    budget: str
    differences: tuple[Difference, ...] = ()
    kept: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    revert_commit: str = ""
    run_again: str = ""
    """When the item was begun again after it; empty while it stays rolled back."""


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: int
    title: str
    state: str
    claimed: str
    """What the plan says of it, on nobody's proof."""
    reason: str = ""
    """Why it is not required; or why its results do not hold any more."""
    planned: str = ""
    seconds: float = 0.0
    started: str = ""
    ended: str = ""
    steps: tuple[StepResult, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    commit: str = ""
    not_committed: str = ""
    rollbacks: tuple[Rollback, ...] = ()
    """Oldest first, with those after which the item was run again."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measured figure with its source; `value` None: not measured."""

    value: Scalar = None
    unit: str = ""
    limit: str = ""
    ok: bool | None = None
    source: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    before: Figure
    after: Figure


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and ISO times; `planned` and `budget` are the plan's."""

    planned: str
    budget: str
    started: str
    ended: str
    elapsed: float
    active: float
    declared_start: str = ""
    declared_target: str = ""
    declared_deadline: str = ""


class ScoreLine(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    source: str
    verdict: str
    points: float
    of: float
    """0 when it is not applicable."""
    evidence: str
    measurements: tuple[Measurement, ...] = ()


class ScoreShare(msgspec.Struct, frozen=True, kw_only=True):
    """One category."""

    name: str
    weight: float
    score: float | None
    claimed_before: int | None
    claimed_after: int | None
    checks: tuple[ScoreLine, ...]


class ScoreFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One whole measurement."""

    at: str
    moment: str
    by: str
    total: float
    seconds: float
    categories: tuple[ScoreShare, ...]


class ScoreClaim(msgspec.Struct, frozen=True, kw_only=True):
    claimed_before: int | None
    claimed_after: int | None
    measured: float | None = None
    """The newest; None: it was not measured in this session."""
    before: ScoreFigures | None = None
    """Before the first change."""
    after: ScoreFigures | None = None
    """The newest after that."""
    outdated: tuple[str, ...] = ()
    """Items that were rolled back after the newest measurement."""


class ClaimResult(msgspec.Struct, frozen=True, kw_only=True):
    """A claim of the plan beside what was measured; whether they agree is for the reader."""

    id: str
    text: str
    measured_by: str
    """Id of the criterion, checkpoint line or step."""
    verdict: str
    measurements: tuple[Measurement, ...] = ()


class Unproven(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    text: str
    reason: str = ""
    """Why nothing measures it, as the plan says; empty: it was to be measured, or nobody says."""


class Unconfirmed(msgspec.Struct, frozen=True, kw_only=True):
    item: str
    line: str
    title: str
    by: str
    at: str


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The entry that the signal speaks of; all before it are chained to its hash."""

    seq: int
    hash: str


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    format: int = FORMAT
    verdict: str
    reasons: tuple[str, ...]
    """Why it is incomplete; empty otherwise."""
    session: str
    plan: str
    title: str
    plan_version: str
    plan_sha256: str
    target: str
    host: str
    operator: str
    program: str
    written: str
    times: Times
    items: tuple[ItemResult, ...]
    p95: Comparison
    coverage: Figure
    breaking_changes: Figure
    commits: tuple[str, ...]
    waivers: tuple[Waiver, ...]
    not_confirmed: tuple[Unconfirmed, ...]
    overrides: tuple[str, ...] = ()
    """What a person took as done after a crash although its own check did not find it done."""
    by_hand: tuple[str, ...] = ()
    """What was touched by hand, when, by whom and through what."""
    score: ScoreClaim
    claims: tuple[ClaimResult, ...]
    """Those that something measured."""
    unproven: tuple[Unproven, ...]
    log_lost: tuple[str, ...]
    plan_changes: tuple[str, ...]
    actions_from: tuple[str, ...] = ()
    """Other packages that brought actions, each with its version and digest."""
    done_before: tuple[str, ...]
    """Items that this one builds on and that another session did, with that session."""
    ready_for: str
    next_task: str
    journal: Journal
    withdraws: Withdrawal | None = None
    """The session's signal before this one, if that does not hold any more."""
