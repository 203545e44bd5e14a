"""`examples/plugin` as a user has it: built, installed beside the program, and called by a plan."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from runbook_app import bootstrap
from runbook_app.adapters.plans import read_plan
from runbook_app.adapters.registry import InstalledActions
from runbook_app.cli import commands
from runbook_app.domain import commands as cmd
from runbook_app.domain import events as ev
from runbook_app.domain.state import ItemStatus
from runbook_app.headless.driver import Driver, Scope
from runbook_app.headless.interrupts import Interrupts
from runbook_app.headless.printer import LinePrinter
from tests.cli.test_take_over import target
from tests.cli.test_verify import home
from tests.engine.world import World, until

pytestmark = pytest.mark.timeout(300)  # pip builds, and pytest runs in pytest

__all__ = ["home", "target"]

EXAMPLE = Path(__file__).parents[2] / "examples" / "plugin"
FILE = "sysctl.d/60-runbook.conf"
MEASURING = """\
plan: kernel-settings
title: Kernel settings
version: "1.0"
target: {compose: compose.yml}
items:
  - id: kernel
    number: 1
    title: Kernel settings
    steps:
      - id: syncookies
        title: SYN cookies are on
        action: sysctl.setting
        with: {key: net.ipv4.tcp_syncookies, value: "1"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that the package is installed in, with nothing from a network."""
    base = tmp_path_factory.mktemp("package")
    source, folder = base / "source", base / "site"
    shutil.copytree(EXAMPLE, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    offline = ("--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", *offline, "--target", folder, source],
        check=True,
        timeout=280,
    )
    return folder


@pytest.fixture
def installed(site: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package on the path of this process and of those that it starts."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    return site


def runbook(site: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runbook_app.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_its_actions_are_listed_and_described(site: Path) -> None:
    listed = runbook(site, "actions")
    assert listed.returncode == 0
    assert listed.stderr == ""
    lines = [line for line in listed.stdout.splitlines() if line.startswith("sysctl.")]
    assert len(lines) == 2
    assert all(line.endswith("[runbook-sysctl 0.1.0]") for line in lines)
    described = runbook(site, "actions", "sysctl.write_setting").stdout
    assert described.startswith(
        "sysctl.write_setting (effect) of the package runbook-sysctl 0.1.0\n"
    )
    assert "Captures: the file, before it is written." in described
    assert "  key: text, required\n" in described


def test_its_plan_is_checked_where_it_is_installed_and_refused_where_not(site: Path) -> None:
    plan = EXAMPLE / "plans" / "sysctl.yaml"
    checked = runbook(site, "check", plan)
    assert (checked.returncode, checked.stderr) == (0, "")
    refused = runbook(EXAMPLE / "nowhere", "check", plan)
    assert refused.returncode == 2
    assert "no action 'sysctl.write_setting' is installed" in refused.stderr


@pytest.mark.slow
def test_its_own_tests_pass(site: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLE / "tests"],
        env={**os.environ, "PYTHONPATH": str(site), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


async def test_its_plan_runs_headless_and_is_rolled_back(installed: Path, tmp_path: Path) -> None:
    registry = InstalledActions()
    world = World(tmp_path, read_plan(EXAMPLE / "plans" / "sysctl.yaml", registry, {}, None))
    world.registry = registry
    world.make()
    await world.begin()
    before = world.files()
    client, out = world.client(), io.StringIO()
    engine = asyncio.create_task(world.drive())
    await until(client, lambda: client.state.epoch == 1)
    printer = LinePrinter(out, out, world.plan, colour=False)
    code = await Driver(client, printer, Scope(unattended=True), Interrupts()).run()
    await engine
    client.refresh()
    assert code == 0, out.getvalue()
    assert client.state.items["kernel"].status is ItemStatus.SUCCEEDED
    assert world.files().keys() - before.keys() == {FILE}
    assert (world.root / FILE).read_text() == "net.ipv4.tcp_syncookies = 1\n"
    assert [taken.name for taken in client.state.items["kernel"].captures] == [FILE]
    engine = asyncio.create_task(world.drive(2))
    await until(client, lambda: client.state.epoch == 2)
    await client.send(cmd.RollBackItem, item="kernel")
    await until(client, lambda: client.state.items["kernel"].status is ItemStatus.ROLLED_BACK)
    assert world.files() == before
    await client.send(cmd.Stop)
    await engine
    client.close()


@pytest.mark.slow
def test_what_it_brought_is_on_record_printed_and_in_the_signal(
    installed: Path, target: Path
) -> None:
    (target / FILE).parent.mkdir()
    (target / FILE).write_text("net.ipv4.tcp_syncookies = 1\n")
    plan = target.parent / "kernel.yaml"
    plan.write_text(MEASURING)
    run = CliRunner()
    done = run.invoke(commands, ["run", str(plan), "--target", str(target), "--yes"])
    assert done.exit_code == 0, done.output
    assert "actions of runbook-sysctl 0.1.0: sysctl.setting" in done.output
    session = bootstrap.open_session(None, target, read_only=True)
    session.close()
    (brought,) = session.state.actions_from
    assert (brought.package, brought.version) == ("runbook-sysctl", "0.1.0")
    assert brought.actions == ("sysctl.setting",)
    assert len(brought.sha256) == 64
    assert isinstance(session.state.started, ev.SessionStarted)
    exported = run.invoke(commands, ["export", "--target", str(target)])
    assert exported.exit_code == 0, exported.output
    page = (session.folder / "signal.md").read_text()
    assert f"sysctl.setting of runbook-sysctl 0.1.0, SHA-256 {brought.sha256}" in page
