"""Values that steps give to later ones, found in the session's state."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Scalar, as_text
from runbook_app.domain.plan import Call, Condition, Later, Reference
from runbook_app.domain.state import SessionState, StepStatus

MASKED = "[secret:"
"""What stands on record in place of a secret; it is no value."""
_NUMBER = re.compile(r"[-+]?[0-9]{1,18}(?:\.[0-9]{1,18})?")
_WORDS = {"true": True, "false": False}


def ready(call: Call, item_id: str, state: SessionState) -> Call:
    """The call with every value in place that earlier steps gave.

    A value that a person has edited stays as edited.

    Raises:
        ActionError: one of them is not there; it says why and where to look.
    """
    if not call.later:
        return call
    parameters = copy.deepcopy(dict(call.parameters))
    for later in call.later:
        holder, key = _place(parameters, later.path)
        if holder is not None and holder[key] == later.text:
            holder[key] = _made(later, item_id, state)
    return Call(action=call.action, parameters=parameters, position=call.position)


def left_out(condition: Condition | None, item_id: str, state: SessionState) -> str:
    """Why a condition has its item or step passed over; empty when it is to be run.

    Raises:
        ActionError: it can't be said, as a value is missing or of another kind.
    """
    if condition is None or condition.judge is None or not condition.references:
        return condition.reason if condition else ""
    values: list[Scalar] = []
    lacks: list[ActionError] = []
    for reference in condition.references:
        try:
            values.append(value_of(reference, item_id, state))
        except ActionError as error:
            values.append(None)
            lacks.append(error)
    try:
        if condition.judge(values):
            return ""
    except ValueError as error:
        if lacks:
            raise lacks[0] from error
        raise ActionError(
            f"'when: {condition.text}' can't be decided: {error}.",
            hint="Look at what the steps gave that it names, or correct it in the plan.",
        ) from error
    said = [
        f"{reference} is {'not there' if value is None else as_text(value)}"
        for reference, value in zip(condition.references, values, strict=True)
    ]
    words = ", ".join(filter(None, [condition.known, *said]))
    return f"{condition.text} is false ({words})"


def rests_on(condition: Condition | None, item_id: str) -> tuple[str, ...]:
    """Ids of the steps whose values a condition asks for."""
    references = condition.references if condition else ()
    return tuple(dict.fromkeys(reference.step_id(item_id) for reference in references))


def value_of(reference: Reference, item_id: str, state: SessionState) -> Scalar:
    """What the step gave.

    Raises:
        ActionError: it gave no such value.
    """
    found = _given(reference, reference.step_id(item_id), state)
    if reference.name not in found or found[reference.name] is None:
        raise _missing(reference, item_id, state, found)
    value = found[reference.name]
    if isinstance(value, str) and MASKED in value:
        raise ActionError(
            f"{reference} holds a secret, which is on record nowhere.",
            hint="Have the action find the secret by its name instead of by an output.",
        )
    return value


def _given(reference: Reference, step_id: str, state: SessionState) -> Mapping[str, Scalar]:
    try:
        step = state.step(step_id)
    except KeyError:  # the pinned plan lacks it
        return {}
    if step.status is not StepStatus.SUCCEEDED:
        return {}
    if reference.kind == "outputs":
        return step.outputs
    return {measurement.name: measurement.value for measurement in step.measurements}


def _missing(
    reference: Reference, item_id: str, state: SessionState, found: Mapping[str, Scalar]
) -> ActionError:
    step_id = reference.step_id(item_id)
    where = f"line {reference.position.line} of {reference.position.file}"
    try:
        status = state.step(step_id).status
    except KeyError:
        return ActionError(f"{reference}: there is no step {step_id}.", hint=f"Look at {where}.")
    if status is not StepStatus.SUCCEEDED:
        return ActionError(
            f"{reference} has no value: step {step_id} is {status.value.replace('_', ' ')}.",
            hint=f"Run {step_id} in this session first, or give the value itself: {where}.",
        )
    did = "put out" if reference.kind == "outputs" else "measured"
    return ActionError(
        f"{reference} has no value: step {step_id} {did}"
        f" {', '.join(sorted(found)) if found else 'nothing'}.",
        hint=f"Correct the name in {where}, or look at what {step_id} logged.",
    )


def _place(parameters: Any, path: tuple[str | int, ...]) -> tuple[Any, str | int]:
    """What holds the value at a path, and its key there; None where an edit took it away."""
    *above, key = path
    for part in above:
        try:
            parameters = parameters[part]
        except (KeyError, IndexError, TypeError):
            return None, key
    there = key in parameters if isinstance(parameters, dict) else False
    if isinstance(parameters, list) and isinstance(key, int):
        there = key < len(parameters)
    return (parameters if there else None), key


def _made(later: Later, item_id: str, state: SessionState) -> Scalar:
    if len(later.parts) == 1 and isinstance(later.parts[0], Reference):
        value = value_of(later.parts[0], item_id, state)
        return _as(later.takes, value)
    return "".join(
        part if isinstance(part, str) else as_text(value_of(part, item_id, state))
        for part in later.parts
    )


def _as(takes: str, value: Scalar) -> Scalar:
    if takes == "text":
        return as_text(value)
    if takes == "plain" and isinstance(value, str):
        return _plain(value.strip())
    return value


def _plain(text: str) -> Scalar:
    """A number or a truth value that an action put out as text; other text is left to its type."""
    if text in _WORDS:
        return _WORDS[text]
    if not _NUMBER.fullmatch(text):
        return text
    return float(text) if "." in text else int(text)
