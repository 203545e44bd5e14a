"""The progress file that a session keeps in its target: Markdown, written anew at each change."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.domain import guard as guards
from runbook_app.domain.clock import format_duration
from runbook_app.domain.estimate import planned
from runbook_app.domain.events import CheckFinished
from runbook_app.domain.hands import session_lines
from runbook_app.domain.live import standing
from runbook_app.domain.markdown import escape, measured, table
from runbook_app.domain.measure import Measurement
from runbook_app.domain.outcome import drifts, drifts_measured, failures, out_of_reach
from runbook_app.domain.plan import (
    CaptureLine,
    CheckLine,
    CheckpointLine,
    ConfirmLine,
    Item,
    Plan,
    Step,
)
from runbook_app.domain.record import assumed, plan_item, taken_words
from runbook_app.domain.rehearsal import badge_words
from runbook_app.domain.score_page import score_result, score_section
from runbook_app.domain.state import ItemState, LineState, SessionState, StepState
from runbook_app.domain.status import report_lines, status_report
from runbook_app.domain.times import at_second, began, seconds, session_ended

_EVIDENCE = 400


def progress_document(state: SessionState, plan: Plan, now: str) -> str:
    """Write all that happened so far: planned against actual, who confirmed what, the proofs."""
    lines = [
        f"# {escape(plan.title)} - Progress",
        "",
        *_head(state, plan, now),
        "## Status report",
        "",
        *_report(state, plan, now),
        "## Items",
        "",
        *_overview(state, plan, now),
    ]
    for item in plan.items:
        if found := state.items.get(item.id):
            lines += _item(item, found, now)
    lines += [
        *score_section(score_result(plan.score, state)),
        *_unconfirmed(state, plan),
        *_by_hand(state),
        *_notes(state),
        *_blockers(state),
        *_locks_taken(state),
        *_losses(state),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _head(state: SessionState, plan: Plan, now: str) -> Iterator[str]:
    started = state.started
    end = session_ended(state, now)
    yield f"- Session: {escape(state.id)}, {escape(state.status)}"
    yield f"- Plan: {escape(plan.id)} {escape(plan.version)}, SHA-256 `{state.plan_sha256}`"
    if started:
        stands = f" ({escape(found)})" if (found := standing(state)) else ""
        yield f"- Target: {escape(started.target)} on {escape(started.host)}{stands}"
        yield f"- Operator: {escape(started.operator)}"
    yield f"- Started: {at_second(state.started_at)}"
    yield f"- Updated: {at_second(now)}"
    if reverting := guards.words(state, _left(state, now)):
        yield f"- At that time: {escape(reverting)}"
    elapsed, active = format_duration(state.elapsed(end)), format_duration(state.active(end))
    yield f"- Elapsed: {elapsed}, of it at work: {active}"
    for change in state.plan_changes:
        yield f"- Changed plan accepted by {escape(change.by)}: SHA-256 `{escape(change.sha256)}`"
    yield ""


def _left(state: SessionState, now: str) -> float | None:
    guard = state.guarded.guard if state.guarded else None
    if guard is None or guard.counting is None:
        return None
    return guard.armed.within - guards.gone(guard.counting_at, now)


def _report(state: SessionState, plan: Plan, now: str) -> Iterator[str]:
    yield from (f"- {escape(line)}" for line in report_lines(status_report(state, plan, now)))
    yield ""


def _overview(state: SessionState, plan: Plan, now: str) -> list[str]:
    unreachable = out_of_reach(state)
    return table(
        ("Item", "State", "Planned", "Actual", "Started", "Remark"),
        (
            (
                f"{item.number} {escape(item.title)}",
                escape(found.status.value.replace("_", " ")),
                _planned(item),
                _actual(found, now),
                at_second(began(found)) if began(found) else "-",
                escape(badge_words(state, found, now) or _remark(item, found, unreachable)),
            )
            for item in plan.items
            if (found := state.items.get(item.id))
        ),
    )


def _planned(item: Item) -> str:
    estimate = item.estimate or planned(item)
    return str(estimate) if estimate.high else "-"


def _remark(item: Item, found: ItemState, unreachable: dict[str, str]) -> str:
    if not_required := item.not_required or found.passed_over:
        return not_required
    if wrong := [*failures(found), *drifts(found).values()]:
        return "; ".join(wrong)
    if item.id in unreachable:
        return unreachable[item.id]
    if found.rollback:
        return "rolled back, proven" if found.rollback.proven else "rolled back, not proven"
    return f"the plan claims: {item.declared_status}" if item.declared_status else ""


def _actual(found: ItemState, now: str) -> str:
    total = sum(step.seconds(now) for step in found.steps.values())
    return seconds(total) if began(found) else "-"


def _item(item: Item, found: ItemState, now: str) -> list[str]:
    if not found.started:
        return []
    lines = [f"## Item {item.number}: {escape(item.title)}", ""]
    lines += _checkpoint(item, found)
    lines += _steps(item, found, now)
    lines += _criteria(item, found)
    lines += _commit(found)
    lines += _rollback(item, found)
    return lines


def _checkpoint(item: Item, found: ItemState) -> list[str]:
    rows = [
        (escape(line.title), _kind(line), *_line_result(found, line)) for line in item.checkpoint
    ]
    body = table(("Checkpoint", "Kind", "Result", "When"), rows)
    if found.checkpoint_error:
        body = [*body, f"Checkpoint failed: {escape(found.checkpoint_error)}", ""]
    elif found.checkpoint_passed_at and body:
        body = [*body, f"Passed {at_second(found.checkpoint_passed_at)}.", ""]
    return body


def _kind(line: CheckpointLine) -> str:
    match line:
        case CheckLine():
            return "measured"
        case ConfirmLine():
            return "confirmed"
        case CaptureLine():
            return "captured"


def _line_result(found: ItemState, line: CheckpointLine) -> tuple[str, str]:
    state = found.checkpoint.get(line.id, LineState(line.id))
    when = at_second(state.at) if state.at else "-"
    if state.confirmed:
        return _confirmed(state), when
    if state.waiver:
        return escape(f"waived by {state.waiver.owner} until {state.waiver.expires}"), when
    return _verdict(state), when


def _confirmed(state: LineState) -> str:
    if state.confirmed is None:
        return "open"
    by = state.confirmed.by
    if state.confirmed.assumed:
        return escape(f"assumed (--yes, {by}, {at_second(state.at)})")
    return escape(f"by {by}")


def _verdict(state: LineState) -> str:
    if state.result is None:
        return "open"
    figures = [measured(m) for m in state.result.measurements]
    return escape("; ".join([_words(state.result), *figures]))


def _steps(item: Item, found: ItemState, now: str) -> list[str]:
    lines = table(
        ("Step", "State", "Planned", "Actual", "Attempts", "Ended"),
        (
            (
                escape(step.title),
                escape(_state_of(step, state)),
                str(step.estimate) if step.estimate else "-",
                seconds(state.seconds(now)) if state.started_at else "-",
                str(state.attempt),
                at_second(state.ended_at) if state.ended_at else "-",
            )
            for step in item.steps
            if (state := found.steps.get(step.id))
        ),
    )
    for step in item.steps:
        if state := found.steps.get(step.id):
            lines += _step_details(step.title, state)
    return lines


def _state_of(step: Step, state: StepState) -> str:
    if state.word == "not_applicable":
        return "not applicable"
    return state.status.value if step.available else "unavailable"


def _step_details(title: str, state: StepState) -> list[str]:
    found = [_measured_item(m) for m in state.measurements]
    if state.evidence:
        found.append(f"- {escape(state.evidence[:_EVIDENCE])}")
    if state.error:
        found.append(f"- Error: {escape(state.error[:_EVIDENCE])}")
    if state.confirmed:
        found.append(f"- {escape(guards.confirmed_words(state))}")
    if state.not_applicable:
        found.append(f"- Not applicable: {escape(state.not_applicable.reason)}")
    if state.waiver:
        found.append(
            f"- Skipped: {escape(state.waiver.reason)}; owner {escape(state.waiver.owner)},"
            f" until {escape(state.waiver.expires)}"
        )
    return [f"{escape(title)}:", "", *found, ""] if found else []


def _measured_item(measurement: Measurement) -> str:
    return f"- {escape(measured(measurement))}"


def _criteria(item: Item, found: ItemState) -> list[str]:
    lines = [
        (line.title, found.success[line.id]) for line in item.success if line.id in found.success
    ]
    body = table(
        ("Success criterion", "Result", "When"),
        (
            (escape(title), _waived_or(state), at_second(state.at) if state.at else "-")
            for title, state in lines
        ),
    )
    for title, state in lines:
        if state.result and state.result.measurements:
            body += [f"{escape(title)}:", "", *map(_measured_item, state.result.measurements), ""]
    if drifted := [f"- Drift: {escape(text)}" for text in drifts_measured(found)]:
        body += [*drifted, ""]
    return body


def _waived_or(state: LineState) -> str:
    if state.waiver:
        waiver = state.waiver
        return escape(f"waived: {waiver.reason} ({waiver.owner}, until {waiver.expires})")
    if state.result is None:
        return "open"
    return escape("held, and does not any more" if state.drift else _words(state.result))


def _words(result: CheckFinished) -> str:
    verdict = result.verdict.value.replace("_", " ")
    return f"{verdict}: {result.evidence[:_EVIDENCE]}" if result.evidence else verdict


def _commit(found: ItemState) -> list[str]:
    if found.committed:
        return [f"Committed as `{escape(found.committed.commit)}`.", ""]
    if found.not_committed:
        return [f"Not committed: {escape(found.not_committed.reason)}", ""]
    return []


def _rollback(item: Item, found: ItemState) -> list[str]:
    if found.rollback_error:
        return [f"Rollback failed: {escape(found.rollback_error)}", ""]
    result = found.rollback
    if result is None:
        return []
    budget = f", budget {item.rollback_budget}" if item.rollback_budget else ""
    words = "proven" if result.proven else "NOT proven"
    by = found.rollback_started.by if found.rollback_started else ""
    lines = [f"Rolled back, {words}, in {seconds(result.seconds)}{budget}, by {escape(by)}.", ""]
    lines += [
        f"- Differs: {escape(d.field)}: was {escape(d.before)}, is {escape(d.after)}"
        for d in result.differences
    ]
    lines += [f"- Kept: {escape(text)}" for text in result.kept]
    lines += [f"- Not compared: {escape(text)}" for text in result.exclusions]
    lines += [f"- {escape(text)}" for text in result.remarks]
    if result.revert_commit:
        lines.append(f"- Reverted by commit `{escape(result.revert_commit)}`")
    return [*lines, ""]


def _unconfirmed(state: SessionState, plan: Plan) -> list[str]:
    found = assumed(state, plan)
    if not found:
        return []
    lines = [
        f"- {escape(_item_name(plan, line.item))}: {escape(line.title)} - assumed (--yes,"
        f" {escape(line.by)}{', ' + at_second(line.at) if line.at else ''})"
        for line in found
    ]
    return ["## Not confirmed by a person", "", *lines, ""]


def _item_name(plan: Plan, item_id: str) -> str:
    item = plan_item(plan, item_id)
    return f"item {item.number}" if item else item_id


def _by_hand(state: SessionState) -> list[str]:
    lines = [f"- {escape(line)}" for line in session_lines(state)]
    return ["## Done by hand", "", *lines, ""] if lines else []


def _notes(state: SessionState) -> list[str]:
    lines = [
        f"- {at_second(note.at)}, {escape(note.by)}: {escape(note.text)}" for note in state.notes
    ]
    return ["## Notes", "", *lines, ""] if lines else []


def _blockers(state: SessionState) -> list[str]:
    lines = [
        f"- {at_second(b.at)}, {escape(b.by)}: {escape(b.text)}"
        + (f" (cleared {at_second(b.cleared_at)})" if b.cleared_at else " (open)")
        for b in state.blockers.values()
    ]
    return ["## Blockers", "", *lines, ""] if lines else []


def _locks_taken(state: SessionState) -> list[str]:
    lines = [f"- {at_second(at)}: {escape(taken_words(taken))}" for taken, at in state.locks_taken]
    return ["## Locks taken from others", "", *lines, ""] if lines else []


def _losses(state: SessionState) -> list[str]:
    lines = [
        f"- {escape(lost.source)}: {lost.stored} of {lost.expected} lines stored"
        for lost in state.log_lost
    ]
    return ["## Log lines lost", "", *lines, ""] if lines else []
