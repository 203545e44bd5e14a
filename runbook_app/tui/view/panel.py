"""The panel beside the tree: everything about the selected node."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from runbook_app.domain import decisions
from runbook_app.domain.clock import Estimate, format_duration
from runbook_app.domain.estimate import earlier as earlier_times
from runbook_app.domain.events import CaptureTaken, Difference
from runbook_app.domain.guard import confirmed_words
from runbook_app.domain.hands import TOUCHED
from runbook_app.domain.plan import Item, Plan, Step
from runbook_app.domain.rehearsal import missing
from runbook_app.domain.state import ItemState, ItemStatus, SessionState, StepState, StepStatus
from runbook_app.domain.window import taken_back
from runbook_app.tui.view import lines
from runbook_app.tui.view.by_hand import touched_lines
from runbook_app.tui.view.measured import (
    check_line,
    earlier,
    measurement_lines,
    prose,
)
from runbook_app.tui.view.node import Node, NodeKind, item_state, step_of
from runbook_app.tui.view.tree import (
    checkpoint_sign,
    is_asked,
    item_sign,
    step_sign,
    verify_sign,
)
from runbook_app.tui.view.words import BLANK, Line, Tone, clock, number_of, sign


def heading(plan: Plan, state: SessionState, node: Node, *, dead: bool = False) -> Line:
    """The panel's title: what is selected, and its state."""
    item = plan.item(node.item)
    known = item_state(state, item)
    match node.kind:
        case NodeKind.ITEM:
            name, shown = f"Item {item.number} · {item.title}", item_sign(known, dead=dead)
        case NodeKind.CHECKPOINT:
            name, shown = f"Checkpoint of item {item.number}", checkpoint_sign(known)
        case NodeKind.VERIFY:
            name, shown = f"Success criteria of item {item.number}", verify_sign(known)
        case NodeKind.STEP:
            step = step_of(item, node.step)
            asked = is_asked(state, step)
            shown = step_sign(step, known.steps.get(step.id), dead=dead, asked=asked)
            name = f"Step {number_of(item, step.id)} · {step.title}"
    return ((f"{name} ", Tone.STRONG), (f"{shown.glyph} {shown.word}", shown.tone))


def timer(plan: Plan, state: SessionState, node: Node, now: str) -> str:
    """`3:10 of 20:00` for a step: time used and its timeout."""
    if node.kind is not NodeKind.STEP:
        return ""
    item = plan.item(node.item)
    step = step_of(item, node.step)
    it = item_state(state, item).steps.get(step.id)
    used = clock(it.seconds(now)) if it and it.started_at else "not run"
    return f"{used} of {clock(step.timeout.total_seconds())}"


def body(plan: Plan, state: SessionState, node: Node, *, dead: bool = False) -> list[Line]:
    item = plan.item(node.item)
    known = item_state(state, item)
    match node.kind:
        case NodeKind.ITEM:
            found = _item_body(item, known)
        case NodeKind.CHECKPOINT:
            found = [*_trouble(known.checkpoint_error), *_held_back(state, item, known)]
            at_work = not dead and state.engine is not None and state.question is None
            found += lines.checkpoint(item, known, at_work=at_work)
            found += _captures(known)
        case NodeKind.VERIFY:
            found = [*commit_lines(known), *_criteria(item, known)]
        case NodeKind.STEP:
            step = step_of(item, node.step)
            it = known.steps.get(step.id) or StepState(step.id, item.id)
            found = _step_body(state, item, known, step, it)
    found += _remarks(state, node)
    return found[1:] if found and found[0] == BLANK else found


def section(title: str, rows: list[Line]) -> list[Line]:
    return [BLANK, ((title, Tone.ACCENT),), *rows] if rows else []


def _trouble(error: str, hint: str = "") -> list[Line]:
    if not error:
        return []
    return [*prose(error, Tone.BAD), *prose(hint, Tone.WARN)]


def _held_back(state: SessionState, item: Item, known: ItemState) -> list[Line]:
    """What keeps the checkpoint from being opened at all."""
    reason = "" if known.started else missing(state, item)
    return _trouble(f"{reason[:1].upper()}{reason[1:]}: runbook rehearse" if reason else "")


# A step


def _step_body(
    state: SessionState, item: Item, known: ItemState, step: Step, it: StepState
) -> list[Line]:
    return [
        *touched_lines(known, step.id),
        *_step_outcome(step, it),
        *section("measured", measurement_lines(it.measurements, earlier(state, it))),
        *section("blast radius", _radius(it)),
        *section("why", prose(step.why or item.why)),
        *section("only when", prose(step.when.text if step.when else "")),
        *section("instructions", prose(step.instructions)),
        *section("action", _action(step, it, earlier_times(state, step))),
        *_captures(known),
        *_criteria(item, known),
        *section("outputs", [((f"{k} = {v}", Tone.PLAIN),) for k, v in it.outputs.items()]),
    ]


def _radius(it: StepState) -> list[Line]:
    """What somebody confirmed that it touches."""
    if it.radius is None:
        return []
    who = "assumed (--yes, nobody confirmed it)" if it.radius.assumed else "confirmed"
    head = (f"{who} by {it.radius.by}", Tone.WARN if it.radius.assumed else Tone.DIM)
    return [(head,), *(((f"  {thing.words}", Tone.PLAIN),) for thing in it.radius.affected)]


def _step_outcome(step: Step, it: StepState) -> list[Line]:
    found: list[Line] = []
    if not step.available:
        found.append(((f"Action {step.call.action} is not installed.", Tone.WARN),))
    if it.stopping:
        found.append(
            ((f"Stopping: {it.stopping}. It runs until its work has really ended.", Tone.WARN),)
        )
    if it.progress and it.status in (StepStatus.RUNNING, StepStatus.WAITING):
        found.append(((f"▸ {it.progress}", Tone.ACCENT),))
    found += _trouble(it.error, it.hint)
    if it.status is StepStatus.UNKNOWN:
        found += _examined(it)
    if it.not_applicable:
        found += prose(f"Not applicable: {it.not_applicable.reason}", Tone.DIM)
    if it.waiver:
        found += prose(
            f"Skipped until {it.waiver.expires} by {it.waiver.owner}: {it.waiver.reason}", Tone.WARN
        )
    return found + prose(it.evidence) + prose(confirmed_words(it), Tone.GOOD)


def _examined(it: StepState) -> list[Line]:
    if it.resolved:
        return prose(f"Being undone: {it.resolved.words}", Tone.WARN)
    if it.examined is None:
        return prose("Its check is asked first; then it is for you to say.", Tone.WARN)
    if it.examined.progress is None:
        return prose(f"Its check could not run: {it.examined.evidence}", Tone.BAD)
    return [
        (("Its check finds: ", Tone.PLAIN), (it.examined.progress.value.upper(), Tone.STRONG)),
        *prose(it.examined.evidence),
    ]


def _action(step: Step, it: StepState, before: Estimate | None) -> list[Line]:
    head: Line = (
        (step.call.action, Tone.STRONG),
        ("  required" if step.required else "", Tone.WARN),
        (f"  estimate {step.estimate}" if step.estimate else "", Tone.DIM),
        (f"  in earlier sessions {_rounded(before)}" if before else "", Tone.DIM),
    )
    values = it.parameters if it.parameters is not None else step.call.parameters
    attempts = f"  attempts: {it.attempt} executed, {1 + step.retries} planned"
    rows: list[Line] = [head, ((attempts, Tone.DIM),)]
    for name, value in values.items():
        edited = it.parameters is not None and step.call.parameters.get(name) != value
        rows += _parameter(name, value, "  ", edited=edited)
    return rows


def _rounded(took: Estimate) -> Estimate:
    ends = (timedelta(seconds=max(1, round(end.total_seconds()))) for end in (took.low, took.high))
    return Estimate(*ends)


def _parameter(name: str, value: object, indent: str, *, edited: bool = False) -> list[Line]:
    mark = (("  edited", Tone.WARN),) if edited else ()
    head: Line = ((f"{indent}{name}: ", Tone.DIM), *mark)
    if isinstance(value, Mapping):
        inner = [_parameter(str(k), v, f"{indent}  ") for k, v in value.items()]
        return [head, *(line for found in inner for line in found)]
    if isinstance(value, str) and "\n" in value.rstrip():
        return [head, *prose(value, indent=f"{indent}  ")]
    return [(head[0], (_one_line(value), Tone.PLAIN), *mark)]


def _one_line(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_one_line(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())


# An item


def _item_body(item: Item, known: ItemState) -> list[Line]:
    return [
        *touched_lines(known),
        *_rollback(known),
        *commit_lines(known),
        *section("what", prose(item.what)),
        *section("why", prose(item.why)),
        *section("plan", _facts(item, known)),
        *_captures(known),
        *_criteria(item, known),
    ]


def _facts(item: Item, known: ItemState) -> list[Line]:
    facts = {
        "priority": item.priority,
        "estimate": str(item.estimate or ""),
        "rollback budget": str(item.rollback_budget or ""),
        "needs": ", ".join(item.needs),
        "guide": item.guide,
        "only when": item.when.text if item.when else "",
        "not required": item.not_required or known.passed_over,
        "creates": ", ".join(item.creates),
        "modifies": ", ".join(item.modifies),
        "the plan claims": item.declared_status,
    }
    return [((f"{k}: ", Tone.DIM), (v, Tone.PLAIN)) for k, v in facts.items() if v]


def commit_lines(known: ItemState) -> list[Line]:
    if known.committed:
        paths = ", ".join(known.committed.paths)
        return [((f"committed {known.committed.commit[:10]}: {paths}", Tone.GOOD),)]
    missing = known.not_committed
    if missing is None:
        return []
    return _trouble(missing.reason, missing.hint) if missing.fatal else prose(missing.reason)


def _rollback(known: ItemState) -> list[Line]:
    match known.status:
        case ItemStatus.ROLLING_BACK:
            return prose("Restoring the captures below, newest first …", Tone.WARN)
        case ItemStatus.ROLLBACK_FAILED:
            return _trouble(known.rollback_error, known.rollback_hint)
        case ItemStatus.ROLLED_BACK:
            return rollback_proof(known)
        case _:
            return []


def rollback_proof(known: ItemState) -> list[Line]:
    done = known.rollback
    if done is None:
        return []
    took = f" in {clock(done.seconds)}" if done.seconds else ""
    budgeted = f"Rolled back{took}, "
    rows: list[Line] = []
    if done.proven:
        rows.append(
            (
                (budgeted, Tone.PLAIN),
                ("proven", Tone.GOOD),
                (": equals the checkpoint.", Tone.PLAIN),
            )
        )
    else:
        rows.append(
            ((budgeted, Tone.PLAIN), ("NOT PROVEN", Tone.BAD), (". It differs:", Tone.PLAIN))
        )
    rows += [_difference(gap) for gap in done.differences]
    for name, values in (("kept", done.kept), ("not compared", done.exclusions)):
        rows += [((f"  {name}: ", Tone.DIM), (value, Tone.PLAIN)) for value in values]
    rows += [((f"  {remark}", Tone.WARN),) for remark in done.remarks]
    if done.revert_commit:
        rows.append((("  revert commit ", Tone.DIM), (done.revert_commit[:10], Tone.PLAIN)))
    return rows


def _difference(gap: Difference) -> Line:
    return (("  ✗ ", Tone.BAD), (f"{gap.field}: {gap.before} → {gap.after}", Tone.PLAIN))


# Shared


def _captures(known: ItemState) -> list[Line]:
    rows: list[Line] = []
    for capture in known.captures:
        dirty = ("  not committed", Tone.WARN) if capture.dirty else ("", Tone.DIM)
        rows.append(
            (
                ("◆ ", Tone.ACCENT),
                (f"{capture.kind} {capture.name}", Tone.PLAIN),
                (f"  {capture.summary}", Tone.DIM),
                dirty,
            )
        )
    return section("captures so far: what r restores", rows)


def _criteria(item: Item, known: ItemState) -> list[Line]:
    rows = [
        row for line in item.success for row in check_line(line.title, known.success.get(line.id))
    ]
    return section("success criteria", rows)


def _remarks(state: SessionState, node: Node) -> list[Line]:
    blockers: list[Line] = [
        ((f"! {b.text}", Tone.BAD), (f"  {b.by}", Tone.DIM))
        for b in state.open_blockers()
        if _about(b.item, b.step, node)
    ]
    notes: list[Line] = [
        ((note.text, Tone.PLAIN), (f"  {note.by}", Tone.DIM))
        for note in state.notes
        if _about(note.item, note.step, node)
    ]
    return [*section("blockers", blockers), *section("notes", notes)]


def _about(item: str, step: str, node: Node) -> bool:
    if node.kind is NodeKind.STEP:
        return step == node.step
    return item == node.item


def _captured_name(capture: CaptureTaken) -> str:
    return capture.name if capture.kind == "file" else f"{capture.kind} {capture.name}"


def undo_line(plan: Plan, state: SessionState, node: Node | None) -> Line:
    """What `r` would restore now; always on the screen, so that `r` may act at once."""
    if node is None:
        return ()
    item = plan.item(node.item)
    known = item_state(state, item)
    name = f"{item.number} {item.title}"
    if known.status in (ItemStatus.ROLLED_BACK, ItemStatus.ROLLING_BACK):
        return ((f"{name}: {sign(known.status).word}", Tone.DIM),)
    own = [number_of(item, step.id) for step in taken_back(item, known)]
    if not known.captures and not own:
        return ((f"{name}: nothing captured, nothing to roll back", Tone.DIM),)
    others = decisions.dependents(state, item.id)
    back = [f"what step {number} takes back itself" for number in own]
    what = ", ".join([*back, *(_captured_name(capture) for capture in known.captures)])
    budget = f" in {format_duration(item.rollback_budget.high)}" if item.rollback_budget else ""
    found: Line = (
        ("r restores ", Tone.WARN),
        (f"{name}{budget}: ", Tone.STRONG),
        *(((f"{TOUCHED}, captures may not cover that: ", Tone.BAD),) if known.hands else ()),
        (what, Tone.PLAIN),
    )
    return (*found, (f"  after {', '.join(others)}", Tone.WARN)) if others else found
