"""Whatever stands in the file: the loader gives a plan, or a plan error with places."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runbook_app.adapters.plan_file.keys import TABLES
from runbook_app.adapters.plan_file.nodes import PureParser, compose
from runbook_app.adapters.plan_file.source import read_source
from runbook_app.adapters.plans import lint, read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.errors import Mistake, PlanError
from runbook_app.resources import shipped_plans
from tests.fuzzing import corpus, kept
from tests.plans.both_ways import read_both_ways
from tests.plans.conftest import HEAD, ITEM, NOW

SHIPPED = (shipped_plans() / "phase1_security_hardening.yaml").read_text(encoding="utf-8")
REGISTRY = InstalledActions("tests.plans.sample_actions")
KEYS = sorted({key for table in TABLES.values() for key in table})
SCALARS = [
    *("a", "1", "-1", "0x1f", "010", "1_000", "1e9999", ".nan", ".inf", "no", "~", "now"),
    *(
        "captures",
        "5m",
        "3h-2h",
        "2025-10-24",
        "${a}",
        "$${",
        "${steps.one.write.outputs.x}",
        "*x",
        "&x",
        "!t",
        "''",
        "../x",
    ),
    *("99999999999999999999d", "sample.write", "sample.look", "one", "one.write", "/x"),
    '"${unclosed"',
    "'${a} == 1'",
    "'${each.x}'",
    "'not ${steps.one.write.outputs.x}'",
    '"\\0"',
    '"\\u2028"',
    "{}",
    "[]",
    "[a, {b: c}]",
]
LONGEST = 5000
"""Characters of a mistake: many of them on one long line are still readable."""
BOUNDED = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def survive(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    plan = None
    mistakes: tuple[Mistake, ...] = ()
    try:
        plan = read_plan(path, REGISTRY, {}, None, now=NOW)
    except PlanError as error:
        mistakes = error.mistakes
    assert (plan is None) == bool(mistakes)
    read_both_ways(path, REGISTRY)
    for mistake in mistakes:
        assert mistake.position.line >= 1
        assert mistake.position.column >= 1
        assert "\x1b" not in mistake.render()
        assert len(mistake.render()) < LONGEST
    if plan is not None:
        lint(path, plan)


def attack(path: Path, data: bytes) -> None:
    with kept("plans", data):
        survive(path, data)


@corpus("plans")
def test_the_corpus(tmp_path, data):
    survive(tmp_path / "plan.yaml", data)


@given(data=st.binary(max_size=400))
@BOUNDED
def test_any_bytes(tmp_path, data):
    attack(tmp_path / "plan.yaml", data)


@given(
    text=st.text(alphabet=st.sampled_from("ab:-[]{}#&*!|>'\"%@`,? \n\t\0\x1b\u2028é"), max_size=200)
)
@BOUNDED
def test_any_yaml_like_text(tmp_path, text):
    attack(tmp_path / "plan.yaml", text.encode())


values = st.recursive(
    st.sampled_from(SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]"),
        st.dictionaries(st.sampled_from(KEYS), inner, max_size=6).map(
            lambda parts: "{" + ", ".join(f"{k}: {v}" for k, v in parts.items()) + "}"
        ),
    ),
    max_leaves=20,
)


@given(parts=st.dictionaries(st.sampled_from(KEYS), values, max_size=10))
@BOUNDED
def test_known_keys_with_values_of_any_kind(tmp_path, parts):
    text = "".join(f"{key}: {value}\n" for key, value in parts.items())
    attack(tmp_path / "plan.yaml", text.encode())


@given(key=st.sampled_from(KEYS), value=values, place=st.integers(0, 12))
@BOUNDED
def test_a_good_plan_with_one_line_replaced(tmp_path, key, value, place):
    lines = (HEAD + ITEM).splitlines(keepends=True)
    old = lines[place % len(lines)]
    indent = old[: len(old) - len(old.lstrip(" -"))]
    lines[place % len(lines)] = f"{indent}{key}: {value}\n"
    attack(tmp_path / "plan.yaml", "".join(lines).encode())


@pytest.mark.parametrize("seed", range(60))
def test_the_shipped_plan_with_damaged_bytes(tmp_path, seed):
    chance = random.Random(seed)
    data = bytearray(SHIPPED.encode())
    for _ in range(chance.randint(1, 5)):
        place = chance.randrange(len(data))
        match chance.randrange(3):
            case 0:
                data[place] = chance.randrange(256)
            case 1:
                del data[place : place + chance.randint(1, 30)]
            case _:
                data[place:place] = bytes(chance.choices(b" \n:-[]{}'\"&*!#\t", k=3))
    attack(tmp_path / "plan.yaml", bytes(data))


@given(text=st.text(alphabet=st.sampled_from("ab: -[]{}&*x'\"\n\\u0d8"), max_size=120))
@BOUNDED
def test_the_parser_in_python_never_crashes_either(text):
    with kept("plans", text.encode()):
        source = read_source("f", text.encode())
        root = compose(source, PureParser)
        assert root is not None or source.mistakes or not text.strip()


@corpus("plans")
def test_the_parser_in_python_reads_the_corpus_too(data):
    source = read_source("f", data)
    assert compose(source, PureParser) is not None or source.mistakes or not data.strip()
