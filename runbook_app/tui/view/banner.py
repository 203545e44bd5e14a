"""The one line under the header that says what stands in the way, or comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook_app.domain import guard as guards
from runbook_app.domain.decisions import asked_for
from runbook_app.domain.hands import hands_words, within
from runbook_app.domain.plan import Plan
from runbook_app.domain.state import ItemStatus, ScoreState, SessionState, StepStatus
from runbook_app.domain.verdict import drift_reasons
from runbook_app.domain.withdrawal import withdrawal
from runbook_app.tui.view.clocks import engine_dead
from runbook_app.tui.view.node import Node, NodeKind, current, step_of, trouble
from runbook_app.tui.view.words import Line, Tone, number_of, plural

_DEAD = "engine dead"


@dataclass(frozen=True, slots=True)
class Banner:
    line: Line
    urgent: bool = False
    """Shown on a red ground."""
    calls: str = ""
    """Says what a person is needed for, the same as long as it is that; empty: nobody is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What the journal does not tell: the engine's process, and faults of this screen."""

    alive: bool
    read_only: bool = False
    fault: str = ""
    damage: str = ""
    """What of the journal could not be read."""
    words: str = ""
    """Why a dead engine ended, as far as it could say."""
    reverts_in: float | None = None
    """Seconds until a step that waits to be confirmed is reverted."""


def banner(plan: Plan, state: SessionState, outside: Outside) -> Banner:
    """The most urgent of all that could be said."""
    press_e = "an operator can start a new one" if outside.read_only else "e starts a new one"
    if outside.fault:
        return Banner(
            (("This screen has a fault: ", Tone.STRONG), (outside.fault, Tone.PLAIN)), True
        )
    if outside.damage:
        return Banner(
            (("The record is DAMAGED: ", Tone.STRONG), (outside.damage, Tone.PLAIN)), True
        )
    asked = f"question {state.question.id}" if state.question else ""
    dead = engine_dead(state, alive=outside.alive)
    if reverting := guards.words(state, outside.reverts_in):
        more = f" · ENGINE DEAD; {press_e}" if dead else ""
        line = (("◐ ", Tone.WARN), (f"{reverting}{more}", Tone.STRONG))
        return Banner(line, urgent=dead, calls=_DEAD if dead else asked)
    if dead:
        left = ", nothing runs" if not state.children else f", {_children(state)} may still run"
        if outside.words:
            left = f": {_first(outside.words).rstrip('.')}{left}"
        line = (("ENGINE DEAD", Tone.STRONG), (f"{left}; {press_e}", Tone.PLAIN))
        return Banner(line, urgent=True, calls=_DEAD)
    if state.question:
        waiting = (("◐ waiting for you: ", Tone.WARN), (state.question.headline, Tone.STRONG))
        return Banner(waiting, calls=asked)
    node = trouble(state)
    if node is not None and state.running_step is None:
        return _trouble(plan, state, node)
    step = state.running_step
    if step is not None and step.stopping and outside.alive:
        name = name_of(plan, Node(NodeKind.STEP, step.item, step.id))
        ending = f"{name} can't be interrupted: it runs until its work has ended"
        return Banner((("◐ ", Tone.WARN), (f"{ending}. {step.stopping}", Tone.WARN)))
    if state.stop_requested and outside.alive:
        when = "at the next safe point"
        if step is not None:
            name = name_of(plan, Node(NodeKind.STEP, step.item, step.id))
            when = f"when {name} has ended; c ends it first"
        return Banner(((f"Stopping {when} …", Tone.WARN),))
    drift = drift_reasons(state)
    if drift and state.status != "running":
        return Banner((("✗ drift: ", Tone.BAD), (drift[0], Tone.STRONG)))
    if state.open_blockers():
        text = state.open_blockers()[-1].text
        return Banner((("! blocked: ", Tone.BAD), (_first(text), Tone.STRONG)))
    over = state.nothing_left and state.engine is not None
    return Banner(_calm(plan, state, outside, press_e), calls="over" if over else "")


def _children(state: SessionState) -> str:
    return plural(len(state.children), "child process").replace("processs", "processes")


def _first(text: str) -> str:
    return text.strip().partition("\n")[0]


def _trouble(plan: Plan, state: SessionState, node: Node) -> Banner:
    name, error = name_of(plan, node), ""
    item = state.items[node.item]
    word = "failed"
    match node.kind:
        case NodeKind.STEP:
            step = item.steps[node.step]
            error = step.error
            if step.status is StepStatus.UNKNOWN:
                word = "is UNKNOWN"
        case NodeKind.CHECKPOINT:
            error = item.checkpoint_error
        case NodeKind.VERIFY:
            count = sum(1 for line in item.success.values() if line.result and not line.passed)
            error = f"{plural(count, 'criterion')} not met".replace("criterions", "criteria")
        case NodeKind.ITEM:
            error = item.rollback_error or (item.not_committed.reason if item.not_committed else "")
    line = (("✗ ", Tone.BAD), (f"{name} {word}", Tone.BAD), (f": {_first(error)}", Tone.PLAIN))
    return Banner(line, calls=f"{name} {word}: {error}")


def name_of(plan: Plan, node: Node) -> str:
    item = plan.item(node.item)
    match node.kind:
        case NodeKind.STEP:
            step = step_of(item, node.step)
            return f"{number_of(item, step.id)} {step.title}"
        case NodeKind.CHECKPOINT:
            return f"Checkpoint of {item.number} {item.title}"
        case NodeKind.VERIFY:
            return f"Success criteria of {item.number} {item.title}"
        case NodeKind.ITEM:
            return f"{item.number} {item.title}"


def _calm(plan: Plan, state: SessionState, outside: Outside, press_e: str) -> Line:
    taken = state.recheck
    if outside.alive and taken is not None and not taken.over:
        done = f"measuring the criteria again: {len(taken.lines)} so far"
        return (("● ", Tone.ACCENT), (done, Tone.PLAIN))
    if inside := within(state):
        return (("by hand: ", Tone.WARN), (hands_words(inside[-1]), Tone.PLAIN))
    step = state.running_step
    if step is not None:
        name = name_of(plan, Node(NodeKind.STEP, step.item, step.id))
        more = f": {_first(step.progress)}" if step.progress else ""
        return (("● ", Tone.ACCENT), (f"{name}{more}", Tone.PLAIN))
    if outside.alive and state.scoring is not None:
        return (("● ", Tone.ACCENT), (_scoring(plan, state.scoring), Tone.PLAIN))
    node = current(state)
    if node is not None and state.items[node.item].rolling_back:
        return (("↶ ", Tone.WARN), (f"rolling back {name_of(plan, node)}", Tone.PLAIN))
    if state.engine_stopped and not outside.alive:
        reason = state.engine_stopped.reason
        return ((f"■ The engine stopped ({reason}); {press_e}", Tone.WARN),)
    if node is None:
        return _nothing_left(plan, state, outside)
    pause = f"‖ {state.pause_reason} · " if state.pause_reason else ""
    verb = "at" if state.intent.active else "next"
    return (
        (pause, Tone.WARN),
        (f"{verb}: ", Tone.DIM),
        (name_of(plan, node), Tone.PLAIN),
    )


def _open_items(plan: Plan, state: SessionState, outside: Outside) -> Iterator[str]:
    """Items that could be run if somebody asked for them."""
    items = [(item.number, state.items[item.id]) for item in plan.items]
    rolled_back = [str(n) for n, item in items if item.status is ItemStatus.ROLLED_BACK]
    left_out = [
        str(number)
        for number, item in items
        if not (item.over or item.outline.unavailable or asked_for(state, item))
    ]
    if rolled_back:
        yield f"rolled back: {', '.join(rolled_back)}"
    if left_out:
        yield f"outside of the session's scope: {', '.join(left_out)}"
    if (rolled_back or left_out) and not outside.read_only:
        yield "A runs the selected one"


def _scoring(plan: Plan, scoring: ScoreState) -> str:
    checks = plan.score.checks()
    done = len(scoring.checks)
    now = f", now: {checks[done].title}" if done < len(checks) else ""
    return f"measuring the score: {done} of {len(checks)} checks so far{now}"


def _nothing_left(plan: Plan, state: SessionState, outside: Outside) -> Line:
    if not state.started:
        return (("waiting for the session to begin", Tone.DIM),)
    open_items = "; ".join(_open_items(plan, state, outside))
    more = f" ({open_items})" if open_items else ""
    nothing = (f"Nothing is left that can be done here{more}.", Tone.PLAIN)
    writes = "an operator can write" if outside.read_only else "x writes"
    if state.exported is None:
        return (nothing, (f" {writes} the completion signal.", Tone.STRONG))
    if stale := withdrawal(state):
        said = f" Completion signal {stale.verdict} does not hold any more: {stale.why[0]};"
        return (nothing, (said, Tone.WARN), (f" {writes} a new one.", Tone.PLAIN))
    return (nothing, (f" Completion signal: {state.exported.verdict}", Tone.STRONG))
