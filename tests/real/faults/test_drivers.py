"""One driver, signals, and processes that die."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest

from runbook_app.domain import events as ev
from runbook_app.domain.commands import Command, Stop
from runbook_app.domain.state import ItemStatus, StepStatus

from .stage import GATE_PLAN, Gate, Result, Stage, wait_for

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


def resumed(stage: Stage, *options: str) -> Result:
    """`resume --headless --yes`, and whether it did the rest."""
    result = stage.runbook("resume", "--headless", "--yes", "-q", *options)
    assert result.returncode == 0, result.stdout + result.stderr
    assert stage.state().items["keys"].status is ItemStatus.SUCCEEDED
    assert (stage.root / "more" / "key.pem").exists()
    assert stage.sound()
    return result


def watch(stage: Stage) -> subprocess.Popen[str]:
    """`attach --headless`, once it says that it follows."""
    process = stage.start("attach", "--headless")
    assert process.stderr is not None
    assert process.stderr.readline() == (
        f"Watching session {stage.state().id}. Ctrl-C leaves it running.\n"
    )
    return process


def test_a_second_driver_is_told_who_drives_where_and_since_when(stage: Stage, gate: Gate) -> None:
    first = stage.run_to(gate)
    state = stage.state()
    second = stage.runbook("run", GATE_PLAN, "--target", stage.root, "--yes")
    assert second.returncode == 4
    assert state.id in second.stderr
    assert f"process {stage.engine()}" in second.stderr
    assert str(stage.root) in second.stderr
    assert f"driven by {state.started.operator} on {state.started.host}" in second.stderr
    assert "since 20" in second.stderr
    assert "last heartbeat" in second.stderr
    assert f"runbook attach {state.id}" in second.stderr
    assert stage.state().id == state.id, "the refused session left nothing behind"
    again = stage.runbook("resume", "--headless", "--yes")
    assert again.returncode == 4
    assert f"runbook attach {state.id}" in again.stderr
    gate.open()
    assert stage.end_of(first).returncode == 0


def test_ctrl_c_stops_at_a_safe_point_and_resume_goes_on(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: stage.has(Stop))
    assert stage.state().running_step is not None, "the running step is not torn down"
    gate.open()
    result = stage.end_of(process)
    assert result.returncode == 3
    assert "Stopping at the next safe point" in result.stderr
    assert "Stopped: Ctrl-C. Nothing is lost." in result.stderr
    assert f"runbook resume {stage.state().id}" in result.stderr
    state = stage.state()
    assert state.engine is None
    assert state.step("keys.gate").status is StepStatus.SUCCEEDED
    assert state.step("keys.second").status is StepStatus.PENDING
    resumed(stage)


def test_a_second_ctrl_c_detaches_and_the_engine_goes_on(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    process.send_signal(signal.SIGINT)
    wait_for(lambda: stage.has(Stop))
    process.send_signal(signal.SIGINT)
    result = stage.end_of(process)
    assert result.returncode == 3
    assert "Detached (Ctrl-C)" in result.stderr
    assert f"runbook attach {stage.state().id}" in result.stderr
    stage.engine()


def test_sighup_leaves_the_engine_at_work_to_its_end(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    process.send_signal(signal.SIGHUP)
    result = stage.end_of(process)
    assert result.returncode == 3
    assert "Detached (SIGHUP)" in result.stderr
    engine = stage.engine()
    os.kill(engine, signal.SIGHUP)
    gate.open()
    wait_for(lambda: stage.state().items["keys"].status is ItemStatus.SUCCEEDED)
    assert stage.engine() == engine


@pytest.mark.slow
def test_the_engine_outlives_a_killed_headless_run(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    process.kill()
    process.wait()
    status = stage.runbook("status")
    assert f"Session  {stage.state().id}, running" in status.stdout
    watching = watch(stage)
    gate.open()
    wait_for(lambda: stage.state().items["keys"].status is ItemStatus.SUCCEEDED)
    os.kill(stage.engine(), signal.SIGTERM)
    result = stage.end_of(watching)
    assert result.returncode == 0
    assert "step 1.3 Second key: succeeded" in result.stdout
    assert "engine 1 stopped: the process was told to end" in result.stdout


@pytest.mark.slow
def test_a_killed_engine_is_noticed_and_resume_goes_on(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    stage.kill_engine()
    result = stage.end_of(process)
    assert result.returncode == 1
    name = stage.state().id
    assert "The engine ended without a word" in result.stderr
    assert f"runbook resume {name}" in result.stderr
    status = stage.runbook("status")
    assert f"Session  {name}, interrupted" in status.stdout
    assert "The engine ended without a word, as when it is killed." in status.stdout
    assert f"Go on with: runbook resume {name}" in status.stdout
    gate.open()
    resumed(stage)
    bodies = [entry.body for entry in stage.entries()]
    unknown = [body for body in bodies if isinstance(body, ev.StepBecameUnknown)]
    assert [body.step for body in unknown] == ["keys.gate"]
    assert sum(isinstance(b, ev.StepStarted) and b.step == "keys.first" for b in bodies) == 1


def commands(stage: Stage) -> list[str]:
    """Ids of the commands in the journal; the engine's own reports may come at any time."""
    return [entry.body.id for entry in stage.entries() if isinstance(entry.body, Command)]


def test_an_observer_that_leaves_stops_nothing(stage: Stage, gate: Gate) -> None:
    process = stage.run_to(gate)
    seen = commands(stage)
    watching = watch(stage)
    watching.send_signal(signal.SIGINT)
    result = stage.end_of(watching)
    assert result.returncode == 3
    assert "Detached (Ctrl-C); nothing was stopped" in result.stderr
    assert commands(stage) == seen, "watching commands nothing"
    gate.open()
    assert stage.end_of(process).returncode == 0


def test_ctrl_c_before_a_question_does_not_wait_for_its_answer(stage: Stage, gate: Gate) -> None:
    gate.open()
    process = stage.start(*stage.command(gate))
    wait_for(lambda: stage.has(ev.CheckpointOpened))
    process.send_signal(signal.SIGINT)
    result = stage.end_of(process)
    assert result.returncode == 3
    assert "Stopped: Ctrl-C" in result.stderr
    assert stage.state().step("keys.first").status is StepStatus.PENDING
    resumed(stage)


@pytest.mark.slow
def test_a_question_waits_for_whoever_comes_when_the_headless_run_is_killed(
    stage: Stage, gate: Gate
) -> None:
    gate.open()
    process = stage.start(*stage.command(gate))
    wait_for(lambda: stage.has(ev.CheckpointOpened))
    process.kill()
    process.wait()
    wait_for(lambda: stage.state().question is not None)
    status = stage.runbook("status")
    assert status.stdout.splitlines()[0].endswith(", waiting")
    assert "Waiting for a person: Ready to make keys" in status.stdout
    refused = stage.runbook("resume", "--headless", "--yes", "-q")
    assert refused.returncode == 4
    engine = stage.engine()
    assert f"kill {engine}" in refused.stderr
    os.kill(engine, signal.SIGTERM)
    wait_for(lambda: stage.state().engine is None)
    resumed(stage)
