"""Demos on a real engine."""

from __future__ import annotations

import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook_app.adapters.demo import Demo, read_marker

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


def say(text: str) -> None:
    print(text)  # noqa: T201 - shown by pytest when the test fails


@pytest.fixture
def demos(tmp_path: Path) -> Iterator[list[Demo]]:
    """Two demos, removed in any case."""
    folders = [tmp_path / "first", tmp_path / "second"]
    made = [
        Demo(folder, say=say, project=f"rbtest-demo-{tmp_path.name[-8:].lower()}-{number}")
        for number, folder in enumerate(folders)
    ]
    yield made
    for demo, folder in zip(made, folders, strict=True):
        if read_marker(folder):
            demo.remove()


def named(kind: str, project: str) -> list[str]:
    """Names of the containers, volumes or networks that belong to a project."""
    wanted = ["--filter", f"label=com.docker.compose.project={project}"]
    every = ["--all"] if kind == "container" else []
    done = subprocess.run(
        ["docker", kind, "ls", "--quiet", *every, *wanted],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.split()


def test_two_demos_run_side_by_side_and_leave_nothing_behind(
    demos: list[Demo], tmp_path: Path
) -> None:
    urls = [demo.prepare() for demo in demos]
    assert len(set(urls)) == 2
    for url in urls:
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert answer.status == 200
    commits = subprocess.run(
        ["git", "-C", str(tmp_path / "first"), "log", "--oneline"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert len(commits.stdout.splitlines()) == 1
    assert demos[0].prepare() == urls[0], "a demo that is there is taken again"
    settings = read_marker(tmp_path / "first")
    assert settings is not None
    demos[0].remove()
    assert not (tmp_path / "first").exists()
    for kind in ("container", "volume", "network"):
        assert named(kind, settings.project) == []
