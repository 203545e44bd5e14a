"""What a step gave, put in place of a reference to it."""

from __future__ import annotations

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.errors import ActionError
from runbook_app.domain.measure import Measurement
from runbook_app.domain.plan import Call, Later, Position, Reference
from runbook_app.domain.references import ready
from runbook_app.domain.state import SessionState

from .story import PLAN, Story

ITEM, STEP = PLAN.items[0].id, PLAN.items[0].steps[0].id


def state_of(**outputs: object) -> SessionState:
    story = Story()
    story.tell(
        ev.StepStarted(item=ITEM, step=STEP, attempt=1, parameters={}),
        ev.StepMeasured(item=ITEM, step=STEP, measurement=Measurement(name="p95 ms", value=1)),
        ev.StepMeasured(item=ITEM, step=STEP, measurement=Measurement(name="p95 ms", value=41.5)),
        ev.StepSucceeded(item=ITEM, step=STEP, outputs=outputs),
    )
    return story.state


def reference(name: str, kind: str = "outputs", step: str = STEP) -> Reference:
    return Reference(step, kind, name, Position("plan.yaml", 7, 3))


def made(state: SessionState, *parts: str | Reference, takes: str = "") -> object:
    text = "".join(map(str, parts))
    later = Later(path=("a", 0), text=text, parts=parts, takes=takes)
    call = Call(action="x.y", parameters={"a": [text], "b": 1}, later=(later,))
    found = ready(call, ITEM, state).parameters
    assert found["b"] == 1
    assert call.parameters == {"a": [text], "b": 1}
    values = found["a"]
    assert isinstance(values, list)
    return values[0]


@pytest.mark.parametrize(
    ("value", "takes", "expected"),
    [
        ("7", "", "7"),
        ("7", "plain", 7),
        ("-1.5", "plain", -1.5),
        ("true", "plain", True),
        ("nan", "plain", "nan"),
        ("1_0", "plain", "1_0"),
        (7, "text", "7"),
        (True, "text", "true"),
        (7, "", 7),
    ],
)
def test_a_value_becomes_what_its_parameter_takes(value, takes, expected):
    found = made(state_of(v=value), reference("v"), takes=takes)
    assert (found, type(found)) == (expected, type(expected))


def test_inside_text_it_is_text_and_of_measurements_the_newest_counts():
    state = state_of(on=True)
    text = made(state, "x ", reference("on"), " ", reference("p95 ms", "measured"))
    assert text == "x true 41.5"


def test_the_step_of_the_same_item_needs_no_item():
    short = STEP.partition(".")[2]
    assert made(state_of(v=1), reference("v", step=short)) == 1


def test_what_a_person_edited_stays():
    later = Later(path=("a",), text="${…}", parts=(reference("none"),))
    call = Call(action="x.y", parameters={"a": "by hand"}, later=(later,))
    assert ready(call, ITEM, state_of()).parameters == {"a": "by hand"}


def test_one_that_an_edit_took_away_is_not_looked_for():
    later = Later(path=("a", "b", 2), text="${…}", parts=(reference("none"),))
    for left in ({}, {"a": 1}, {"a": {"b": ["x"]}}):
        call = Call(action="x.y", parameters=left, later=(later,))
        assert ready(call, ITEM, state_of()).parameters == left


@pytest.mark.parametrize(
    ("state", "wanted", "message", "hint"),
    [
        (Story().state, reference("v"), f"step {STEP} is pending", f"Run {STEP}"),
        (state_of(b=1, a=2), reference("v"), f"step {STEP} put out a, b.", "line 7 of plan.yaml"),
        (state_of(v=None), reference("v"), "put out v.", "line 7"),
        (state_of(), reference("v", "measured"), "measured p95 ms.", "line 7"),
        (state_of(), reference("v", step="no.step"), "there is no step no.step", "line 7"),
        (state_of(v="x [secret:TOKEN]"), reference("v"), "holds a secret", "by its name"),
    ],
)
def test_a_value_that_is_not_there_says_why_and_where_to_look(state, wanted, message, hint):
    with pytest.raises(ActionError) as caught:
        made(state, wanted)
    assert message in caught.value.message
    assert hint in caught.value.hint
