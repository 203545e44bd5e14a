"""The evidence page: what stands on record for one item, and where it lies."""

from __future__ import annotations

from runbook_app.domain.plan import CaptureLine, Item, Plan
from runbook_app.domain.state import ItemState, LineState, SessionState
from runbook_app.domain.times import at_second, seconds
from runbook_app.tui.view.lines import Size, place
from runbook_app.tui.view.measured import check_line, measurement_lines
from runbook_app.tui.view.node import item_state
from runbook_app.tui.view.panel import commit_lines, rollback_proof, section
from runbook_app.tui.view.tree import item_sign, step_sign
from runbook_app.tui.view.waivers import waiver_lines
from runbook_app.tui.view.words import Line, Tone, folded, number_of, plural


def evidence_page(
    plan: Plan, state: SessionState, item: Item, size: Size, width: int
) -> list[Line]:
    known = item_state(state, item)
    shown = item_sign(known)
    return [
        (
            (f"{item.number} {item.title}  ", Tone.STRONG),
            (f"{shown.glyph} {shown.word}", shown.tone),
            (f"  since {at_second(known.finished_at)}" if known.finished else "", Tone.DIM),
        ),
        *section("success criteria", _criteria(item, known, width)),
        *section("checkpoint", _checkpoint(item, known, width)),
        *section("captures and backups", _captures(known, size, width)),
        *section("steps", _steps(item, known, width)),
        *_or_none("waivers", waiver_lines(plan, [known], width)),
        *_or_none("commit", commit_lines(known)),
        *section("fingerprint", _fingerprint(known)),
    ]


def _or_none(title: str, rows: list[Line]) -> list[Line]:
    return section(title, rows or [(("none", Tone.DIM),)])


def _criteria(item: Item, known: ItemState, width: int) -> list[Line]:
    rows = [
        row for line in item.success for row in _line(line.title, known.success.get(line.id), width)
    ]
    return rows or [(("the plan has none", Tone.DIM),)]


def _checkpoint(item: Item, known: ItemState, width: int) -> list[Line]:
    rows: list[Line] = []
    for line in item.checkpoint:
        if isinstance(line, CaptureLine):
            taken = plural(sum(1 for c in known.captures if not c.step), "capture")
            rows.append(((f"◆ {line.title}", Tone.PLAIN), (f"  {taken}, below", Tone.DIM)))
        else:
            rows += _line(line.title, known.checkpoint.get(line.id), width)
    if not item.checkpoint:
        return [(("the plan has none", Tone.DIM),)]
    if known.checkpoint_passed_at:
        rows.append(((f"passed {at_second(known.checkpoint_passed_at)}", Tone.GOOD),))
    return rows


def _line(title: str, line: LineState | None, width: int) -> list[Line]:
    rows = check_line(title, line)
    if line is None:
        return rows
    result, at = line.newest
    if result is not None:
        took = f", took {seconds(result.seconds)}" if result.seconds else ""
        rows.append(((f"    measured {at_second(at)}{took}", Tone.DIM),))
        if result.evidence and line.passed and not line.drifted:
            rows += folded(result.evidence, width, Tone.PLAIN, "    ")
    if line.confirmed:
        who = "assumed (--yes, nobody confirmed it)" if line.confirmed.assumed else "confirmed"
        text = f"    {who} by {line.confirmed.by} {at_second(line.at)}"
        rows.append(((text, Tone.WARN if line.confirmed.assumed else Tone.DIM),))
    return rows


def _captures(known: ItemState, size: Size, width: int) -> list[Line]:
    rows: list[Line] = []
    for capture in known.captures:
        dirty = "  held changes that were not committed" if capture.dirty else ""
        rows.append(
            ((f"◆ {capture.kind} {capture.name}", Tone.PLAIN), (dirty, Tone.WARN)),
        )
        rows += folded(capture.summary, width, Tone.PLAIN, "    ")
        by = f"before step {capture.step}" if capture.step else "by the checkpoint"
        more = f"  sha256 {capture.sha256[:12]}  {by}"
        rows.append(place(capture, size(capture.path), "    ", more))
    return rows or [(("nothing captured", Tone.DIM),)]


def _steps(item: Item, known: ItemState, width: int) -> list[Line]:
    rows: list[Line] = []
    for step in item.steps:
        it = known.steps.get(step.id)
        shown = step_sign(step, it, dead=False)
        ended = f"  {at_second(it.ended_at)}" if it and it.ended_at else ""
        took = f", took {seconds(it.seconds(it.ended_at))}" if it and ended else ""
        rows.append(
            (
                (f"{shown.glyph} ", shown.tone),
                (f"{number_of(item, step.id)} {step.title}", Tone.PLAIN),
                (f"  {shown.word}", shown.tone),
                (f"{ended}{took}", Tone.DIM),
            )
        )
        if it:
            rows += measurement_lines(it.measurements, {}, indent="    ")
            rows += folded(it.evidence, width, Tone.PLAIN, "    ")
    return rows


def _fingerprint(known: ItemState) -> list[Line]:
    taken = known.fingerprint
    if taken is None:
        return [(("none taken", Tone.DIM),)]
    held: Line = (
        (f"at the {taken.moment}: ", Tone.DIM),
        (f"sha256 {taken.sha256[:12]}", Tone.PLAIN),
        (f"  {taken.path}", Tone.DIM),
    )
    return [held, *rollback_proof(known)]
