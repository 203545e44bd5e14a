"""A session's state in a few lines, or as plain values for programs."""

from __future__ import annotations

from collections.abc import Sequence

from runbook_app.domain import guard as guards
from runbook_app.domain.clock import format_duration
from runbook_app.domain.estimate import planned
from runbook_app.domain.hands import session_lines
from runbook_app.domain.live import standing
from runbook_app.domain.outcome import damage, drifts_measured, failures, out_of_reach
from runbook_app.domain.plan import Item
from runbook_app.domain.record import assumed, taken_words
from runbook_app.domain.rehearsal import badge_words
from runbook_app.domain.state import ItemState, StepState, StepStatus
from runbook_app.domain.times import at_second, began, seconds, session_ended
from runbook_app.headless.score import score_summary
from runbook_app.ports.session import Change, Session
from runbook_app.ports.sessions import SessionSummary


def session_state(session: Session) -> str:
    """The session's state; `interrupted` when its engine died in the middle of it."""
    state = session.state
    dead = state.engine is not None and not session.engine_alive()
    return "interrupted" if dead and state.status != "finished" else state.status


def status_fields(session: Session) -> dict[str, object]:
    """What `status --json` prints; `score` is null until it was measured."""
    state = session.state
    return {
        "session": session.id,
        "plan": state.started.plan if state.started else session.plan.id,
        "target": state.started.target if state.started else "",
        "state": session_state(session),
        "items": [
            {
                "id": item.id,
                "state": item.status.value,
                "steps": [
                    {"id": step.id, "state": _step_state(item, step)}
                    for step in item.steps.values()
                ],
                **({"drift": [line.id for line in item.drifted]} if item.drifted else {}),
                **({"reverts_in": session.reverts_in()} if item.guard else {}),
            }
            for item in state.items.values()
        ],
        "score": score_summary(state),
    }


def _step_state(item: ItemState, step: StepState) -> str:
    if step.id in item.outline.unavailable and step.status is StepStatus.PENDING:
        return "unavailable"
    return step.status.value


def status_lines(session: Session, now: str) -> list[str]:
    """What `status` prints."""
    state, plan = session.state, session.plan
    end = session_ended(state, now)
    active = format_duration(state.active(end, alive=session.engine_alive()))
    budget = format_duration(plan.window.budget)
    target = ", ".join(
        filter(None, [state.started.target if state.started else "", standing(state)])
    )
    lines = [
        f"Session  {session.id}, {session_state(session)}",
        f"Plan     {plan.title} {plan.version}",
        f"Target   {target}",
        f"Started  {at_second(state.started_at)}, {active} at work, the window is {budget}",
        "",
        *columns([_heading(), *(_row(i, state.items[i.id], now) for i in _known(session))]),
    ]
    lines += [""] + (
        remarks if (remarks := _remarks(session, now)) else ["Nothing needs attention."]
    )
    return lines


def _known(session: Session) -> list[Item]:
    return [item for item in session.plan.items if item.id in session.state.items]


def _heading() -> tuple[str, ...]:
    return ("Item", "State", "Steps", "Actual", "Planned")


def _row(item: Item, found: ItemState, now: str) -> tuple[str, ...]:
    over = sum(step.status.over for step in found.steps.values())
    took = sum(step.seconds(now) for step in found.steps.values())
    return (
        f"{item.number} {item.title} ({item.id})",
        found.status.value.replace("_", " "),
        f"{over}/{len(found.steps)}",
        seconds(took) if began(found) else "-",
        str(estimate) if (estimate := item.estimate or planned(item)).high else "-",
    )


def columns(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    return [
        "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _remarks(session: Session, now: str) -> list[str]:
    state = session.state
    lines = []
    if lost := damage(state, session.folder):
        lines.append(f"The record is damaged: {lost}.")
    if session_state(session) == "interrupted":
        words = session.last_words()
        silent = "The engine ended without a word, as when it is killed."
        lines += (f"The engine ended: {words}" if words else silent).splitlines()
        lines.append(f"What was recorded is safe. Go on with: runbook resume {session.id}")
    if reverting := guards.words(state, session.reverts_in()):
        lines.append(f"{reverting[:1].upper()}{reverting[1:]}")
    if state.question:
        lines += f"Waiting for a person: {state.question.text}".splitlines()
    for item in state.items.values():
        lines += [f"Item {item.id}: {text}" for text in (*failures(item), *drifts_measured(item))]
        if item.rollback:
            words = "proven" if item.rollback.proven else "NOT proven"
            lines.append(f"Item {item.id}: rolled back, {words}")
    lines += [f"Item {item}: {reason}" for item, reason in out_of_reach(state).items()]
    lines += [
        f"Item {item.id}: {words}"
        for item in state.items.values()
        if (words := badge_words(state, item, now))
    ]
    lines += [f"Blocker: {blocker.text}" for blocker in state.open_blockers()]
    lines += [f"{line[:1].upper()}{line[1:]}" for line in session_lines(state)]
    lines += [f"{at_second(at)}: {taken_words(taken)}" for taken, at in state.taken_over()]
    lines += [
        f"Not confirmed by a person: {line.item}: {line.title}"
        for line in assumed(state, session.plan)
    ]
    return lines


def change_lines(found: Sequence[Change]) -> list[str]:
    """What `diff` prints: a heading for what is no file, then the lines of each change."""
    lines: list[str] = []
    for change in found:
        lines += [""] if lines else []
        lines += [] if change.kind == "file" else [f"{change.kind} {change.name}"]
        lines += change.text.splitlines()
    return lines


def session_rows(found: Sequence[SessionSummary]) -> list[str]:
    """What `sessions` prints."""
    rows = [("Session", "Begun", "Plan", "Target")]
    rows += [(s.id, at_second(s.created), s.title, str(s.target or "unknown")) for s in found]
    return columns(rows)
