"""Wrong input and a missing engine: said at once, before anything is begun."""

from __future__ import annotations

from pathlib import Path

import pytest

from .stage import GATE_PLAN, RUNBOOK, Result, Stage, listening

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def run(stage: Stage, plan: Path, *options: str | Path, **environment: str) -> Result:
    return stage.runbook("run", plan, "--target", stage.root, "--yes", *options, **environment)


def nothing_begun(stage: Stage) -> bool:
    return not list(stage.home.glob("*/journal.db"))


def test_a_wrong_plan_is_refused_with_the_place_of_each_mistake(
    stage: Stage, tmp_path: Path
) -> None:
    plan = tmp_path / "wrong.yaml"
    text = GATE_PLAN.read_text().replace("tls.generate_certificate}", "tls.generate_sertificate}")
    plan.write_text(text.replace("title: Keys", "titel: Keys"))
    result = run(stage, plan)
    assert result.returncode == 2
    lines = text.splitlines()
    row = next(n for n, line in enumerate(lines, 1) if "generate_sertificate" in line)
    column = lines[row - 1].index("tls.generate_sertificate") + 1
    assert f"wrong.yaml:{row}:{column}: error: " in result.stderr
    assert "did you mean 'tls.generate_certificate'?" in result.stderr
    assert "did you mean 'title'?" in result.stderr
    assert result.stdout == ""
    assert nothing_begun(stage)


@pytest.mark.parametrize("name", ["", "missing"])
def test_a_wrong_target_folder_is_refused(stage: Stage, tmp_path: Path, name: str) -> None:
    result = stage.runbook("run", GATE_PLAN, "--target", tmp_path / name, "--yes")
    assert result.returncode == 2
    assert str(tmp_path / name) in result.stderr
    assert "--target DIR" in result.stderr
    assert nothing_begun(stage)


def test_without_an_engine_it_says_what_is_missing_and_what_to_do(
    stage: Stage, tmp_path: Path
) -> None:
    result = run(stage, GATE_PLAN, DOCKER_HOST=f"unix://{tmp_path}/dead.sock")
    assert result.returncode == 5
    assert f"No Docker engine answers at unix://{tmp_path}/dead.sock" in result.stderr
    assert "Start one" in result.stderr
    assert "runbook doctor" in result.stderr
    assert nothing_begun(stage)


def test_an_engine_that_refuses_connections_is_told_in_one_line(stage: Stage) -> None:
    with listening() as port:
        pass
    result = run(stage, GATE_PLAN, DOCKER_HOST=f"tcp://127.0.0.1:{port}")
    assert result.returncode == 5
    assert f"No Docker engine answers at tcp://127.0.0.1:{port}: Connection refused" in (
        result.stderr
    )
    assert nothing_begun(stage)


def test_a_usage_error_names_the_command(stage: Stage) -> None:
    result = run(stage, GATE_PLAN, "--item", "kees")
    assert result.returncode == 2
    assert "Did you mean 'keys'?" in result.stderr
    assert RUNBOOK.name == "runbook"
