"""The shipped plan on the real stack: items 1 and 2, item 3 after them, rolled back, and killed.

The limit of the latency is generous here (times are no assertions); the demo uses the plan's own.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from runbook_app.domain.state import ItemStatus
from runbook_app.resources import shipped_plans
from tests.real.demos import Demo

PLAN = shipped_plans() / "phase1_security_hardening.yaml"
HOSTILE = Path(__file__).with_name("hostile.yaml")
OPTIONS = ("--yes", "-q", "--set", "p95_limit=10s")

pytestmark = [pytest.mark.real, pytest.mark.timeout(1500)]


def run(demo: Demo, *items: str, crash_at: str = "") -> subprocess.CompletedProcess[str]:
    scope = [f"--item={item}" for item in items or ("headers", "tls")]
    where = ("--target", str(demo.root))
    return demo.runbook("run", str(PLAN), *where, *scope, *OPTIONS, crash_at=crash_at)


def variables(demo: Demo) -> dict[str, object]:
    return dict(demo.plan().variables)


def https_status(demo: Demo) -> int:
    context = ssl.create_default_context(cafile=demo.root / "certs" / "ca.pem")
    url = f"https://localhost:{variables(demo)['https_port']}/health"
    with urllib.request.urlopen(url, context=context, timeout=10) as answer:
        return int(answer.status)


def http_status(demo: Demo) -> int:
    url = f"http://127.0.0.1:{variables(demo)['https_port']}/health"
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def roll_back(demo: Demo, item: str = "tls", session: str = "") -> None:
    named = (session,) if session else ()
    result = demo.runbook("rollback", *named, item, "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "rolled back, proven" in result.stdout


def score(demo: Demo) -> dict[str, Any]:
    """Measured without a session and without probes, by the newest session's plan."""
    options = ("--target", str(demo.root), "--json", "--set", "p95_limit=10s")
    result = demo.runbook("score", *options)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def not_passed(found: dict[str, Any], category: str) -> list[str]:
    (own,) = [c for c in found["categories"] if c["name"] == category]
    return [check["id"] for check in own["checks"] if check["points"] < check["of"]]


def git_status(demo: Demo) -> str:
    return subprocess.run(
        ["git", "status", "--porcelain"], cwd=demo.root, capture_output=True, text=True, check=True
    ).stdout


def test_hostile_input_is_refused_by_the_sample_and_noticed_where_it_is_not(demo: Demo) -> None:
    before = demo.comparable()
    result = demo.runbook("run", str(HOSTILE), "--target", str(demo.root), "--yes", "-q")
    assert result.returncode == 1, result.stdout + result.stderr
    measured = {m.name: m for step in demo.state().steps() for m in step.measurements}
    refused, accepted = (demo.state().items[name].status for name in ("refused", "accepted"))
    assert (refused, accepted) == (ItemStatus.SUCCEEDED, ItemStatus.FAILED)
    assert measured["POST /api/v1/auth/login: 2 MB"].value == "answered 413"
    assert measured["POST /api/v1/auth/login: SQL"].value == "answered 401"
    known = measured["known defect: GET /api/v1/status?window_minutes=0"]
    assert str(known.value).startswith("answered 500")
    assert "answered 200" in str(measured["GET /health: NUL"].value)
    assert demo.comparable() == before, "a check leaves the target as it was"


@pytest.mark.slow
@pytest.mark.kill
def test_killed_while_item_2_is_verified_it_is_resumed_and_item_3_goes_on_from_there(
    demo: Demo,
) -> None:
    before = demo.comparable(PLAN)
    killed = run(demo, crash_at="verified:tls")
    assert killed.returncode == 1, killed.stdout + killed.stderr
    result = demo.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert https_status(demo) == 200
    first = demo.state().id
    status = json.loads(demo.runbook("status", "--json").stdout)
    states = {item["id"]: item["state"] for item in status["items"]}
    assert states["headers"] == states["tls"] == "succeeded"
    assert states["database"] == states["secrets"] == "pending"
    score_before = status["score"]
    assert score_before["total"] < 35
    assert score_before["categories"]["Transport Security"] == 0
    signal = demo.runbook("export")
    assert signal.returncode == 0, signal.stderr
    assert "INCOMPLETE" in signal.stdout
    assert "before the first change (the plan's claim: 70 → 95)" in signal.stdout
    assert not_passed(score(demo), "Transport Security") == ["database-connections"]

    result = run(demo, "database")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"done before, in session {first}" in result.stdout
    roll_back(demo, "database")
    roll_back(demo, "tls", first)
    assert http_status(demo) == 200
    assert git_status(demo) == ""
    assert demo.comparable(PLAN) == before
