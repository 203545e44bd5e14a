"""The completion signal as Markdown, in the form of the master plan's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

from runbook_app.domain.clock import parse_time
from runbook_app.domain.completion import (
    Criterion,
    Figure,
    ItemResult,
    Rollback,
    Signal,
    Unconfirmed,
)
from runbook_app.domain.markdown import escape, figure, measured, table
from runbook_app.domain.measure import Measurement
from runbook_app.domain.score_page import score_section, score_words
from runbook_app.domain.times import at_second, seconds

_DONE = ("succeeded", "not_required")
_EVIDENCE = 400
_SHOWN = 6


def signal_markdown(signal: Signal) -> str:
    """Write the signal for people."""
    lines = [
        *_headline(signal),
        *_withdrawn(signal),
        *_items(signal),
        *_results(signal),
        *_next(signal),
        *_listed("## Open", signal.reasons),
        *_drift(signal),
        *_unconfirmed(signal),
        *_waivers(signal),
        *_listed("## Taken as done without its check", signal.overrides),
        *_listed("## Done by hand", signal.by_hand),
        *_rollbacks(signal),
        *_details(signal),
        *score_section(signal.score),
        *_claims(signal),
        *_listed("## Claims of the plan that nothing measured", _unproven(signal)),
        *_listed("## Log lines lost", signal.log_lost),
        *_record(signal),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _headline(signal: Signal) -> Iterator[str]:
    mark = "✅" if signal.verdict.startswith("COMPLETE") else "⏳"
    yield f"# {mark} {escape(signal.title.upper())} {escape(signal.verdict)}"
    yield ""
    times = signal.times
    budget = f"the plan's estimate: {times.planned}, window {times.budget}"
    yield f"Duration: {seconds(times.elapsed)}, of it at work {seconds(times.active)} ({budget})  "
    yield f"Timeline: {_span(times.started, times.ended)}"
    if times.declared_start:
        yield f"(the plan's: {_span(times.declared_start, _declared_end(signal))})"
    yield ""


def _declared_end(signal: Signal) -> str:
    return signal.times.declared_target or signal.times.declared_deadline


def _span(start: str, end: str) -> str:
    if not start:
        return "not started"
    first = f"{parse_time(start).astimezone(UTC):%Y-%m-%d %H:%M}"
    return f"{first} - {_end(start, end)}" if end else f"{first} UTC -"


def _end(start: str, end: str) -> str:
    first, last = parse_time(start).astimezone(UTC), parse_time(end).astimezone(UTC)
    return f"{last:%H:%M} UTC" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M} UTC"


def _items(signal: Signal) -> Iterator[str]:
    yield "## Items"
    yield ""
    yield from (f"- {_item(item)}" for item in signal.items)
    yield ""


def _withdrawn(signal: Signal) -> Iterator[str]:
    withdrawn = signal.withdraws
    if withdrawn is None:
        return
    yield f"**Withdraws** the signal {escape(withdrawn.verdict)} of {at_second(withdrawn.at)},"
    yield f"SHA-256 `{withdrawn.sha256}`, because:"
    yield ""
    yield from (f"- {escape(reason)}" for reason in withdrawn.why)
    yield ""


def _drift(signal: Signal) -> list[str]:
    rows = (
        (
            f"{item.number} {escape(item.title)}",
            escape(criterion.title),
            at_second(criterion.held_at),
            at_second(criterion.at),
            _measured(criterion),
        )
        for item in signal.items
        for criterion in _drifted(item)
    )
    body = table(("Item", "Criterion", "Held last", "Does not hold", "Measured"), rows)
    return ["## Drift", "", *body] if body else []


def _drifted(item: ItemResult) -> list[Criterion]:
    return [criterion for criterion in item.criteria if criterion.verdict == "drifted"]


def _item(item: ItemResult) -> str:
    mark = "✅" if item.state in _DONE and not _drifted(item) else "⏳"
    return f"{mark} Item {item.number}: {escape(item.title)} ({escape(_summary(item))})"


def _summary(item: ItemResult) -> str:
    words = [item.state.replace("_", " ")]
    if item.reason:
        words.append(item.reason)
    if item.criteria and item.started:
        passed = sum(criterion.verdict == "passed" for criterion in item.criteria)
        words.append(f"{passed} of {len(item.criteria)} criteria hold")
    if item.started:
        planned = f", planned {item.planned}" if item.planned else ""
        words.append(f"{seconds(item.seconds)}{planned}")
    if item.claimed and item.state not in _DONE:
        words.append(f"the plan claims: {item.claimed}")
    return "; ".join(words)


def _results(signal: Signal) -> Iterator[str]:
    yield "## Verification results"
    yield ""
    yield f"- Test coverage: {_value(signal.coverage)}"
    yield f"- Performance P95: {_p95(signal)}"
    yield f"- Breaking changes: {_value(signal.breaking_changes)}"
    yield f"- Security score: {escape(score_words(signal.score))}"
    yield f"- Commits: {escape(', '.join(signal.commits)) or 'none'}"
    yield ""


def _value(found: Figure) -> str:
    if found.ok is None:
        return "not measured"
    bound = f", limit {found.limit}" if found.limit and found.limit != "holds" else ""
    words = "" if found.ok else ", NOT MET"
    return escape(f"{figure(found.value, found.unit)} (measured by {found.source}{bound}{words})")


def _p95(signal: Signal) -> str:
    before, after = signal.p95.before, signal.p95.after
    if before.ok is None:
        return _value(after)
    return f"{_value(before)} before, {_value(after)} after"


def _next(signal: Signal) -> Iterator[str]:
    ready = escape(signal.ready_for) or "nothing yet, this phase is not complete"
    yield f"Ready for: {ready}  "
    yield f"Next task: {escape(signal.next_task) or 'none in the plan'}"
    yield ""


def _listed(title: str, texts: tuple[str, ...] | list[str]) -> list[str]:
    return [title, "", *(f"- {escape(text)}" for text in texts), ""] if texts else []


def _unconfirmed(signal: Signal) -> list[str]:
    return _listed("## Not confirmed by a person", [_assumed(u) for u in signal.not_confirmed])


def _assumed(line: Unconfirmed) -> str:
    when = f", {at_second(line.at)}" if line.at else ""
    return f"{line.item}: {line.title} - assumed (--yes, {line.by}{when})"


def _waivers(signal: Signal) -> list[str]:
    rows = (
        (
            escape(w.item),
            escape(w.line),
            escape(w.reason),
            escape(w.owner),
            escape(w.expires),
        )
        for w in signal.waivers
    )
    body = table(("Item", "Waived", "Reason", "Owner", "Until"), rows)
    return ["## Waivers", "", *body] if body else []


def _rollbacks(signal: Signal) -> list[str]:
    lines = [
        line
        for item in signal.items
        for rollback in item.rollbacks
        for line in _rollback(item, rollback)
    ]
    return ["## Rollbacks", "", *lines, ""] if lines else []


def _rollback(item: ItemResult, done: Rollback) -> Iterator[str]:
    words = "proven" if done.proven else "NOT proven"
    budget = f" (the plan's budget: {done.budget})" if done.budget else ""
    again = f", and run again at {at_second(done.run_again)}" if done.run_again else ""
    yield f"- Item {item.number}: rolled back, {words}, in {seconds(done.seconds)}{budget}{again}"
    for difference in done.differences:
        field, before, after = difference.field, difference.before, difference.after
        yield f"  - differs: {escape(field)}: was {escape(before)}, is {escape(after)}"
    yield from (f"  - kept: {escape(text)}" for text in done.kept)
    yield from (f"  - not compared: {escape(text)}" for text in done.exclusions)
    yield from (f"  - {escape(text)}" for text in done.remarks)
    if done.revert_commit:
        yield f"  - reverted by commit `{escape(done.revert_commit)}`"


def _details(signal: Signal) -> Iterator[str]:
    for item in signal.items:
        if not item.started:
            continue
        yield f"## Item {item.number}: {escape(item.title)}"
        yield ""
        yield from _steps(item)
        yield from _criteria(item)
        if item.commit:
            yield f"Commit `{escape(item.commit)}`."
            yield ""
        elif item.not_committed:
            yield f"Not committed: {escape(item.not_committed)}"
            yield ""


def _steps(item: ItemResult) -> list[str]:
    rows = (
        (
            escape(step.title),
            escape(step.state.replace("_", " ")),
            step.planned or "-",
            "-" if step.seconds is None else seconds(step.seconds),
            _figures(step.measurements),
        )
        for step in item.steps
    )
    return table(("Step", "State", "Planned", "Actual", "Measured"), rows)


def _criteria(item: ItemResult) -> list[str]:
    rows = (
        (
            escape(criterion.title),
            escape(criterion.verdict.replace("_", " ")),
            _measured(criterion),
        )
        for criterion in item.criteria
    )
    return table(("Success criterion", "Verdict", "Measured"), rows)


def _measured(criterion: Criterion) -> str:
    return _figures(criterion.measurements) or escape(criterion.evidence[:_EVIDENCE]) or "-"


def _figures(found: tuple[Measurement, ...]) -> str:
    """Those held against a limit first; the JSON has them all."""
    ordered = sorted(found, key=lambda measurement: (measurement.ok, not measurement.limit))
    texts = [measured(measurement) for measurement in ordered[:_SHOWN]]
    if left := len(found) - len(texts):
        texts.append(f"{left} more in the JSON")
    return escape("; ".join(texts))


def _claims(signal: Signal) -> list[str]:
    rows = (
        (
            escape(claim.text),
            escape(claim.measured_by),
            _figures(claim.measurements),
        )
        for claim in signal.claims
    )
    body = table(("The plan claims", "Measured by", "Figures"), rows)
    return ["## Claims of the plan beside what was measured", "", *body] if body else []


def _unproven(signal: Signal) -> list[str]:
    return [
        f"{claim.text} ({claim.reason})" if claim.reason else claim.text
        for claim in signal.unproven
    ]


def _record(signal: Signal) -> Iterator[str]:
    yield "## Record"
    yield ""
    yield f"- Session {escape(signal.session)} on {escape(signal.target)}, {escape(signal.host)}"
    yield f"- Operator {escape(signal.operator)}, program {escape(signal.program)}"
    version = f"{escape(signal.plan)} {escape(signal.plan_version)}"
    yield f"- Plan {version}, SHA-256 `{signal.plan_sha256}`"
    yield from (f"- Changed plan {escape(change)}" for change in signal.plan_changes)
    yield from (f"- Actions of another package: {escape(a)}" for a in signal.actions_from)
    yield from (f"- Done before this session: {escape(done)}" for done in signal.done_before)
    yield f"- Journal entry {signal.journal.seq}, hash `{signal.journal.hash}`"
    yield f"- Written {at_second(signal.written)}"
    yield (
        "- This page proves nothing by itself: its SHA-256 stands in the signed statement of"
        " `signal.json` beside it, and `runbook verify signal.json` checks both"
    )
