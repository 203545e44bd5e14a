"""Every check of the shipped score has a test that puts its weakness back and sees it fail."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.domain.plan import ScoreCheck
from runbook_app.resources import shipped_plans

TESTS = Path(__file__).parents[1]
PLAN = read_plan(shipped_plans() / "phase1_security_hardening.yaml", InstalledActions(), {}, None)
CHECKS: dict[str, ScoreCheck] = {c.id: c for k in PLAN.score.categories for c in k.checks}

SHOWN_BY_FILE = {
    "answers": {
        "api-headers": "security_headers_are_on_every_kind_of_answer_once",
        "redirect": "a_redirect_keeps_path_query_and_method",
        "hsts": "hsts_is_on_every_answer_over_tls_and_nowhere_else",
        "api-closed": "a_published_port_fails",
    },
    "rate_limits": {
        "rate-limits": "each_weakness_of_a_limit_has_a_measurement_that_fails",
    },
    "exposure": {
        "banners": "a_banner_in_a_header_or_an_error_fails",
        "cors": "a_weakness_fails_and_its_absence_passes",
        "hosts": "a_weakness_fails_and_its_absence_passes",
        "trace": "a_weakness_fails_and_its_absence_passes",
        "description": "a_weakness_fails_and_its_absence_passes",
        "jwt-signature": "a_token_that_should_not_be_let_in_fails_by_its_name",
        "published-keys": "a_token_signed_with_a_published_key_has_to_be_refused",
        "jwt-claims": "a_token_that_should_not_be_let_in_fails_by_its_name",
        "tls-ciphers": "a_suite_beside_the_wanted_ones_fails",
        "published-ports": "nothing_but_the_edge_may_publish",
    },
    "hostile_input": {
        "hostile-input": "one_carelessness_is_found_out",
    },
    "tls_port": {
        "tls-protocols": "a_server_that_speaks_an_old_version_fails",
        "tls-certificate": "a_weak_certificate_fails_by_its_weakness",
    },
    "small_checks": {
        "tls-key": "a_files_mode_and_owner_are_held",
        "keys-ignored": "each_path_must_be_ignored",
    },
    "latency": {
        "p95": "an_injected_delay_is_seen",
    },
    "score_mutations": {
        "backup": "a_backup_that_restores_as_another_fails",
        "request-log": "a_request_log_that_lacks_something_fails",
    },
    "secret_places": {
        "inspect": "a_variable_with_a_secret_shows_in_docker_inspect",
        "first-process": "an_entrypoint_that_exports_a_secret_is_seen",
        "compose-file": "a_secret_in_the_compose_file_is_seen",
        "image-history": "a_secret_that_an_image_was_built_with_is_seen",
        "repository": "a_secret_in_a_tracked_file_is_seen",
        "published-passwords": "a_published_password_has_to_be_refused",
        "secrets-in-logs": "a_secret_in_a_log_is_seen",
        "secret-files": "a_file_that_others_can_read_fails",
        "strength": "a_weak_or_repeated_secret_fails",
    },
    "database_measures": {
        "connections-logged": "a_setting_that_is_another_fails",
        "log-rotation": "a_log_without_a_bound_fails",
    },
}
"""By file of tests/actions and by check, a fast test with the weakness and without it."""
SHOWN = {
    check: f"actions/test_{file}.py::test_{name}"
    for file, shown in SHOWN_BY_FILE.items()
    for check, name in shown.items()
}
REAL = ("real/database/weaknesses.py", "real/credentials/vault.py")
"""Weaknesses put into a real stack."""


def in_the_real_stack() -> set[str]:
    found: set[str] = set()
    for file in REAL:
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        (put,) = (
            node.value
            for node in tree.body
            if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "WEAKNESSES"
        )
        assert isinstance(put, ast.Dict)
        found |= {ast.literal_eval(key) for key in put.keys if key is not None}
    return found


def test_every_check_is_shown_to_fail_when_its_weakness_is_put_back() -> None:
    assert set(CHECKS) - set(SHOWN) - in_the_real_stack() == set()
    assert (set(SHOWN) | in_the_real_stack()) - set(CHECKS) == set()


@pytest.mark.parametrize("place", sorted(set(SHOWN.values())))
def test_the_test_that_shows_it_is_there(place: str) -> None:
    file, _, name = place.partition("::")
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    functions = ast.AsyncFunctionDef | ast.FunctionDef
    assert name in {node.name for node in tree.body if isinstance(node, functions)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=list(CHECKS))
def test_a_check_says_who_asks_for_it_and_is_installed(check: ScoreCheck) -> None:
    assert check.available
    assert check.source
    assert check.weight in (1, 2, 3)


def test_the_five_categories_have_about_forty_checks() -> None:
    counts = {category.name: len(category.checks) for category in PLAN.score.categories}
    assert list(counts) == [
        "API Security",
        "Transport Security",
        "Data Security",
        "Secrets Management",
        "Audit Logging",
    ]
    assert min(counts.values()) >= 8
    assert 40 <= sum(counts.values()) <= 55
