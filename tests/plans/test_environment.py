"""Variables of the environment: what the session's beginning has is pinned with the plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.adapters.plan_pin import pin, pinned_plan
from tests.plans.conftest import HEAD, ITEM

VARIABLES = """\
variables:
  region: {env: RUNBOOK_TEST_REGION, default: eu}
  port: {env: RUNBOOK_TEST_PORT, default: 8001}
  url: "http://${env.RUNBOOK_TEST_HOST}:${port}/${region}"
"""
TEXT = HEAD + VARIABLES + ITEM.replace("path: a.txt", 'path: "${url}", count: "${port}"')


@pytest.fixture(autouse=True)
def host(monkeypatch):
    monkeypatch.setenv("RUNBOOK_TEST_HOST", "one")


def parameters(load, **given) -> object:
    return load(TEXT, **given).items[0].steps[0].call.parameters


def test_a_default_stands_in_and_gives_the_type(load, monkeypatch):
    assert parameters(load) == {"path": "http://one:8001/eu", "count": 8001}
    monkeypatch.setenv("RUNBOOK_TEST_PORT", "9001")
    monkeypatch.setenv("RUNBOOK_TEST_REGION", "us")
    assert parameters(load) == {"path": "http://one:9001/us", "count": 9001}


def test_options_and_the_targets_file_win_over_the_environment(load, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TEST_REGION", "us")
    assert load(TEXT, beside="region: asia\n").variables["region"] == "asia"
    assert load(TEXT, beside="region: asia\n", region="africa").variables["region"] == "africa"
    stood_in = load(TEXT, beside="", **{"env.RUNBOOK_TEST_HOST": "two"})
    assert stood_in.variables["url"] == "http://two:8001/us"


def test_a_value_of_another_type_is_a_mistake_at_its_name(mistakes, monkeypatch):
    monkeypatch.setenv("RUNBOOK_TEST_PORT", "many")
    assert mistakes(TEXT) == [
        "7:15 RUNBOOK_TEST_PORT in the environment: expected a whole number, got 'many'"
    ]


def test_what_was_found_is_on_record_with_the_variables(load):
    found = load(TEXT).variables
    assert found["env.RUNBOOK_TEST_HOST"] == "one"
    assert "env.RUNBOOK_TEST_REGION" not in found


def test_the_pinned_plan_asks_the_environment_no_more(load, registry, tmp_path, monkeypatch):
    monkeypatch.setattr("runbook_app.adapters.plan_pin.InstalledActions", lambda: registry)
    text = TEXT.replace('path: "${url}"', 'path: "${env.RUNBOOK_TEST_HOST}"')
    plan = load(text)
    (tmp_path / "session").mkdir()
    pin(tmp_path / "session", plan)
    monkeypatch.setenv("RUNBOOK_TEST_HOST", "other")
    monkeypatch.setenv("RUNBOOK_TEST_PORT", "many")
    created = "2026-01-01T00:00:00Z"
    kept = pinned_plan(tmp_path / "session", plan.path, dict(plan.variables), created=created)
    assert kept.variables == plan.variables
    assert kept.items[0].steps[0].call.parameters == {"path": "one", "count": 8001}
    assert Path(kept.path).is_relative_to(tmp_path / "session")
