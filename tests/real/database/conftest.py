"""Targets of item 3: the sample, and a shop of another shape."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.kill.conftest import Killed

from .stack import HERE, Stack, compose


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    base = tmp_path_factory.mktemp("database")
    killed = Killed(base / "demo", base / "home")
    project = f"rbtest-db-{secrets.token_hex(2)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_HOME", str(killed.home))
        killed.home.mkdir(mode=0o700)
        try:
            made = killed.demo("--no-open", "--project", project)
            assert made.returncode == 0, made.stderr
            yield Stack(
                killed=killed,
                plan=HERE / "sample.yaml",
                project=project,
                service="db",
                database="accounts",
                superuser="postgres",
            )
        finally:
            killed.demo("--remove")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    base = tmp_path_factory.mktemp("shop")
    killed = Killed(base / "shop", base / "home")
    project = f"rbtest-shop-{secrets.token_hex(2)}"
    copy_shop(killed.root, project)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RUNBOOK_HOME", str(killed.home))
        killed.home.mkdir(mode=0o700)
        try:
            compose(killed.root, "compose.yaml", "up", "-d", "--wait")
            yield Stack(
                killed=killed,
                plan=HERE / "shop.yaml",
                project=project,
                service="store",
                database="shop",
                superuser="keeper",
            )
        finally:
            compose(killed.root, "compose.yaml", "down", "--volumes", "--remove-orphans")


def copy_shop(root: Path, project: str) -> None:
    """Its Python files are kept as `.py.txt`: they are the shop's, and not ours to check."""
    shutil.copytree(HERE / "shop", root)
    for file in root.rglob("*.py.txt"):
        file.rename(file.with_suffix(""))
    file = root / "compose.yaml"
    file.write_text(file.read_text().replace("@@PROJECT@@", project))
    (root / ".till-password").write_text("till-password\n")
    for path in (root, *root.rglob("*")):
        path.chmod(path.stat().st_mode | (0o755 if path.is_dir() else 0o644))
