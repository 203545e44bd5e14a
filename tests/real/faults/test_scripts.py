"""What scripts rely on: exit codes, JSON, and a plan that stays as it was."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runbook_app.domain.state import ItemStatus

from .stage import GATE_PLAN, Gate, Stage

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def test_without_yes_it_stops_at_the_first_line_that_needs_a_person(
    stage: Stage, gate: Gate
) -> None:
    gate.open()
    result = stage.runbook(
        "run", GATE_PLAN, "--target", stage.root, "-q", "--set", f"gate={gate.url}"
    )
    assert result.returncode == 3
    state = stage.state()
    assert "Waiting for a person: item keys: Ready to make keys" in result.stderr
    assert f"runbook resume {state.id} --headless --yes" in result.stderr
    assert state.engine is None
    assert not (stage.root / "certs").exists(), "nothing was changed before the answer"
    again = stage.runbook("resume", "--headless")
    assert again.returncode == 3
    result = stage.runbook("resume", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    line = stage.state().items["keys"].checkpoint["ready"]
    assert line.confirmed is not None
    assert line.confirmed.assumed


def test_json_is_one_object_a_line_and_status_has_its_stated_shape(
    stage: Stage, gate: Gate
) -> None:
    gate.open()
    result = stage.runbook(
        *("run", GATE_PLAN, "--target", stage.root, "--yes", "--json"),
        *("--set", f"gate={gate.url}"),
    )
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert all(isinstance(event, dict) for event in events)
    assert [event["type"] for event in (events[0], events[-1])] == [
        "SessionStarted",
        "EngineStopped",
    ]
    assert [event["seq"] for event in events] == sorted({event["seq"] for event in events})
    assert all(event["at"].endswith("Z") for event in events)
    assert "\x1b" not in result.stdout + result.stderr
    status = stage.runbook("status", "--json")
    assert status.returncode == 0
    steps = [{"id": f"keys.{name}", "state": "succeeded"} for name in ("first", "gate", "second")]
    assert json.loads(status.stdout) == {
        "session": stage.state().id,
        "plan": "faults",
        "target": str(stage.root),
        "state": "finished",
        "items": [{"id": "keys", "state": "succeeded", "steps": steps}],
        "score": None,
    }


def test_a_plan_edited_meanwhile_is_refused_until_the_change_is_accepted(
    stage: Stage, gate: Gate, tmp_path: Path
) -> None:
    gate.open()
    plan = tmp_path / "plan.yaml"
    plan.write_text(GATE_PLAN.read_text())
    first = stage.runbook("run", plan, "--target", stage.root, "-q", "--set", f"gate={gate.url}")
    assert first.returncode == 3
    plan.write_text(GATE_PLAN.read_text().replace("title: Second key", "title: Another key"))
    refused = stage.runbook("resume", "--headless", "--yes", "-q")
    assert refused.returncode == 2
    assert f"{plan} was edited since this session began" in refused.stderr
    changed = [line for line in refused.stderr.splitlines() if "key, action" in line]
    assert [line[0] for line in changed] == ["-", "+"]
    assert "Second key" in changed[0]
    assert "Another key" in changed[1]
    assert "--accept-plan-change" in refused.stderr
    plan.write_text(GATE_PLAN.read_text().replace("tls.generate", "tls.degenerate"))
    wrong = stage.runbook("resume", "--headless", "--yes", "-q", "--accept-plan-change")
    assert wrong.returncode == 2
    assert "did you mean 'tls.generate_certificate'?" in wrong.stderr
    plan.write_text(GATE_PLAN.read_text().replace("title: Second key", "title: Another key"))
    accepted = stage.runbook("resume", "--headless", "--yes", "--accept-plan-change")
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    assert "Another key: succeeded" in accepted.stdout
    state = stage.state()
    assert state.items["keys"].status is ItemStatus.SUCCEEDED
    assert stage.sound()
