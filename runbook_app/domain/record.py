"""What a session's record holds, gathered for its documents: measurements and people's words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from runbook_app.domain.events import LockTaken
from runbook_app.domain.measure import Measurement
from runbook_app.domain.plan import Item, Plan
from runbook_app.domain.state import ItemState, ItemStatus, LineState, SessionState
from runbook_app.domain.times import at_second, ended
from runbook_app.domain.variables import as_option


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A measurement with the time and the place it was taken at."""

    at: str
    item: str
    where: str
    """Id of the step or line."""
    measurement: Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """Something that a person was to confirm, and nobody did."""

    item: str
    line: str
    title: str
    by: str
    at: str


def measurements(state: SessionState) -> list[Taken]:
    """All that was measured, oldest first; what an undone item had does not count any more.

    Nor does what was measured on top of an item that was undone since.
    """
    old = outdated(state)
    found = [
        taken for item in state.items.values() if item.id not in old for taken in _of_item(item)
    ]
    return sorted(found, key=lambda taken: taken.at)


def outdated(state: SessionState) -> dict[str, str]:
    """Why the results of some items speak of a target that is not there any more, by item."""
    undone = {
        item.id: item for item in state.items.values() if item.status is ItemStatus.ROLLED_BACK
    }
    return {
        item.id: f"measured before item {undone[need].outline.number} was rolled back"
        for item in state.items.values()
        if item.started and item.id not in undone
        for need in _all_needs(state, item.id)
        if need in undone and undone[need].rollback_started_at > ended(item)
    }


def _all_needs(state: SessionState, item_id: str) -> set[str]:
    found: set[str] = set()
    wanted = [item_id]
    while wanted:
        item = state.items.get(wanted.pop())
        more = [need for need in item.outline.needs if need not in found] if item else []
        found.update(more)
        wanted += more
    return found


def _of_item(item: ItemState) -> Iterator[Taken]:
    undone = item.status is ItemStatus.ROLLED_BACK
    lines = [*item.checkpoint.values(), *(() if undone else item.success.values())]
    for line in lines:
        result, at = line.newest
        for measured in result.measurements if result else ():
            yield Taken(at=at, item=item.id, where=line.id, measurement=measured)
    if undone:
        return
    for step in item.steps.values():
        for measured in step.measurements:
            at = step.ended_at or step.started_at
            yield Taken(at=at, item=item.id, where=step.id, measurement=measured)


def assumed(state: SessionState, plan: Plan) -> list[Assumed]:
    """Confirmations and answers that `--yes` stood in for."""
    found = list(_assumed_variables(state, plan))
    found += [
        Assumed(
            item=item.id,
            line=line.id,
            title=checkpoint_title(plan, item.id, line.id),
            by=line.confirmed.by,
            at=line.at,
        )
        for item in state.items.values()
        for line in item.checkpoint.values()
        if line.confirmed and line.confirmed.assumed
    ]
    found += [
        Assumed(
            item=asked.item,
            line=asked.step,
            title=asked.text
            if asked.kind in ("statement", "target")
            else f"{asked.text}: {answered.answer}",
            by=answered.by,
            at=state.question_times.get(asked.id, ""),
        )
        for asked, answered in state.questions_answered
        if answered.assumed and asked.kind not in ("confirm", "guarded", "blast_radius")
    ]
    found += [
        Assumed(
            item=item.id,
            line=step.id,
            title=f"step {step.id} confirmed over a new connection",
            by=step.confirmed.by,
            at=step.confirmed_at,
        )
        for item in state.items.values()
        for step in item.steps.values()
        if step.confirmed and step.confirmed.assumed
    ]
    found += [
        Assumed(
            item=asked.item,
            line=asked.step,
            title=f"blast radius of step {asked.step}",
            by=answered.by,
            at=state.question_times.get(asked.id, ""),
        )
        for asked, answered in state.questions_answered
        if answered.assumed and asked.kind == "blast_radius"
    ]
    return found


def _assumed_variables(state: SessionState, plan: Plan) -> Iterator[Assumed]:
    started = state.started
    if started is None:
        return
    for question in plan.questions:
        if question.name in started.assumed_answers:
            yield Assumed(
                item="",
                line=question.name,
                title=f"{question.text}: {as_option(started.variables[question.name])}",
                by=started.operator,
                at=state.started_at,
            )


def taken_words(taken: LockTaken) -> str:
    """Whose lock an engine has now, how it came by it, and why."""
    whose = (
        f"session {taken.session} (driven by {taken.operator} on {taken.host}, process {taken.pid},"
        f" since {at_second(taken.since)}, last heartbeat {at_second(taken.heartbeat)})"
    )
    if taken.how == "ended":
        return f"took the lock of {whose}, whose process had ended"
    how = "stopped at a safe point" if taken.how == "stopped" else "killed"
    return f"taken over by {taken.by} from {whose}, its engine {how}: {taken.reason}"


def checkpoint_title(plan: Plan, item_id: str, line_id: str) -> str:
    item = plan_item(plan, item_id)
    lines = item.checkpoint if item else ()
    return next((line.title for line in lines if line.id == line_id), line_id)


def success_title(plan: Plan, item_id: str, line: LineState) -> str:
    item = plan_item(plan, item_id)
    titled = (check.title for check in (item.success if item else ()) if check.id == line.id)
    return next(titled, line.result.title if line.result else line.id)


def plan_item(plan: Plan, item_id: str) -> Item | None:
    return next((item for item in plan.items if item.id == item_id), None)
