"""Targets of item 3: the sample, and a shop of another shape."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real.demos import Demo, home_of, made_demo

from .stack import HERE, Stack, compose


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with made_demo(tmp_path_factory.mktemp("database"), "db") as demo:
        yield Stack.of_sample(demo, HERE / "sample.yaml")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    base = tmp_path_factory.mktemp("shop")
    demo = Demo(base / "shop", base / "home")
    demo.project = f"rbtest-shop-{secrets.token_hex(2)}"
    copy_shop(demo.root, demo.project)
    with home_of(demo):
        try:
            compose(demo.root, "compose.yaml", "up", "-d", "--wait")
            yield Stack(
                demo=demo,
                plan=HERE / "shop.yaml",
                project=demo.project,
                service="store",
                database="shop",
                superuser="keeper",
            )
        finally:
            compose(demo.root, "compose.yaml", "down", "--volumes", "--remove-orphans")


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
