"""Item 2 rehearsed on a copy of a real demo: the target stays as it is, and nothing is left."""

from __future__ import annotations

import json
import re
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app.adapters.docker_client import DockerClient
from runbook_app.adapters.rehearsal import _VolumeCopy
from runbook_app.bootstrap import rehearsal_record
from tests.real.demos import RUNBOOK, TLS, Demo, made_demo

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with made_demo(tmp_path_factory.mktemp("rehearsal"), "rehearse") as made:
        yield made


@pytest.fixture
def required(demo: Demo, tmp_path: Path) -> Path:
    """The plan, with the rehearsal required."""
    plan = tmp_path / "required.yaml"
    text = TLS.read_text().replace("    title: TLS\n", "    title: TLS\n    rehearsal: required\n")
    plan.write_text(text)
    return plan


def docker(*argv: str) -> list[str]:
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


def left(project: str) -> list[str]:
    """Everything on the engine that has a copy's project, or is named after it."""
    label = ("--filter", f"label=com.docker.compose.project={project}")
    return [
        *docker("ps", "--all", "--quiet", *label),
        *docker("volume", "ls", "--quiet", *label),
        *docker("network", "ls", "--quiet", *label),
        *docker("image", "ls", "--quiet", f"{project}-*"),
    ]


def untouched(demo: Demo) -> tuple[object, ...]:
    """What a rehearsal must leave: fingerprint, containers with their start, git, every file."""
    names = docker("ps", "--quiet", "--filter", f"label=com.docker.compose.project={demo.project}")
    containers = json.loads("".join(docker("inspect", *sorted(names))))
    return (
        demo.comparable(),
        [(found["Id"], found["State"]["StartedAt"]) for found in containers],
        git(demo, "status", "--porcelain", "--ignored"),
        git(demo, "log", "--format=%H"),
        {
            str(path): (path.lstat().st_mtime_ns, path.lstat().st_mode)
            for path in demo.root.rglob("*")
        },
    )


def git(demo: Demo, *argv: str) -> str:
    return subprocess.run(
        ["git", "--no-optional-locks", *argv],
        cwd=demo.root,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout


def project_of(text: str) -> str:
    found = re.search(r"Compose project (runbook-rehearsal-\w+)", text)
    assert found is not None
    return found[1]


def test_item_2_is_rehearsed_and_the_badge_lets_it_begin(demo: Demo, required: Path) -> None:
    target = ("--target", str(demo.root))
    refused = demo.runbook("run", str(required), *target, "--yes", "-q")
    assert refused.returncode == 3, refused.stdout
    assert f"runbook rehearse {required}" in refused.stderr

    before = untouched(demo)
    done = demo.runbook("rehearse", str(required), *target, "--item", "tls", "-q")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"2 TLS \(tls\) +\S+ +1/1 +\S+ +proven", done.stdout)
    assert untouched(demo) == before

    assert left(project_of(done.stdout)) == []
    assert rehearsal_record().begun() == []
    assert [path for path in demo.home.glob("rehearsals/*") if path.name != "badges"] == []
    assert len(list(demo.home.glob("*/journal.db"))) == 1, "the copy's session goes with it"

    assert "Item tls: rollback proven just now" in demo.runbook("status", *target).stdout
    resumed = demo.runbook("resume", *target, "--headless", "--yes", "-q")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert demo.runbook("rollback", "tls", "--yes", "-q").returncode == 0


def test_a_fixed_container_name_is_refused_and_nothing_is_made(demo: Demo) -> None:
    compose = demo.root / "docker-compose.staging.yml"
    before = compose.read_text()
    compose.write_text(before.replace("  api:\n", "  api:\n    container_name: fixed\n", 1))
    try:
        refused = demo.runbook("rehearse", str(TLS), "--target", str(demo.root))
    finally:
        compose.write_text(before)
    assert refused.returncode == 2
    assert "the container name fixed of service api" in refused.stderr
    assert [path for path in demo.home.glob("rehearsals/*") if path.name != "badges"] == []


def test_a_killed_rehearsal_is_removed_by_the_next_command(demo: Demo) -> None:
    argv = ["rehearse", str(TLS), "--target", str(demo.root), "-q"]
    process = subprocess.Popen(
        [RUNBOOK, *argv],
        env=demo.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 240
    begun = None
    while time.monotonic() < deadline and process.poll() is None:
        begun = next(iter(rehearsal_record().begun()), None)
        if begun is not None and begun.session and (begun.copy / "certs" / "key.pem").exists():
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    assert begun is not None
    assert left(begun.names.project) != []

    removed = demo.runbook("rehearse", "--remove")
    assert removed.returncode == 0, removed.stderr
    assert left(begun.names.project) == []
    assert not Path(begun.folder).exists()
    assert not (demo.home / begun.session).exists()


@pytest.fixture
def volumes() -> Iterator[tuple[str, str]]:
    names = (f"rbtest-{secrets.token_hex(4)}", f"rbtest-{secrets.token_hex(4)}")
    for name in names:
        docker("volume", "create", name)
    yield names
    docker("volume", "rm", *names)


@pytest.mark.usefixtures("demo")  # which provides the image
def test_a_volume_is_copied_with_owners_and_modes(volumes: tuple[str, str]) -> None:
    old, new = volumes
    image = "runbook-staging-db:latest"

    def shell(volume: str, script: str) -> list[str]:
        mount = f"type=volume,source={volume},target=/v"
        limits = ("--rm", "--network=none", "--user=0", "--entrypoint=sh")
        return docker("run", *limits, "--mount", mount, image, "-c", script)

    shell(old, "mkdir /v/d && echo one >/v/d/f && chown 33:7 /v/d/f && chmod 0640 /v/d/f")
    shell(old, "ln -s d/f /v/link && chmod 0701 /v && chown 5:6 /v")
    client = DockerClient()
    try:
        _VolumeCopy(client, old, new, image, "rbtest").run()
    finally:
        client.close()
    look = "stat -c '%n %a %u:%g %F' /v /v/d /v/d/f /v/link; cat /v/link"
    assert shell(new, look) == shell(old, look)
