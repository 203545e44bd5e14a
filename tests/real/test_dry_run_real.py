"""The dry run on a real demo: it changes nothing, and a run then does what it predicted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_app.adapters.target_secrets import secrets_of
from runbook_app.engine.redaction import Redactor
from tests.actions.dry import patched
from tests.cli.test_plugin_package import EXAMPLE, FILE, installed, site
from tests.real.demos import TLS, Demo, made_demo
from tests.real.test_rehearsal_real import git, untouched

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]

__all__ = ["installed", "site"]

COMPOSE = "docker-compose.staging.yml"
PHASE_1 = "phase1_security_hardening"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with made_demo(tmp_path_factory.mktemp("dryrun"), "dry") as made:
        yield made


def of_home(demo: Demo) -> dict[str, tuple[int, int, bytes]]:
    return {
        str(path): (
            path.lstat().st_mode,
            path.lstat().st_mtime_ns,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [demo.home, *demo.home.rglob("*")]
    }


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts
    }


def running(demo: Demo) -> set[tuple[str, str]]:
    """Id and time of start of each container."""
    found: Any = untouched(demo)[1]
    return set(found)


def test_the_whole_plan_is_foreseen_and_nothing_is_changed(demo: Demo) -> None:
    before, home = untouched(demo), of_home(demo)
    found = demo.runbook("plan", PHASE_1, "--target", str(demo.root))
    assert found.returncode == 1, found.stdout + found.stderr
    assert untouched(demo) == before
    assert of_home(demo) == home
    lines = found.stdout.splitlines()
    assert lines[0].startswith("DRY RUN of Phase 1 Security Hardening")
    assert "    proved       not done: certs holds no key and no certificate" in lines
    assert any("predicted    container " in line and "is made anew" in line for line in lines)
    assert any("predicted    setting db: ssl not set → on" in line for line in lines)
    assert any(line.startswith("    predicted    sql as superuser") for line in lines)
    told = found.stdout + found.stderr
    assert [name for name, value in secrets_of(demo.root, COMPOSE) if value in told] == []


def test_a_run_does_what_was_predicted_and_then_nothing_is_left_to_do(demo: Demo) -> None:
    target = ("--target", str(demo.root))
    redactor = Redactor()
    for known in secrets_of(demo.root, COMPOSE):
        redactor.register(*known)
    dry = demo.runbook("plan", str(TLS), *target, "--json")
    assert dry.returncode == 1, dry.stderr
    steps = json.loads(dry.stdout)["items"][0]["steps"]
    assert [step["cannot_know"] for step in steps] == ["", "", "", ""]

    before, was = contents(demo.root), running(demo)
    done = demo.runbook("run", str(TLS), *target, "--yes", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    after = contents(demo.root)
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    changes = [change for step in steps for change in step["changes"]]
    predicted = {change["name"]: change for change in changes if change["kind"] == "file"}
    assert predicted.keys() == changed - {"PROGRESS.md", ".PROGRESS.md.runbook-new"}
    for name, change in predicted.items():
        status = (demo.root / name).stat()
        access = f"mode {status.st_mode & 0o7777:04o}, owner {status.st_uid}:{status.st_gid}"
        assert access in change["text"] + change["how"], name
        if change["text"] and not name.endswith(".pem"):
            text = patched(redactor.text(before.get(name, b"").decode()), change["text"])
            assert text == redactor.text(after[name].decode()), name
    made_anew = [c for c in changes if c["kind"] == "container" and c["how"] == "is made anew"]
    made = [c for c in changes if c["kind"] == "container" and c["how"] == "is made"]
    assert len(was - running(demo)) == len(made_anew)
    assert len(running(demo)) - len(was) == len(made)

    again = demo.runbook("plan", str(TLS), *target)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "nothing to do. Steps with something to do: 0, proved done: 4" in again.stdout


def test_a_second_run_of_a_done_plan_changes_nothing(demo: Demo) -> None:
    target = ("--target", str(demo.root))
    first = demo.runbook("run", str(TLS), *target, "--yes", "-q")
    assert first.returncode == 0, first.stdout + first.stderr
    before, log, was = contents(demo.root), git(demo, "log", "--format=%H"), running(demo)
    second = demo.runbook("run", str(TLS), *target, "--yes", "-q")
    assert second.returncode == 0, second.stdout + second.stderr
    after = contents(demo.root)
    assert {name for name in after if before.get(name) != after[name]} <= {"PROGRESS.md"}
    assert git(demo, "log", "--format=%H") == log
    assert running(demo) == was
    nothing = demo.runbook("diff", *target, "tls").stdout
    assert nothing == "Nothing that tls captured has changed since.\n"


def test_an_action_of_another_package_is_foreseen_then_done_then_proven_rolled_back(
    demo: Demo, installed: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "sysctl.yaml"
    plan.write_text((EXAMPLE / "plans" / "sysctl.yaml").read_text().replace("compose.yml", COMPOSE))
    target = ("--target", str(demo.root))
    fingerprint, before = demo.comparable(), contents(demo.root)

    dry = demo.runbook("plan", str(plan), *target, "--json")
    assert dry.returncode == 1, dry.stderr
    (step,) = json.loads(dry.stdout)["items"][0]["steps"]
    (predicted,) = step["changes"]
    assert (predicted["kind"], predicted["name"]) == ("file", FILE)
    assert contents(demo.root) == before

    done = demo.runbook("run", str(plan), *target, "--yes", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (demo.root / FILE).read_text() == patched("", predicted["text"])
    assert demo.comparable() != fingerprint

    back = demo.runbook("rollback", *target, "kernel", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    assert "rolled back, proven" in back.stdout
    assert not (demo.root / FILE).parent.exists()
    assert demo.comparable() == fingerprint
