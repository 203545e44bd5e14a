"""The shipped drill on a real demo: it runs through, and leaves nothing but its record."""

from __future__ import annotations

from pathlib import Path

import pytest

from runbook_app.domain.state import ItemStatus
from tests.real.demos import made_demo

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.timeout(600)]

PROGRESS = "DRILL_PROGRESS.md"


def files(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(root).parts and path.name != PROGRESS
    }


def test_the_drill_runs_on_the_sample_and_is_taken_back(tmp_path: Path) -> None:
    with made_demo(tmp_path, "drill") as demo:
        before = files(demo.root)
        refused = demo.runbook("run", "drill")
        assert refused.returncode == 3
        assert "--set word=VALUE" in refused.stderr
        ran = demo.runbook("run", "drill", "--yes", "--set", "word=hello")
        assert ran.returncode == 0, ran.stdout + ran.stderr
        items = demo.state().items
        assert {item.status for item in items.values()} == {ItemStatus.SUCCEEDED}
        assert (demo.root / "runbook-drill/two").read_text() == "hello\n"
        undone = demo.runbook("rollback", "files", "--yes")
        assert undone.returncode == 0, undone.stdout + undone.stderr
        assert files(demo.root) == before
