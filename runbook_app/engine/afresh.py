"""What a process that is not the engine can ask of the target: a check, and what has changed."""

from __future__ import annotations

from collections.abc import Callable

from runbook_app.domain.decisions import restore_order
from runbook_app.domain.errors import ActionError, RunbookError
from runbook_app.domain.measure import Finding, Measurement
from runbook_app.domain.plan import Plan
from runbook_app.domain.references import ready
from runbook_app.domain.state import ItemState, SessionState
from runbook_app.engine.captures import content_of
from runbook_app.engine.recorder import previous_measurements
from runbook_app.engine.unwatched import Unwatched
from runbook_app.ports.action import Registry
from runbook_app.ports.journal import Artefacts
from runbook_app.ports.session import Change
from runbook_app.ports.target import Prior, Target


async def check_step(
    state: SessionState,
    plan: Plan,
    step_id: str,
    *,
    registry: Registry,
    target: Target,
    mask: Callable[[str], str],
) -> Finding:
    """Ask the check of a step with an effect; what it saw is masked, what it logs is dropped.

    Raises:
        ActionError: it can't be run here, or came to no answer.
    """
    item, step = plan.step(step_id)
    action = registry.get(step.call.action)
    if action is None or action.checker is None:
        raise ActionError(f"The action {step.call.action} has no check.")
    call = step.call_with(state.step(step_id).parameters)
    run = target.context(
        item=item.id, step=step_id, capture=_take_nothing, recorder=_Recorder(state)
    )
    try:
        parameters = registry.coerce(action, dict(ready(call, item.id, state).parameters))
        found = await action.checker(run, **parameters)
    except RunbookError as error:
        raise ActionError(mask(error.message)) from error
    except Exception as error:
        raise ActionError(mask(f"{type(error).__name__}: {error}")) from error
    return Finding(progress=found.progress, evidence=mask(found.evidence))


async def changes_since(
    item: ItemState, *, target: Target, artefacts: Artefacts, mask: Callable[[str], str]
) -> list[Change]:
    """What of the things that an item captured is not as it was before; masked.

    Files come first, by name, then the project and the database. What can't be compared is a
    change that says why.
    """
    kinds = {capturable.kind: capturable for capturable in target.capturables()}
    ranks = {kind: capturable.rank for kind, capturable in kinds.items()}
    found = []
    order = sorted(restore_order(item, ranks), key=lambda c: (ranks.get(c.kind, 0), c.name))
    for taken in order:
        try:
            content = await content_of(artefacts, taken)
            text = await kinds[taken.kind].difference(taken, content, since=True)
        except RunbookError as error:
            text = f"It can't be compared: {error.message}"
        if text:
            found.append(Change(kind=taken.kind, name=taken.name, text=mask(text)))
    return found


async def _take_nothing(_: Prior) -> None:
    """Capture nothing: a check changes nothing."""


class _Recorder(Unwatched):
    """Of a check that is run by itself."""

    def __init__(self, state: SessionState) -> None:
        self._state = state

    async def ask(self, text: str, **how: object) -> str:  # noqa: ARG002 - nobody is asked
        raise ActionError(f"A check that asks can't be run by itself: {text}")

    def previous(self, name: str) -> list[tuple[str, Measurement]]:
        return previous_measurements(self._state, name)
