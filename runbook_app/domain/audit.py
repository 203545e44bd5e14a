"""The audit document: what the source document claims of some items, against what was measured."""

from __future__ import annotations

from collections.abc import Iterator

from runbook_app.domain.markdown import escape, figure, limit, table
from runbook_app.domain.measure import Measurement, Verdict
from runbook_app.domain.outcome import failures
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.record import success_title
from runbook_app.domain.state import ItemState, ItemStatus, LineState, SessionState, StepState
from runbook_app.domain.times import at_second, seconds

_EVIDENCE = 2000


def audit_document(state: SessionState, plan: Plan, now: str) -> str:
    """Write the verification of the plan's `audit_items` with every measurement."""
    items = [item for item in plan.items if item.id in plan.audit_items]
    numbers = " and ".join(str(item.number) for item in items)
    subject = f"Verification of item{'s' * (len(items) > 1)} {numbers} of {escape(plan.title)}"
    lines = [
        "# Security Implementation Audit",
        "",
        f"{subject}, measured from outside on the running stack.",
        "",
        f"- Session: {escape(state.id)}",
        f"- Target: {escape(state.started.target) if state.started else 'unknown'}",
        f"- Written: {at_second(now)}",
        "",
        "## Result",
        "",
        *_overview(state, items),
    ]
    for item in items:
        lines += _item(item, state, plan)
    return "\n".join(lines).rstrip() + "\n"


def _overview(state: SessionState, items: list[Item]) -> list[str]:
    return table(
        ("Item", "The plan claims", "Measured"),
        (
            (
                f"{item.number} {escape(item.title)}",
                escape(item.declared_status or "nothing"),
                escape(_result(state.items.get(item.id))),
            )
            for item in items
        ),
    )


def _result(found: ItemState | None) -> str:
    if found is None or not found.started:
        return "not measured"
    match found.status:
        case ItemStatus.SUCCEEDED:
            return "verified: every criterion holds"
        case ItemStatus.FAILED:
            return "NOT verified: " + "; ".join(failures(found))
        case ItemStatus.ROLLED_BACK:
            return "not verified: rolled back since"
        case _:
            return f"not verified yet ({found.status.value})"


def _item(item: Item, state: SessionState, plan: Plan) -> list[str]:
    lines = [f"## Item {item.number}: {escape(item.title)}", ""]
    found = state.items.get(item.id)
    if found is None or not found.started:
        return [*lines, "Not measured in this session.", ""]
    for step in item.steps:
        if done := found.steps.get(step.id):
            lines += _step(step.title, done)
    for line in found.success.values():
        lines += _criterion(success_title(plan, item.id, line), line)
    return lines


def _step(title: str, step: StepState) -> Iterator[str]:
    took = f", {seconds(step.seconds(step.ended_at))}" if step.ended_at else ""
    yield f"### {escape(title)}"
    yield ""
    yield f"{escape(step.status.value)}{took}, {at_second(step.ended_at or step.started_at)}"
    yield ""
    yield from _measurements(step.measurements)
    yield from _texts(step.evidence, step.error)


def _criterion(title: str, line: LineState) -> Iterator[str]:
    yield f"### {escape(title)}"
    yield ""
    if line.waiver:
        yield f"Waived by {escape(line.waiver.owner)} until {escape(line.waiver.expires)}:"
        yield escape(line.waiver.reason)
        yield ""
    if line.result is None:
        yield "Not measured."
        yield ""
        return
    yield f"{_words(line.result.verdict)}, {at_second(line.at)}"
    yield ""
    yield from _measurements(line.result.measurements)
    yield from _texts(line.result.evidence, "")


def _words(verdict: Verdict) -> str:
    return {
        Verdict.PASSED: "Holds",
        Verdict.FAILED: "DOES NOT HOLD",
        Verdict.NOT_MEASURED: "Could not be measured",
    }[verdict]


def _measurements(found: list[Measurement] | tuple[Measurement, ...]) -> list[str]:
    return table(
        ("Measured", "Value", "Limit", "Holds"),
        (
            (
                escape(m.name),
                escape(figure(m.value, m.unit)),
                escape(limit(m)) or "reported only",
                ("yes" if m.ok else "NO") if m.limit else "-",
            )
            for m in found
        ),
    )


def _texts(evidence: str, error: str) -> Iterator[str]:
    if evidence:
        yield f"Evidence: {escape(evidence[:_EVIDENCE])}"
        yield ""
    if error:
        yield f"Error: {escape(error[:_EVIDENCE])}"
        yield ""
