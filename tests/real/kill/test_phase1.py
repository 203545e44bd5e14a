"""The shipped plan on the real stack: items 1 and 2, rolled back, run again, and killed.

The limit of the latency is generous here (times are no assertions); the demo uses the plan's own.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request

import pytest

from runbook_app.domain.state import ItemStatus
from runbook_app.resources import shipped_plans

from .conftest import Killed

PLAN = shipped_plans() / "phase1_security_hardening.yaml"
OPTIONS = ("--yes", "-q", "--set", "p95_limit=10s")

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


def run(demo: Killed, *items: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    scope = [f"--item={item}" for item in items or ("headers", "tls")]
    where = ("--target", str(demo.root))
    return demo.runbook("run", str(PLAN), *where, *scope, *OPTIONS, crash_at=crash_at)


def variables(demo: Killed) -> dict[str, object]:
    return dict(demo.plan().variables)


def https_status(demo: Killed) -> int:
    context = ssl.create_default_context(cafile=demo.root / "certs" / "ca.pem")
    url = f"https://localhost:{variables(demo)['https_port']}/health"
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        return int(answer.status)


def http_status(demo: Killed) -> int:
    url = f"http://127.0.0.1:{variables(demo)['https_port']}/health"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def roll_back(demo: Killed, item: str = "tls", session: str = "") -> None:
    named = (session,) if session else ()
    result = demo.runbook("rollback", *named, item, "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout


def git_status(demo: Killed) -> str:
    return subprocess.run(
        ["git", "status", "--porcelain"], cwd=demo.root, capture_output=True, text=True, check=True
    ).stdout


def test_the_stack_answers_https_after_item_2_and_http_after_its_rollback(demo: Killed) -> None:
    before = demo.comparable(PLAN)
    result = run(demo)
    assert result.returncode == 0, result.stdout + result.stderr
    assert https_status(demo) == 200
    status = json.loads(demo.runbook("status", "--json").stdout)
    states = {item["id"]: item["state"] for item in status["items"]}
    assert states["headers"] == states["tls"] == "succeeded"
    assert states["database"] == states["secrets"] == "pending"
    signal = demo.runbook("export")
    assert signal.returncode == 0, signal.stderr
    assert "INCOMPLETE" in signal.stdout
    roll_back(demo)
    assert http_status(demo) == 200
    assert git_status(demo) == ""
    assert demo.comparable(PLAN) == before


@pytest.mark.slow
def test_item_3_runs_in_a_session_of_its_own_where_item_2_is_done(demo: Killed) -> None:
    before = demo.comparable(PLAN)
    for _ in range(2):
        result = run(demo)
        assert result.returncode == 0, result.stdout + result.stderr
        first = demo.state().id
        result = run(demo, "database")
        assert result.returncode == 0, result.stdout + result.stderr
        assert f"done before, in session {first}" in result.stdout
        roll_back(demo, "database")
        roll_back(demo, "tls", first)
        assert demo.comparable(PLAN) == before


@pytest.mark.slow
@pytest.mark.kill
def test_a_second_run_killed_while_it_verifies_is_resumed_to_its_end(demo: Killed) -> None:
    before = demo.comparable(PLAN)
    for point in ("effect:tls.suite", "verified:tls"):
        result = run(demo, crash_at=point)
        assert result.returncode == 1, result.stdout + result.stderr
        again = demo.runbook("resume", "--headless", "--yes", "-q")
        assert again.returncode == 0, again.stdout + again.stderr
        assert demo.state().items["tls"].status is ItemStatus.SUCCEEDED
        assert https_status(demo) == 200
        roll_back(demo)
        assert demo.comparable(PLAN) == before
