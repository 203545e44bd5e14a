"""The completion signal: what a session came to. Every figure is measured, or marked as a claim."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from runbook_app.domain import record
from runbook_app.domain.clock import Estimate, format_duration
from runbook_app.domain.estimate import planned
from runbook_app.domain.events import Difference
from runbook_app.domain.measure import Measurement, Scalar
from runbook_app.domain.plan import Claim, Item, Plan
from runbook_app.domain.state import ItemState, ItemStatus, LineState, SessionState, StepStatus
from runbook_app.domain.times import began, ended, session_ended
from runbook_app.domain.verdict import Overall, incomplete_reasons, overall

FORMAT = 1


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    title: str
    verdict: str
    """`passed`, `failed`, `not_measured`, `waived`, or `open`."""
    at: str = ""
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


class ItemResult(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    number: int
    title: str
    state: str
    claimed: str
    """What the plan says of it, on nobody's proof."""
    reason: str = ""
    """Of an item that is not required."""
    planned: str = ""
    seconds: float = 0.0
    started: str = ""
    ended: str = ""
    steps: tuple[StepResult, ...] = ()
    criteria: tuple[Criterion, ...] = ()
    commit: str = ""
    not_committed: str = ""
    rollback: Rollback | None = None
    rollbacks: int = 0
    """Including earlier ones, after which the item was run again."""


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


class ScoreClaim(msgspec.Struct, frozen=True, kw_only=True):
    claimed_before: int | None
    claimed_after: int | None
    measured: float | None = None
    """None: this version does not measure it."""


class Unproven(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    text: str


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
    score: ScoreClaim
    unproven: tuple[Unproven, ...]
    log_lost: tuple[str, ...]
    plan_changes: tuple[str, ...]
    ready_for: str
    next_task: str
    journal: Journal
    signature: str | None = None
    """None: this version does not sign; the hash chain and `verify` come with it."""


def build_signal(state: SessionState, plan: Plan, now: str) -> Signal:
    """Put the result together from what the journal proves."""
    started = state.started
    reached = overall(state)
    taken = record.measurements(state)
    return Signal(
        verdict=reached.value,
        reasons=tuple(incomplete_reasons(state)),
        session=state.id,
        plan=plan.id,
        title=plan.title,
        plan_version=plan.version,
        plan_sha256=state.plan_sha256,
        target=started.target if started else "",
        host=started.host if started else "",
        operator=started.operator if started else "",
        program=started.program if started else "",
        written=now,
        times=_times(state, plan, now),
        items=tuple(_item(item, state.items[item.id], now) for item in _known(state, plan)),
        p95=_before_and_after(taken, "p95"),
        coverage=_newest(taken, "coverage"),
        breaking_changes=_newest(taken, "breaking"),
        commits=tuple(
            f"{item.committed.commit} (item {item.outline.number})"
            for item in state.items.values()
            if item.committed
        ),
        waivers=tuple(_waivers(state)),
        not_confirmed=tuple(
            Unconfirmed(item=a.item, line=a.line, title=a.title, by=a.by, at=a.at)
            for a in record.assumed(state, plan)
        ),
        score=ScoreClaim(
            claimed_before=plan.score.declared_current, claimed_after=plan.score.declared_target
        ),
        unproven=tuple(
            Unproven(id=claim.id, text=claim.text)
            for claim in plan.claims
            if not _measured(state, claim)
        ),
        log_lost=tuple(
            f"{lost.source}: {lost.stored} of {lost.expected} lines stored"
            for lost in state.log_lost
        ),
        plan_changes=tuple(
            f"{change.sha256} accepted by {change.by}" for change in state.plan_changes
        ),
        ready_for=_ready_for(plan, reached),
        next_task=_next_task(state, plan, reached),
        journal=Journal(seq=state.seq, hash=state.hash),
    )


def signal_json(signal: Signal) -> bytes:
    """The signal as JSON for machines, one field a line."""
    return msgspec.json.format(msgspec.json.encode(signal), indent=2) + b"\n"


def _known(state: SessionState, plan: Plan) -> list[Item]:
    return [item for item in plan.items if item.id in state.items]


def _times(state: SessionState, plan: Plan, now: str) -> Times:
    end = session_ended(state, now)
    window = plan.window
    return Times(
        planned=str(_planned(plan.items)),
        budget=format_duration(window.budget),
        started=state.started_at,
        ended=end,
        elapsed=state.elapsed(end).total_seconds(),
        active=state.active(end).total_seconds(),
        declared_start=window.declared_start.isoformat() if window.declared_start else "",
        declared_target=window.declared_target.isoformat() if window.declared_target else "",
        declared_deadline=window.declared_deadline.isoformat() if window.declared_deadline else "",
    )


def _planned(items: Iterable[Item]) -> Estimate:
    total = Estimate.parse("0s")
    for item in items:
        total += item.estimate or planned(item)
    return total


def _item(item: Item, found: ItemState, now: str) -> ItemResult:
    return ItemResult(
        id=item.id,
        number=item.number,
        title=item.title,
        state=found.status.value,
        claimed=item.declared_status,
        reason=item.not_required,
        planned=str(item.estimate) if item.estimate else "",
        seconds=sum(step.seconds(now) for step in found.steps.values()),
        started=began(found),
        ended=ended(found) if began(found) else "",
        steps=tuple(_steps(item, found, now)),
        criteria=tuple(_criterion(item, line) for line in found.success.values()),
        commit=found.committed.commit if found.committed else "",
        not_committed=found.not_committed.reason if found.not_committed else "",
        rollback=_rollback(item, found),
        rollbacks=found.rollbacks,
    )


def _steps(item: Item, found: ItemState, now: str) -> Iterable[StepResult]:
    for step in item.steps:
        state = found.steps.get(step.id)
        if state is None:
            continue
        yield StepResult(
            id=step.id,
            title=step.title,
            state=state.status.value if step.available else "unavailable",
            planned=str(step.estimate) if step.estimate else "",
            seconds=state.seconds(now) if state.started_at else None,
            attempts=state.attempt,
            measurements=tuple(state.measurements),
        )


def _criterion(item: Item, line: LineState) -> Criterion:
    title = next((check.title for check in item.success if check.id == line.id), line.id)
    verdict = line.result.verdict.value if line.result else "open"
    return Criterion(
        id=line.id,
        title=title,
        verdict="waived" if line.waiver else verdict,
        at=line.at,
        measurements=line.result.measurements if line.result else (),
        evidence=line.result.evidence if line.result else "",
    )


def _rollback(item: Item, found: ItemState) -> Rollback | None:
    result = found.rollback
    if result is None:
        return None
    return Rollback(
        proven=result.proven,
        seconds=result.seconds,
        budget=str(item.rollback_budget) if item.rollback_budget else "",
        differences=result.differences,
        kept=result.kept,
        exclusions=result.exclusions,
        remarks=result.remarks,
        revert_commit=result.revert_commit,
    )


def _waivers(state: SessionState) -> Iterable[Waiver]:
    for item in state.items.values():
        for step in item.steps.values():
            if step.waiver and step.status is StepStatus.SKIPPED:
                waiver = step.waiver
                yield Waiver(
                    item=item.id,
                    line=step.id,
                    reason=waiver.reason,
                    owner=waiver.owner,
                    expires=waiver.expires,
                )
        for line in (*item.checkpoint.values(), *item.success.values()):
            if line.waiver:
                yield Waiver(
                    item=item.id,
                    line=line.id,
                    reason=line.waiver.reason,
                    owner=line.waiver.owner,
                    expires=line.waiver.expires,
                )


def _named(taken: list[record.Taken], word: str) -> list[record.Taken]:
    return [t for t in taken if word in t.measurement.name.lower()]


def _before_and_after(taken: list[record.Taken], word: str) -> Comparison:
    found = _named(taken, word)
    first = _figure(found[0]) if len(found) > 1 else Figure()
    return Comparison(before=first, after=_figure(found[-1]) if found else Figure())


def _newest(taken: list[record.Taken], word: str) -> Figure:
    found = _named(taken, word)
    return _figure(found[-1]) if found else Figure()


def _figure(taken: record.Taken) -> Figure:
    measurement = taken.measurement
    return Figure(
        value=measurement.value,
        unit=measurement.unit,
        limit=measurement.limit,
        ok=measurement.ok,
        source=f"{taken.where} ({measurement.name})",
    )


def _measured(state: SessionState, claim: Claim) -> bool:
    """Whether the criterion or step that measures a claim has passed."""
    for item in state.items.values():
        if claim.measured_by in item.success:
            return item.success[claim.measured_by].passed
        if claim.measured_by in item.steps:
            return item.steps[claim.measured_by].status is StepStatus.SUCCEEDED
    return False


def _ready_for(plan: Plan, reached: Overall) -> str:
    if reached not in (Overall.COMPLETE, Overall.UNATTENDED) or not plan.next_phases:
        return ""
    return plan.next_phases[0].title


def _next_task(state: SessionState, plan: Plan, reached: Overall) -> str:
    if reached is Overall.INCOMPLETE:
        for item in _known(state, plan):
            if state.items[item.id].status not in (ItemStatus.SUCCEEDED, ItemStatus.NOT_REQUIRED):
                return f"Item {item.number}: {item.title}"
    tasks = [section.title for section in plan.next_phases if section.title.startswith("Task")]
    return tasks[0] if tasks else ""
