"""A step that closes the old way in: kept when somebody comes by the new one, else it reverts."""

from __future__ import annotations

import subprocess

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.state import ItemStatus

from .conftest import Demo
from .stage import HERE, Stage, wait_for
from .test_stack import answers, rolled_back

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

PLAN = HERE / "guarded.yaml"


def run(stage: Stage, within: str) -> subprocess.Popen[str]:
    """Up to the question whether the step stays."""
    more = ("--set", f"within={within}")
    process = stage.start("run", PLAN, "--target", stage.root, "-q", *more)
    wait_for(lambda: stage.has(ev.QuestionAsked) or process.poll() is not None, seconds=120)
    assert process.poll() is None, process.communicate()
    assert not answers(stage), "the old way in is closed"
    return process


def test_with_the_engine_dead_and_nobody_there_the_old_way_in_is_opened_again(
    stage: Stage, containers: Demo
) -> None:
    process = run(stage, "15s")
    stage.kill_engine()
    assert stage.end_of(process).returncode == 1
    wait_for(lambda: stage.has(ev.RollbackFinished), seconds=120)
    item = stage.state().items["tls"]
    assert item.status is ItemStatus.ROLLED_BACK
    assert item.rollback is not None
    assert item.rollback.proven, item.rollback.differences
    assert answers(stage)


def test_confirmed_from_a_new_shell_it_stays_and_the_item_goes_on(
    stage: Stage, containers: Demo
) -> None:
    process = run(stage, "10m")
    result = stage.runbook("confirm", "tls.apply")
    assert result.returncode == 0, result.stdout + result.stderr
    result = stage.end_of(process)
    assert result.returncode == 0, result.stdout + result.stderr
    assert stage.state().items["tls"].status is ItemStatus.SUCCEEDED
    rolled_back(stage)
