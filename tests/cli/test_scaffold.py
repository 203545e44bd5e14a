"""What `runbook new` writes passes `runbook check`, ruff, mypy and its own tests as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from runbook_app.cli import commands

pytestmark = pytest.mark.timeout(300)  # mypy reads all that is imported anew

FLUSH = "flush_everything_that_is_older"
LONG = "edge-certificates-of-every-last-proxy-01"
"""As long as a plan's name may be."""
ROOT = Path(__file__).parents[2]


def new(*arguments: str | Path) -> Result:
    return CliRunner().invoke(commands, ["new", *map(str, arguments)])


def run(folder: Path, *argv: str, path: Path = ROOT) -> str:
    """What a program says in a folder; it has to end well."""
    done = subprocess.run(
        [sys.executable, "-m", *argv],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("new")
    assert new("action", f"my_cache.{FLUSH}", "--into", into).exit_code == 0
    return into / "runbook-my-cache"


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("plans")
    assert new("plan", LONG, "--into", into).exit_code == 0
    return into


def test_a_new_action_passes_its_own_tests(package: Path) -> None:
    assert "3 passed" in run(package, "pytest", "-q", "-p", "no:cacheprovider")


def test_a_new_action_passes_ruff_with_this_projects_rules(package: Path) -> None:
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    # Tests assert, and this project's own leave is for its own folders.
    run(package, "ruff", "check", *settings, "--ignore", "S101", ".")
    run(package, "ruff", "format", *settings, "--check", ".")


@pytest.mark.slow
@pytest.mark.parametrize("which", ["package", "plans"])
def test_what_is_new_passes_mypy_strictly(which: str, request, tmp_path: Path) -> None:
    folder = request.getfixturevalue(which)
    run(folder, "mypy", "--strict", "--cache-dir", str(tmp_path), ".")


@pytest.mark.slow
def test_a_new_action_is_found_once_it_is_installed_and_its_plan_is_clean(
    package: Path, tmp_path: Path
) -> None:
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    site = tmp_path / "site"
    run(tmp_path, "pip", "install", "--quiet", *offline, "--target", str(site), str(package))
    plan = package / "plans" / "my-cache.yaml"
    checked = run(tmp_path, "runbook_app.cli", "check", str(plan), path=site)
    assert "1 items, 1 steps, no errors" in checked
    assert "warning" not in checked
    described = run(tmp_path, "runbook_app.cli", "actions", f"my_cache.{FLUSH}", path=site)
    assert "of the package runbook-my-cache 0.1.0" in described


@pytest.mark.slow
def test_a_new_plan_is_clean_and_passes_its_tests_and_ruff(plans: Path) -> None:
    checked = run(plans, "runbook_app.cli", "check", f"{LONG}.yaml")
    assert "no errors" in checked
    assert "warning" not in checked
    assert "2 passed" in run(plans, "pytest", "-q", "-p", "no:cacheprovider")
    settings = ("--config", str(ROOT / "pyproject.toml"), "--no-cache")
    run(plans, "ruff", "check", *settings, "--ignore", "S101", ".")
    run(plans, "ruff", "format", *settings, "--check", ".")


@pytest.mark.parametrize(
    "name",
    [
        *("redis", "Redis.flush", "redis.flush.more", "redis.", ".flush", "re-dis.flush"),
        *(
            "r" * 31 + ".flush",
            "redis." + "f" * 31,
            "redis.import",
            "class.flush",
            "../x.flush",
            "redis.flush\n",
            "",
        ),
    ],
)
def test_what_can_not_be_an_actions_name_is_refused(name: str, tmp_path: Path) -> None:
    refused = new("action", name, "--into", tmp_path)
    assert refused.exit_code == 2
    assert "can't be the name of an action" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_module_of_ours_is_refused(tmp_path: Path) -> None:
    refused = new("action", "tls.renew", "--into", tmp_path)
    assert refused.exit_code == 2
    assert "a module of this program's own actions" in refused.stderr


@pytest.mark.parametrize(
    "name", ["Edge", "edge_x", "-edge", "edge-", "a/b", "../x", "edge\n", "", "e" * 41]
)
def test_what_can_not_be_a_plans_name_is_refused(name: str, tmp_path: Path) -> None:
    refused = new("plan", "--into", tmp_path, "--", name)
    assert refused.exit_code == 2
    assert "can't be the name of a plan" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["action", "plan"])
def test_nothing_is_written_over(kind: str, tmp_path: Path) -> None:
    name = {"action": "redis.flush", "plan": "edge"}[kind]
    assert new(kind, name, "--into", tmp_path).exit_code == 0
    for path in tmp_path.rglob("*"):
        if path.is_file():
            path.write_text("mine\n")
    before = everything(tmp_path)
    again = new(kind, name, "--into", tmp_path)
    assert again.exit_code == 2
    assert "is there already; nothing was written" in again.stderr
    assert everything(tmp_path) == before


def test_a_test_that_is_there_already_keeps_the_plan_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "test_edge.py").write_text("mine\n")
    assert new("plan", "edge", "--into", tmp_path).exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["test_edge.py"]
