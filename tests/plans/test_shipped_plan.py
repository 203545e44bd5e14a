from __future__ import annotations

import re
from datetime import timedelta

import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.plan import CaptureLine, CheckLine, ConfirmLine, Plan
from runbook_app.resources import sample_target, shipped_plans

PLAN = shipped_plans() / "phase1_security_hardening.yaml"
ORDER = ["headers", "rate-limits", "tls", "database", "secrets", "input-validation", "sign-off"]
README = sample_target() / "README.md"


@pytest.fixture(scope="module")
def plan() -> Plan:
    return read_plan(PLAN, InstalledActions(), {}, None)


def test_the_items_come_in_the_order_of_the_work(plan):
    assert [item.id for item in plan.items] == ORDER
    assert [item.number for item in plan.items] == [1, 5, 2, 3, 4, 6, 7]
    assert plan.item("sign-off").sign_off


def test_the_plan_loads_with_the_samples_variables(tmp_path):
    tokens = {"PROJECT": "p", "API_PORT": "8123", "HTTP_PORT": "8124", "SUBNET": "10.1.0.0/24"}
    text = (sample_target() / "runbook.vars.yaml").read_text(encoding="utf-8")
    filled = re.sub(r"@@(\w+)@@", lambda found: tokens[found[1]], text)
    (tmp_path / "runbook.vars.yaml").write_text(filled, encoding="utf-8")
    plan = read_plan(PLAN, InstalledActions(), {}, tmp_path)
    _, step = plan.step("tls.compose-file")
    assert step.call.parameters == {
        "https_port": 8123,
        "http_port": 8124,
        "subnet": "10.1.0.0/24",
    }


def test_items_1_and_5_only_measure(plan):
    registry = InstalledActions()
    for name in ("headers", "rate-limits"):
        item = plan.item(name)
        assert item.available
        assert not item.checkpoint
        kinds = {registry.get(step.call.action).kind for step in item.steps}
        assert kinds == {"check"} or kinds == {"probe"}


def test_every_item_is_complete(plan):
    assert all(item.available for item in plan.items)


def test_every_step_of_the_source_is_there(plan):
    assert [len(plan.item(name).steps) for name in ("tls", "database", "secrets")] == [10, 14, 17]
    assert plan.item("input-validation").not_required


def test_a_rollback_of_item_3_takes_the_schema_back_before_the_preload_goes(plan):
    calls = [call.action for call in plan.item("database").rollback]
    assert calls == ["database_migrations.downgrade", "database_audit.remove"]


def test_the_criteria_that_have_to_write_are_known(plan):
    """They are measured again only with consent."""
    probes = [line.id for item in plan.items for line in item.success if line.probe]
    assert probes == [
        "rate-limits-kept",
        "audit-log",
        "audit-lines",
        "audit-kept",
        "no-leaks",
        "migrations-clean",
    ]


def test_the_volume_is_copied_before_item_3(plan):
    lines = {line.id: line for line in plan.item("database").checkpoint}
    copies = lines["volume-backup"]
    assert isinstance(copies, CaptureLine)
    assert copies.volume
    assert copies.database
    assert copies.files == ("docker-compose.staging.yml",)


def test_the_baselines_are_taken_at_the_checkpoint_before_tls(plan):
    checks = {line.id: line for line in plan.item("tls").checkpoint if isinstance(line, CheckLine)}
    latency = checks["baseline-p95"].call
    assert latency.action == "api.latency"
    assert latency.parameters["baseline"] is True
    assert str(latency.parameters["url"]).startswith("http://")
    assert checks["baseline-openapi"].call.action == "api.openapi_saved"


def test_the_nine_limits_are_those_the_sample_documents(plan):
    rows = re.findall(
        r"^\| (auth|write|read) \| (\w+) \| `([^`]+)` \| (\d+) \| (\d+) \|$",
        README.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    documented = {
        (t, m, p.replace("{customer_id}", "1"), int(n), f"{s}s") for t, m, p, n, s in rows
    }
    endpoints = plan.item("rate-limits").steps[0].call.parameters["endpoints"]
    assert isinstance(endpoints, list)
    stated = {
        (e["tier"], e["method"], e["path"].partition("?")[0], e["limit"], e["window"])
        for e in endpoints
    }
    assert len(stated) == 9
    assert stated == documented


def test_the_eight_headers_are_those_the_sample_documents(plan):
    rows = re.findall(
        r"^\| `([\w-]+)` \| `([^`]+)` \|$", README.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(rows) == 8
    assert plan.item("headers").steps[0].call.parameters["headers"] == dict(rows)


def test_every_kind_of_answer_is_asked_for(plan):
    asked = plan.item("headers").steps[0].call.parameters["statuses"]
    assert isinstance(asked, list)
    assert {request["status"] for request in asked} >= {200, 401, 404, 422, 429, 500}


def test_the_window_is_the_sessions_own_and_the_dated_one_is_kept(plan):
    assert plan.window.starts is None
    assert plan.window.budget == timedelta(hours=12)
    declared = (plan.window.declared_start, plan.window.declared_target)
    assert [moment.hour for moment in declared if moment] == [8, 18]
    assert plan.window.declared_deadline
    assert plan.window.declared_deadline.hour == 20


def test_figures_of_the_source_are_claims(plan):
    unproven = " ".join(claim.text for claim in plan.claims if not claim.measured_by)
    for figure in ("70/100 → 95/100", "99.2% → 99.5%", "5000+ lines", "350+ lines", "5-10 min"):
        assert figure in unproven


def test_production_readiness_is_left_out_with_a_reason(plan):
    (readiness,) = (claim for claim in plan.claims if claim.id == "readiness")
    assert not readiness.measured_by
    assert "does not say what is counted" in readiness.unproven


def test_item_6_is_not_required_and_measured_all_the_same(plan):
    item = plan.item("input-validation")
    assert item.not_required == "Item 1 covers"
    lines = {line.id: line.call for line in plan.item("sign-off").success}
    assert lines["hostile-input"].action == "api.hostile_input"
    assert (
        lines["hostile-input"].parameters["headers"]
        == (plan.item("headers").steps[0].call.parameters["headers"])
    )
    (claim,) = (claim for claim in plan.claims if claim.id == "input-validation")
    assert claim.measured_by == "hostile-input"


def test_no_line_of_the_shipped_plan_stops_an_unattended_run(plan):
    confirmed = [
        line for item in plan.items for line in item.checkpoint if isinstance(line, ConfirmLine)
    ]
    assert confirmed
    assert not any(line.person_required for line in confirmed)


def test_the_source_s_latencies_stand_beside_the_measured_ones(plan):
    measured = {claim.id: (claim.measured_by, claim.figure) for claim in plan.claims}
    assert measured["p95-baseline"] == ("baseline-p95", "P95 baseline")
    assert measured["tls-overhead"] == ("tls-p95", "difference to baseline")


def test_no_check_of_item_2_goes_without_verifying(plan):
    for line in plan.item("tls").success:
        assert line.call.parameters.get("verify", True) is True
        assert line.call.parameters.get("ca", "certs/ca.pem") == "certs/ca.pem"


def test_the_engine_commits_item_2(plan):
    item = plan.item("tls")
    assert item.commit.startswith("feat(security)")
    assert item.rollback == ()
    assert item.rollback_budget
    assert item.rollback_budget.high == timedelta(minutes=5)


def test_every_guide_ends_with_a_way_back(plan):
    for item in plan.items:
        if item.guide:
            text = (PLAN.parent / item.guide).read_text(encoding="utf-8")
            assert "roll" in text.lower()
