"""Faults of the stack itself: each is named, ends in bounded time, and can be made good."""

from __future__ import annotations

import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from runbook_app.domain.state import ItemStatus, StepStatus

from .conftest import Demo
from .stage import TLS_PLAN, Gate, Result, Stage, git, listening

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

COMPOSE = "docker-compose.staging.yml"


def run(stage: Stage, *options: str) -> Result:
    return stage.runbook("run", TLS_PLAN, "--target", stage.root, "--yes", "-q", *options)


def docker(*argv: str) -> str:
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def edit(root: Path, change: str, value: object) -> None:
    """Set one value of the Compose file, written as a path of keys, and commit it."""
    yaml = YAML()
    document = yaml.load(root / COMPOSE)
    *way, last = change.split("/")
    place = document
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    yaml.dump(document, root / COMPOSE)
    git(root, "commit", "--quiet", "--all", "--message", "Break it")


def rolled_back(stage: Stage) -> None:
    """The rollback is proven, and the API answers where it did before."""
    result = stage.runbook("rollback", "tls", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    proof = stage.state().items["tls"].rollback
    assert proof is not None
    assert proof.proven, proof.differences
    assert git(stage.root, "status", "--porcelain") == ""
    assert answers(stage)


def answers(stage: Stage) -> bool:
    """Whether the API answers where it did before item 2."""
    port = docker("port", container_of(stage, "api")).partition("8000/tcp -> ")[2]
    if not port:
        return False
    at = port.splitlines()[0].split(":")[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{at}/health", timeout=10) as answer:
        return bool(answer.status == 200)


def container_of(stage: Stage, service: str) -> str:
    project = YAML().load(stage.root / COMPOSE)["name"]
    return f"{project}-{service}-1"


def test_a_taken_port_is_named_and_the_item_can_be_rolled_back(
    stage: Stage, containers: Demo
) -> None:
    with listening() as port:
        result = run(stage, "--set", f"http_port={port}")
        assert result.returncode == 1
        assert f"Port {port} is taken by the process" in result.stderr
        assert "--set http_port=PORT in a new session" in result.stderr
        assert f"runbook rollback {stage.state().id} " in result.stderr
        assert stage.state().step("tls.apply").status is StepStatus.FAILED
        rolled_back(stage)


def test_a_compose_file_without_the_api_is_refused_before_anything_is_changed(
    stage: Stage,
) -> None:
    edit(stage.root, "services/api", None)
    result = run(stage)
    assert result.returncode == 2
    assert f"{stage.root / COMPOSE} has no service api, which the plan names." in result.stderr
    assert "It has db." in result.stderr
    assert not list(stage.home.glob("*/journal.db")), "no session was begun"
    assert git(stage.root, "status", "--porcelain") == ""


def test_a_compose_file_that_is_no_yaml_is_refused_with_the_place(stage: Stage) -> None:
    broken = (stage.root / COMPOSE).read_text().replace("services:", "services: [", 1)
    (stage.root / COMPOSE).write_text(broken)
    result = run(stage)
    assert result.returncode == 2
    assert str(stage.root / COMPOSE) in result.stderr
    assert "line" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(stage.home.glob("*/journal.db")), "no session was begun"


def test_a_container_that_never_gets_healthy_is_named_with_its_last_words(
    stage: Stage, containers: Demo
) -> None:
    # Healthy as it is, never behind the proxy whose address it then trusts.
    test = 'test "$$FORWARDED_ALLOW_IPS" = 127.0.0.1 || { echo not yet; exit 1; }'
    check = {"test": ["CMD-SHELL", test], "interval": "1s", "retries": 60}
    edit(stage.root, "services/api/healthcheck", check)
    containers.call("--no-open")
    began = time.monotonic()
    result = run(stage)
    assert time.monotonic() - began < 60
    assert result.returncode == 1
    assert "api did not get healthy within 10" in result.stderr
    assert "Its healthcheck says: not yet" in result.stderr
    assert "Last log lines of api:" in result.stderr
    assert "Application startup complete" in result.stderr
    rolled_back(stage)


def test_a_stopped_database_is_named_and_resume_works_once_it_runs(
    stage: Stage, containers: Demo, gate: Gate
) -> None:
    gate.open()
    docker("stop", containers.container("db"))
    result = stage.runbook(*stage.command(gate))
    assert result.returncode == 1
    assert (
        "The service db does not run; its container is exited, exit code 0. Start it;"
        in result.stderr
    )
    assert f"runbook resume {stage.state().id} --headless --yes" in result.stderr
    assert not (stage.root / "certs").exists()
    docker("start", containers.container("db"))
    result = stage.runbook("resume", "--headless", "--yes", "-q")
    assert result.returncode == 0, result.stdout + result.stderr
    assert stage.state().items["keys"].status is ItemStatus.SUCCEEDED
