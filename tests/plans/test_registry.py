from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook_app.adapters.parameter_types import convert, is_plain, prepare
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import EnvironmentLacks
from runbook_app.domain.plan import ActionKind
from runbook_app.ports.action import Run, Script, check

HEAVY = {"docker", "psycopg", "cryptography", "httpx", "hvac", "jinja2", "ruamel", "textual"}


HINTS: list[Any] = [
    *(str, int, float, bool, Any, Literal["a", "b"], str | None, int | str, bool | None),
    *(list[str], list[int] | None, Sequence[float], tuple[str, ...], list[list[str]]),
    *(Script, timedelta, Path, dict[str, str], dict[int, str], Mapping[str, bool]),
    *(list[Path], Path | None, list[timedelta]),
]
VALUES = st.recursive(
    st.sampled_from(["", "a", "b", "1", "5m", "PT1S", "true", 0, 1, -1, 1.5, True, False, None]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("a1"), inner),
    max_leaves=4,
)


def outcome(work: Callable[[], object]) -> str:
    try:
        return repr(work())
    except (ValueError, OverflowError) as error:
        return str(error)


@given(hint=st.sampled_from([hint for hint in HINTS if is_plain(hint)]), value=VALUES)
def test_a_plain_type_needs_no_help_to_be_converted_to(hint, value):
    alone = outcome(lambda: msgspec.convert(value, hint))
    assert alone == outcome(lambda: convert(prepare(value, hint), hint))


def test_types_of_scalars_and_lists_alone_are_plain():
    assert [hint for hint in HINTS if not is_plain(hint)] == HINTS[14:]


def coerce(registry, name: str, **values: object):
    action = registry.get(name)
    assert action is not None
    return registry.coerce(action, values)


def problems(registry, name: str, **values: object) -> list[str]:
    action = registry.get(name)
    assert action is not None
    return [mistake.message for mistake in registry.mistakes(action, values)]


def test_an_action_is_found_by_module_and_function(registry):
    action = registry.get("sample.write")
    assert action is not None
    assert (action.name, action.kind) == ("sample.write", ActionKind.EFFECT)
    assert action.checker is not None


NO_ACTIONS = [
    "write",
    ".write",
    "sample.",
    "sample.helper",
    "sample.Limit",
    "nothing.at_all",
    "sample.write.more",
    "../sample.write",
    "_hidden.x",
    "os.path",
    "sample.timedelta",
]


@pytest.mark.parametrize("name", ["", *NO_ACTIONS])
def test_what_is_no_action_is_not_found(registry, name):
    assert registry.get(name) is None


def test_all_names_are_listed_without_modules_that_fail(registry):
    assert registry.names() == [
        "hidden_types.wait",
        "sample.look",
        "sample.measure",
        "sample.migrate",
        "sample.poke",
        "sample.unchecked",
        "sample.write",
    ]


def test_a_module_that_fails_to_import_says_why(registry):
    with pytest.raises(EnvironmentLacks, match="a_module_that_is_not_there"):
        registry.get("broken_module.anything")


def test_parameters_are_those_of_the_signature(registry):
    action = registry.get("sample.write")
    assert action is not None
    assert registry.parameters(action)["wait"] is timedelta
    assert registry.required(action) == {"path"}


def test_a_type_that_no_plan_can_give_is_refused_at_once(registry):
    @check
    async def odd(run: Run, *, value: list[int] | tuple[int, ...]) -> None:
        """Two kinds of array can't be told apart."""

    with pytest.raises(EnvironmentLacks, match="can't be read from a plan"):
        registry.parameters(odd)


def test_texts_become_what_the_signature_wants(registry):
    assert coerce(registry, "sample.write", path="a", wait="100ms") == {
        "path": "a",
        "wait": timedelta(milliseconds=100),
    }
    measured = coerce(registry, "sample.measure", size={"width": 3}, waits={"a": "1m"}, folder="x")
    assert measured["size"].width == 3
    assert measured["waits"] == {"a": timedelta(minutes=1)}
    assert measured["folder"] == Path("x")
    looked = coerce(
        registry, "sample.look", path="a", limits=[{"path": "b", "limit": 1, "window": "20s"}]
    )
    assert looked["limits"] == [{"path": "b", "limit": 1, "window": timedelta(seconds=20)}]


def test_converting_twice_changes_nothing(registry):
    once = coerce(registry, "sample.write", path="a", wait="2m", tags=["b"])
    assert coerce(registry, "sample.write", **once) == once


def test_durations_come_back_from_the_journal_in_its_own_form(registry):
    assert coerce(registry, "sample.write", path="a", wait="PT2M")["wait"] == timedelta(minutes=2)


def test_only_given_parameters_are_returned(registry):
    assert coerce(registry, "sample.write", path="a") == {"path": "a"}


def test_the_first_mistake_names_action_and_parameter(registry):
    with pytest.raises(
        ValueError, match=r"sample\.write: parameter 'count': expected a whole number"
    ):
        coerce(registry, "sample.write", path="a", count="3")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "parameter 'path' is missing"),
        ({"path": "a", "pth": 1}, "unknown parameter 'pth'"),
        ({"path": 1}, "parameter 'path': expected text, got a whole number; put it in quotes"),
        (
            {"path": "a", "count": True},
            "parameter 'count': expected a whole number, got true or false",
        ),
        ({"path": "a", "count": 1.0}, "parameter 'count': expected a whole number, got a number"),
        (
            {"path": "a", "wait": 5},
            "parameter 'wait': expected a duration such as 90s, got a whole number",
        ),
        ({"path": "a", "kind": "x"}, "parameter 'kind': 'x' is none of plain, fancy"),
        ({"path": "a", "tags": "x"}, "parameter 'tags': expected a list or nothing, got text"),
        (
            {"path": "a", "tags": ["x", 1]},
            "parameter 'tags[1]': expected text, got a whole number; put it in quotes",
        ),
        ({"path": None}, "parameter 'path': expected text, got nothing"),
    ],
)
def test_each_kind_of_mistake_is_told(registry, values, message):
    assert problems(registry, "sample.write", **values) == [message]


def test_a_whole_number_is_a_number_too(registry):
    assert coerce(registry, "sample.look", path="a", ratio=2) == {"path": "a", "ratio": 2.0}


def test_every_action_of_ours_can_be_named_in_a_plan():
    registry = InstalledActions()
    names = registry.names()
    assert {"tls.generate_certificate", "compose.apply", "suite.run"} <= set(names)
    for name in names:
        action = registry.get(name)
        assert action is not None
        assert action.name == name
        assert action.summary
        assert registry.parameters(action) is not None
        assert action.kind is not ActionKind.EFFECT or action.checker is not None


def test_loading_the_shipped_plan_imports_no_heavy_client():
    program = (
        "import sys; from pathlib import Path\n"
        "from runbook_app.adapters.plans import read_plan\n"
        "from runbook_app.adapters.registry import InstalledActions\n"
        "read_plan(Path(sys.argv[1]), InstalledActions(), {}, None)\n"
        "print(*sys.modules)\n"
    )
    plan = "plans/phase1_security_hardening.yaml"
    done = subprocess.run(
        [sys.executable, "-c", program, plan], capture_output=True, text=True, check=True
    )
    assert HEAVY.isdisjoint(done.stdout.split())


def test_the_shipped_plan_has_its_steps_that_others_notice_confirmed():
    plan = read_plan(Path("plans/phase1_security_hardening.yaml"), InstalledActions(), {}, None)
    assert [step.id for _, step in plan.steps() if step.blast_radius] == [
        "tls.apply",
        "database.restart",
        "database.roles",
        "database.migrate",
        "database.purge",
        "secrets.vault-left",
        "secrets.vault-server",
        "secrets.exchange",
    ]


def test_a_blast_radius_takes_what_its_action_takes():
    registry = InstalledActions()
    for name in registry.names():
        action = registry.get(name)
        assert action is not None
        if action.foresees is None:
            continue
        taken = inspect.signature(action.foresees).parameters
        given = registry.parameters(action)
        open_ = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values())
        assert open_ or given.keys() <= taken.keys(), name
