"""The completion signal: what a session came to. Every figure is measured, or marked as a claim."""

from __future__ import annotations

from collections.abc import Iterable

from runbook_app.domain import record
from runbook_app.domain.clock import Estimate, format_duration
from runbook_app.domain.completion import (
    ClaimResult,
    Comparison,
    Criterion,
    Figure,
    ItemResult,
    Journal,
    Rollback,
    Signal,
    StepResult,
    Times,
    Unconfirmed,
    Unproven,
    Waiver,
)
from runbook_app.domain.estimate import planned
from runbook_app.domain.events import RollbackFinished
from runbook_app.domain.hands import session_lines, touched
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.plan import Claim, Item, Plan
from runbook_app.domain.score_page import score_result
from runbook_app.domain.signal_page import signal_markdown
from runbook_app.domain.state import ItemState, ItemStatus, LineState, SessionState, StepStatus
from runbook_app.domain.times import at_second, began, ended, session_ended
from runbook_app.domain.verdict import Overall, incomplete_reasons, overall
from runbook_app.domain.withdrawal import withdrawal

__all__ = ["Signal", "build_signal", "signal_markdown"]


def build_signal(state: SessionState, plan: Plan, now: str) -> Signal:
    """Put the result together from what the journal proves."""
    started = state.started
    reached = overall(state)
    taken = record.measurements(state)
    old = record.outdated(state)
    claims = tuple(_claims(state, plan))
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
        items=tuple(
            _item(item, state.items[item.id], now, old.get(item.id, ""))
            for item in _known(state, plan)
        ),
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
        overrides=tuple(_overrides(state)),
        by_hand=tuple(session_lines(state)),
        score=score_result(plan.score, state),
        claims=claims,
        unproven=tuple(
            Unproven(id=claim.id, text=claim.text, reason=claim.unproven)
            for claim in plan.claims
            if claim.id not in {measured.id for measured in claims}
        ),
        log_lost=tuple(
            f"{lost.source}: {lost.stored} of {lost.expected} lines stored"
            for lost in state.log_lost
        ),
        plan_changes=tuple(
            f"{change.sha256} accepted by {change.by}" for change in state.plan_changes
        ),
        actions_from=tuple(
            f"{', '.join(brought.actions)} of {brought.package} {brought.version},"
            f" SHA-256 {brought.sha256}"
            for brought in state.actions_from
        ),
        done_before=tuple(
            f"{done.item} in session {done.session}, {at_second(done.at)}"
            for done in (started.done_before if started else ())
        ),
        ready_for=_ready_for(plan, reached),
        next_task=_next_task(state, plan, reached),
        journal=Journal(seq=state.seq, hash=state.hash),
        withdraws=withdrawal(state),
    )


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
        active=state.active(end, alive=False).total_seconds(),
        declared_start=window.declared_start.isoformat() if window.declared_start else "",
        declared_target=window.declared_target.isoformat() if window.declared_target else "",
        declared_deadline=window.declared_deadline.isoformat() if window.declared_deadline else "",
    )


def _planned(items: Iterable[Item]) -> Estimate:
    total = Estimate.parse("0s")
    for item in items:
        total += item.estimate or planned(item)
    return total


def _item(item: Item, found: ItemState, now: str, outdated: str) -> ItemResult:
    return ItemResult(
        id=item.id,
        number=item.number,
        title=item.title,
        state=found.status.value,
        claimed=item.declared_status,
        reason=item.not_required or found.passed_over or outdated,
        planned=str(item.estimate) if item.estimate else "",
        seconds=sum(step.seconds(now) for step in found.steps.values()),
        started=began(found),
        ended=ended(found) if began(found) else "",
        steps=tuple(_steps(item, found, now)),
        criteria=tuple(_criterion(item, line) for line in found.success.values()),
        commit=found.committed.commit if found.committed else "",
        not_committed=found.not_committed.reason if found.not_committed else "",
        rollbacks=tuple(
            _rollback(item, past, found.begun_again.get(number, ""))
            for number, past in enumerate(found.rollback_history, 1)
        ),
    )


def _steps(item: Item, found: ItemState, now: str) -> Iterable[StepResult]:
    for step in item.steps:
        state = found.steps.get(step.id)
        if state is None:
            continue
        yield StepResult(
            id=step.id,
            title=step.title,
            state=state.word if step.available or state.word == "not_applicable" else "unavailable",
            planned=str(step.estimate) if step.estimate else "",
            seconds=state.seconds(now) if state.started_at else None,
            attempts=state.attempt,
            measurements=tuple(state.measurements),
            touched_by_hand=bool(touched(found, step.id)),
        )


def _criterion(item: Item, line: LineState) -> Criterion:
    title = next((check.title for check in item.success if check.id == line.id), line.id)
    result, at = line.newest
    return Criterion(
        id=line.id,
        title=title,
        verdict=_criterion_verdict(line),
        at=at,
        held_at=line.held_at,
        measurements=result.measurements if result else (),
        evidence=result.evidence if result else "",
    )


def _criterion_verdict(line: LineState) -> str:
    if line.waiver:
        return "waived"
    if line.drift:
        return "drifted"
    return line.result.verdict.value if line.result else "open"


def _rollback(item: Item, result: RollbackFinished, run_again: str) -> Rollback:
    return Rollback(
        proven=result.proven,
        seconds=result.seconds,
        budget=str(item.rollback_budget) if item.rollback_budget else "",
        differences=result.differences,
        kept=result.kept,
        exclusions=result.exclusions,
        remarks=result.remarks,
        revert_commit=result.revert_commit,
        run_again=run_again,
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


def _overrides(state: SessionState) -> Iterable[str]:
    for step in state.steps():
        said = step.resolved
        if said and step.status is StepStatus.SUCCEEDED and said.found is not said.answer:
            yield f"{step.id}: {said.words} ({at_second(step.ended_at)})"


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


def _claims(state: SessionState, plan: Plan) -> Iterable[ClaimResult]:
    old = record.outdated(state)
    standing = [
        item
        for item in state.items.values()
        if item.status is not ItemStatus.ROLLED_BACK and item.id not in old
    ]
    for claim in plan.claims:
        for item in standing:
            if found := _measured(item, claim):
                yield found


def _measured(item: ItemState, claim: Claim) -> ClaimResult | None:
    line = item.success.get(claim.measured_by) or item.checkpoint.get(claim.measured_by)
    result = line.newest[0] if line else None
    if line and result and result.verdict is not Verdict.NOT_MEASURED:
        return ClaimResult(
            id=claim.id,
            text=claim.text,
            measured_by=line.id,
            verdict=result.verdict.value,
            measurements=_chosen(claim, result.measurements),
        )
    step = item.steps.get(claim.measured_by)
    if step and step.measurements and step.status in (StepStatus.SUCCEEDED, StepStatus.FAILED):
        return ClaimResult(
            id=claim.id,
            text=claim.text,
            measured_by=step.id,
            verdict="passed" if step.status is StepStatus.SUCCEEDED else "failed",
            measurements=_chosen(claim, tuple(step.measurements)),
        )
    return None


def _chosen(claim: Claim, measured: tuple[Measurement, ...]) -> tuple[Measurement, ...]:
    return tuple(m for m in measured if claim.figure in ("", m.name))


def _ready_for(plan: Plan, reached: Overall) -> str:
    if reached not in (Overall.COMPLETE, Overall.UNATTENDED) or not plan.next_phases:
        return ""
    return plan.next_phases[0].title


def _next_task(state: SessionState, plan: Plan, reached: Overall) -> str:
    if reached is Overall.INCOMPLETE:
        for item in _known(state, plan):
            found = state.items[item.id]
            if not found.status.done or found.drifted:
                return f"Item {item.number}: {item.title}"
    tasks = [section.title for section in plan.next_phases if section.title.startswith("Task")]
    return tasks[0] if tasks else ""
